"""Where a run was made: hardware, versions, threads, flags, commit. Captured once a run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

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
