"""Where a run was made: hardware, versions, threads, flags, commit. Captured once a run."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from odebench.registry import Registry

_FLAGS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "XLA_FLAGS",
    "JAX_PLATFORMS",
    "CUDA_VISIBLE_DEVICES",
    "ODEBENCH_DATA",
)


def environment(source: Path) -> dict[str, Any]:
    """:param source: the suite's folder, whose commit is recorded beside odebench's own."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpu": _cpu_name(),
        "cores": psutil.cpu_count(logical=False),
        "logical_cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "load": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "git": _git(source),
        "odebench_git": _git(Path(__file__).parent),
        "flags": {name: os.environ[name] for name in _FLAGS if name in os.environ},
        "packages": {d.name: d.version for d in sorted(metadata.distributions(), key=lambda d: d.name.lower())},
    }


def task_versions(registry: Registry, names: Iterable[str]) -> dict[str, str]:
    """By task a digest of its code: the Python files of the plugin that registers it, but for its figures, and of
    :mod:`odebench.tasks`, of which tasks are built.

    What of a task is in no code is in a cell's configuration: seeds, sizes, training recipes. How long it may take, how
    many samples are taken of it and which passes are made decide on what is measured, not on what it comes to.
    """
    drawing = {_source(figure.code) for figure in registry.figures.values()}
    making = {_source(task.code) for task in registry.tasks.values()}
    shared = _files(Path(__file__).parent / "tasks")
    found: dict[tuple[Path, ...], str] = {}
    versions = {}
    for name in dict.fromkeys(names):
        files = (*shared, *(f for f in _package(registry.tasks[name].code) if f in making or f not in drawing))
        if files not in found:
            found[files] = _digest(files)
        versions[name] = found[files]
    return versions


def _source(code: str) -> Path | None:
    """The file of ``module:attribute``; None of a module that is not there, or in no file."""
    try:
        spec = importlib.util.find_spec(code.partition(":")[0])
    except ImportError:
        return None
    return Path(spec.origin) if spec is not None and spec.origin is not None else None


def _package(code: str) -> list[Path]:
    """The Python files of the whole plugin that ``module:attribute`` is in."""
    file = _source(code.partition(":")[0].partition(".")[0])
    if file is None:
        return []
    return _files(file.parent) if file.name == "__init__.py" else [file]


def _files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def _digest(files: Iterable[Path]) -> str:
    """The same wherever the files lie, and however their lines end."""
    digest = hashlib.sha256()
    for file in files:
        text = file.read_bytes().replace(b"\r\n", b"\n")
        digest.update(f"{len(text)}\n".encode() + text)
    return digest.hexdigest()[:12]


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _git(folder: Path) -> dict[str, Any]:
    def run(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        return {"commit": run("rev-parse", "HEAD"), "dirty": bool(run("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return {}
