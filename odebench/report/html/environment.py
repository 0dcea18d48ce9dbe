"""Where the runs were made, as a table with a column a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from odebench.report.document import Document

TITLES = {
    "cpu": "processor",
    "cores": "cores",
    "logical_cores": "logical cores",
    "memory_bytes": "memory",
    "load": "load at the start",
    "platform": "system",
    "python": "Python",
    "git": "commit of the suite",
    "odebench_git": "commit of odebench",
}
OF_INTEREST = ("odebench", "numpy", "scipy")


class Fact(NamedTuple):
    """:param values: a run's each; empty where it does not say."""

    title: str
    values: Sequence[str]

    @property
    def differs(self) -> bool:
        return len(set(self.values)) > 1


class Facts(NamedTuple):
    """:param packages: all that were installed."""

    general: list[Fact]
    versions: list[Fact]
    packages: list[Fact]


def facts(document: Document) -> Facts:
    """What the runs say of where they were made, whatever is missing or of another kind than it should be."""
    environments = [_table(run.environment) for run in document.runs]
    general = [_fact(title, [e.get(key) for e in environments], key) for key, title in TITLES.items()]
    known = {*TITLES, "flags", "packages", "frameworks"}
    general += [_fact(key, [e.get(key) for e in environments]) for key in _keys(environments) if key not in known]
    for table in ("flags", "frameworks"):
        tables = [_table(e.get(table)) for e in environments]
        general += [_fact(key, [t.get(key) for t in tables]) for key in _keys(tables)]
    packages = [_table(e.get("packages")) for e in environments]
    every = [_fact(key, [p.get(key) for p in packages]) for key in _keys(packages)]
    used = {r.config.get(key) for r in document.records for key in ("framework", "library")}
    used |= {"jaxlib"} if "jax" in used else set()
    versions = [fact for fact in every if fact.title in OF_INTEREST or fact.title.replace("-", "_") in used]
    return Facts([fact for fact in general if any(fact.values)], versions, every)


def _fact(title: str, values: Sequence[Any], key: str = "") -> Fact:
    return Fact(title, [_words(value, key) for value in values])


def _words(value: Any, key: str) -> str:
    if value is None:
        return ""
    if key == "memory_bytes" and isinstance(value, int | float):
        return f"{value / 1e9:.1f} GB"
    if isinstance(value, Mapping) and key.endswith("git"):
        return f"{value.get('commit', '')}{', with changes' if value.get('dirty') else ''}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_words(one, '')}" for name, one in value.items() if one not in ("", None))
    if isinstance(value, list | tuple):
        return ", ".join(_words(one, "") for one in value)
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _keys(tables: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(key) for table in tables for key in table))
