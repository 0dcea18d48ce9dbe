"""In what the places of two runs differ: the machine, which decides on times; the arithmetic; the versions."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from functools import cache
from typing import Any

from odebench.descriptors import GradientMethod, Solver
from odebench.record import Record
from odebench.registry import Registry, load_registry

Environment = Mapping[str, Any]


def table(environment: Environment, key: str) -> dict[str, Any]:
    """A part of an environment that is a table; an empty one where it is none."""
    found = environment.get(key)
    return found if isinstance(found, dict) else {}


_FLAGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "XLA_FLAGS", "JAX_PLATFORMS", "CUDA_VISIBLE_DEVICES")
_SETTINGS = (
    "threads", "interop_threads", "openblas_num_threads", "matmul_precision", "cudnn_tf32", "cudnn_benchmark",
)  # fmt: skip
"""Of a framework's part of the environment, what is set, not a version, and none of the flags."""
_DEVICES = ("gpu", "devices")
_GIB = 2.0**30


def other_machine(a: Environment, b: Environment, framework: str, device: str) -> str:
    """Why times of a framework's cells cannot be held against each other: ``other CPU (X, Y)``; empty where they can.

    The fingerprint is the processor, its logical cores, the memory (within a tenth), and the framework's threads, flags
    and other settings.
    """
    if "cpu" not in a or "cpu" not in b:
        return "the machine is not known"
    return _difference(_fingerprint(a, framework, device), _fingerprint(b, framework, device))


def other_arithmetic(a: Environment, b: Environment, framework: str, device: str) -> str:
    """Why the last digits may differ where the code is the same: another processor, other threads, another version of
    the framework; empty where it may not."""
    if "cpu" not in a or "cpu" not in b:
        return "the machine is not known"
    return _difference(_arithmetic(a, framework, device), _arithmetic(b, framework, device))


def _part(environment: Environment, framework: str) -> Mapping[str, Any]:
    return table(table(environment, "frameworks"), framework)


def _fingerprint(environment: Environment, framework: str, device: str) -> dict[str, Any]:
    part = _part(environment, framework)
    flags = table(environment, "flags")
    names = _SETTINGS + (_DEVICES if device != "cpu" else ())
    found = {"CPU": environment["cpu"], "number of cores": environment.get("logical_cores")}
    found |= {"size of memory": environment.get("memory_bytes")}
    found |= {name.replace("_", " "): part.get(name) for name in names}
    return found | {name: flags.get(name) for name in _FLAGS}


def _arithmetic(environment: Environment, framework: str, device: str) -> dict[str, Any]:
    part = _part(environment, framework)
    names = [name for name in part if name not in _DEVICES or device != "cpu"]
    return {"CPU": environment["cpu"]} | {name.replace("_", " "): part[name] for name in names}


def _difference(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    return "; ".join(
        f"other {name} ({_said(name, a.get(name))}, {_said(name, b.get(name))})"
        for name in dict.fromkeys([*a, *b])
        if not _alike(name, a.get(name), b.get(name))
    )


def _alike(name: str, x: Any, y: Any) -> bool:
    if name == "size of memory" and isinstance(x, int | float) and isinstance(y, int | float):
        return abs(x - y) <= 0.1 * max(x, y)
    return (x or "") == (y or "")


def _said(name: str, value: Any) -> str:
    if name == "size of memory" and isinstance(value, int | float):
        return f"{value / _GIB:.3g} GiB"
    return "unset" if value in (None, "") else str(value)


@cache
def _installed() -> Registry:
    return load_registry()


def packages(records: Iterable[Record]) -> set[str]:
    """What the backends of records are made of, as far as plugins are installed that say so."""
    registry = _installed()
    names = {str(record.config.get(key, "")) for record in records for key in ("framework", "library")}
    entries: list[Solver | GradientMethod] = [*registry.solvers.values(), *registry.gradients.values()]
    found = {package for entry in entries if entry.library in names for package in entry.requires}
    found |= {package for name in names & registry.frameworks.keys() for package in registry.frameworks[name].requires}
    return found | names


def commit(environment: Environment) -> str:
    """odebench's commit in short, with a ``+`` where files were changed; ``unknown`` where nobody wrote it down."""
    git = table(environment, "odebench_git")
    return f"{str(git['commit'])[:10]}{'+' if git.get('dirty') else ''}" if git.get("commit") else "unknown"


def versions(a: Environment, b: Environment, used: Container[str]) -> tuple[list[str], list[str]]:
    """``name old → new`` of what differs: odebench, Python and the packages that the cells used; and of all others.

    :param used: names of packages.
    """
    chief: list[str] = []
    rest: list[str] = []
    if commit(a) != commit(b) or "+" in commit(a):
        chief.append(f"odebench {commit(a)} → {commit(b)}")
    old, new = _versions(a), _versions(b)
    for name in sorted(old.keys() | new.keys(), key=str.lower):
        if old.get(name) != new.get(name) and name != "odebench":
            line = f"{name} {old.get(name, 'none')} → {new.get(name, 'none')}"
            (chief if name in used or name == "python" else rest).append(line)
    return chief, rest


def _versions(environment: Environment) -> dict[str, str]:
    return {"python": str(environment.get("python", "unknown"))} | table(environment, "packages")
