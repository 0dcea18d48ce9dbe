"""Peak resident growth of a process that does one gradient and nothing else."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import psutil

from odebench.measure.session import Session


def peak_growth(session: Session) -> dict[str, float]:
    """``peak_growth_bytes``: how far the host's resident set rose above what it was before the gradient; and what a
    GPU had allocated at most (``device_peak_bytes``).

    To be called in a fresh process, whose allocators have nothing to hand out again. What a compiler needs is not
    what the method needs: where the framework compiles, it does so before the kernel's high-water mark is reset.
    """
    session.odeint  # noqa: B018  # imports its library, which is no part of a gradient's memory
    compiled = session.adapter.prepare(session.value_and_grad, session.params, session.probe)
    before = psutil.Process().memory_info().rss
    _reset_high_water()
    session.adapter.block(compiled(session.params, session.probe))
    return {"peak_growth_bytes": max(0, _high_water() - before)} | session.adapter.device_peak()


def _reset_high_water() -> None:
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return  # not Linux, or not allowed: the mark since the start of the process stands in for it


def _high_water() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
