"""What is true of a task: its prediction and gradients by independent routes that agree, stored as plain data.

:attr:`odebench.descriptors.Task.truth` names a callable ``truth(seed, *, option=default, …)`` that returns the routes
in order, the best first: a dict from what a route is (``"collocation in extended precision"``) to a callable without
arguments that returns float64 arrays ``prediction`` and ``gradient/<parameter>``. Its keyword parameters are the
options of the task that the truth depends on.

References are stored in a folder ``references`` beside the module that makes them, a JSON file each.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import math
import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from odebench.descriptors import Task, installed, load
from odebench.measure.accuracy import Arrays, agree, agreement, relative_errors

Route = Callable[[], Arrays]
_MADE_WITH = ("odebench", "numpy", "scipy", "jax", "mpmath")
_REPRODUCED = 1e-12  # what another machine's rounding may change


class NoAgreement(Exception):
    """Fewer than two routes came to an end."""


@dataclass(frozen=True)
class Key:
    """What a truth depends on. ``options`` are complete: those that are not given have their defaults."""

    task: str
    seed: int
    options: dict[str, Any]
    default: bool

    @property
    def file_name(self) -> str:
        name = self.task.rpartition("/")[2]
        if self.default:
            return f"{name}.json"
        text = json.dumps([self.seed, self.options], sort_keys=True)
        return f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:8]}.json"


@dataclass(frozen=True)
class Truth:
    """A reference.

    :param arrays: ``prediction`` and ``gradient/<parameter>`` by the first route, and ``agreement/<quantity>``.
    :param routes: how far each further route is from the first, by quantity; nothing for the first.
    :param failed: why routes that did not come to an end did not.
    """

    key: Key
    arrays: Arrays
    routes: dict[str, dict[str, float]]
    failed: dict[str, str]
    made_with: dict[str, str]

    @property
    def agreement(self) -> dict[str, float]:
        return agreement(self.arrays)


def key(task: Task, seed: int, options: Mapping[str, Any]) -> Key:
    """The options of a cell may be more than its truth depends on."""
    parameters = list(inspect.signature(load(task.truth)).parameters.values())[1:]
    defaults = {p.name: p.default for p in parameters}
    chosen = {name: options.get(name, default) for name, default in defaults.items()}
    return Key(task.name, seed, chosen, default=seed == 0 and chosen == defaults)


def make(task: Task, key: Key) -> Truth:
    """Take every route. :raises NoAgreement: where fewer than two come to an end, saying why."""
    found: dict[str, Arrays] = {}
    failed = {}
    for name, route in load(task.truth)(key.seed, **key.options).items():
        try:
            arrays = route()
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {error}"
            continue
        if all(np.all(np.isfinite(x)) for x in arrays.values()):
            found[name] = arrays
        else:
            failed[name] = "not finite"
    if len(found) < 2:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise NoAgreement(f"{task.name}: {len(found)} of two routes to its truth came to an end ({reasons})")
    first, *others = found.values()
    versions = {name: metadata.version(name) for name in _MADE_WITH if installed(name)}
    return Truth(
        key=key,
        arrays=agree(first, *others),
        routes={name: relative_errors(arrays, first) if i else {} for i, (name, arrays) in enumerate(found.items())},
        failed=failed,
        made_with={"python": platform.python_version(), "machine": platform.machine()} | versions,
    )


def file(task: Task, key: Key) -> Path:
    """Where a reference is stored, if it is."""
    spec = importlib.util.find_spec(task.truth.partition(":")[0])
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "references" / key.file_name


def write(truth: Truth, path: Path) -> None:
    arrays = {name: x.tolist() for name, x in truth.arrays.items() if not name.startswith("agreement/")}
    content = {
        "task": truth.key.task,
        "seed": truth.key.seed,
        "options": truth.key.options,
        "agreement": truth.agreement,
        "routes": truth.routes,
        "failed": truth.failed,
        "made_with": truth.made_with,
        "arrays": arrays,
    }
    lines = (f"{json.dumps(name)}: {json.dumps(value)}" for name, value in content.items() if name != "arrays")
    numbers = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in arrays.items())
    path.parent.mkdir(exist_ok=True)
    path.write_text("{\n" + ",\n".join(lines) + ',\n"arrays": {\n' + numbers + "\n}\n}\n", encoding="utf-8")


def read(path: Path, key: Key) -> Truth | None:
    """The reference that is stored for a key; None where there is none."""
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    if (content["task"], content["seed"], content["options"]) != (key.task, key.seed, key.options):
        return None
    arrays = {name: np.asarray(value, dtype=np.float64) for name, value in content["arrays"].items()}
    arrays |= {f"agreement/{name}": np.asarray(value) for name, value in content["agreement"].items()}
    return Truth(key, arrays, content["routes"], content["failed"], content["made_with"])


def differing(stored: Truth, remade: Truth) -> dict[str, float]:
    """The quantities in which two makings of a reference differ by more than they are known to, and by how much: of
    the reference, of every further route from the first (``forward of <route>``), and ∞ for a route that is lost."""
    found = _beyond(relative_errors(remade.arrays, stored.arrays), stored.agreement)
    for route, known in stored.routes.items():
        if route in remade.routes:
            apart = _beyond(remade.routes[route], known)
            found |= {f"{name} of {route}": error for name, error in apart.items()}
        else:
            found[route] = math.inf
    return found


def _beyond(errors: dict[str, float], known: dict[str, float]) -> dict[str, float]:
    return {name: errors[name] for name in known if not errors.get(name, 0.0) <= max(2 * known[name], _REPRODUCED)}
