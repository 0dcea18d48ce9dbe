"""Where the time of a call goes, by the part of a solve that every function of Python is."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from types import CodeType, FrameType
from typing import Any

from odebench.descriptors import PARTS, Parts


def code_of(f: Any) -> CodeType | None:
    """The code that runs when f is called, of a module its ``forward``; None of what is not written in Python."""
    while isinstance(f, partial):
        f = f.func
    f = getattr(f, "forward", f)
    if not hasattr(f, "__code__"):
        f = type(f).__call__
    code = getattr(f, "__code__", None)
    return code if isinstance(code, CodeType) else None


class Tracer:
    """Adds up the seconds of calls by part, and counts the evaluations of f.

    The clock is read whenever a function of Python begins or ends: its time, and that of what it calls in C, is its
    part's, or that of its caller where no table knows it. What the tracer itself takes is left out, but for what the
    interpreter takes to call it. A sampling profiler is no help here: operations last 5 to 500 µs, and samples that
    wait for one to end never fall on the short ones behind the long.

    :param dynamics: the code of f: all that it calls is dynamics, be it differentiation.
    :ivar seconds: by part.
    :ivar evaluations: calls of f by the interpreter: none where f was compiled.
    """

    def __init__(self, dynamics: CodeType, tables: Iterable[Parts]) -> None:
        self._dynamics = dynamics
        self._entries = {entry: part for table in tables for part in PARTS[1:] for entry in getattr(table, part)}
        # By the code's place in memory, as to hash it takes long; the code, so that the place stays its own.
        self._known: dict[int, tuple[str, CodeType]] = {}
        self.seconds = dict.fromkeys(PARTS, 0.0)
        self.evaluations = 0

    def __call__(self, call: Callable[[], object]) -> None:
        """Trace a call, in this thread."""
        seconds, clock = self.seconds, time.perf_counter
        running = ["other"]
        last = clock()

        def see(frame: FrameType, event: str, _: Any) -> None:
            nonlocal last
            if event == "call":
                now = clock()
                seconds[running[-1]] += now - last
                running.append(self._part(frame, running[-1]))
                last = clock()
            elif event == "return":
                now = clock()
                seconds[running.pop()] += now - last
                last = clock()

        sys.setprofile(see)
        try:
            call()
        finally:
            sys.setprofile(None)

    def _part(self, frame: FrameType, caller: str) -> str:
        code = frame.f_code
        if code is self._dynamics:
            self.evaluations += 1
            return "dynamics"
        if caller == "dynamics":
            return caller
        if id(code) not in self._known:
            self._known[id(code)] = self._look_up(f"{frame.f_globals.get('__name__', '')}:{code.co_qualname}"), code
        return self._known[id(code)][0] or caller

    def _look_up(self, name: str) -> str:
        """Of the longest entry that a ``module:qualified.name`` is in; empty of what is in none."""
        fitting = [entry for entry in self._entries if _is_in(name, entry)]
        return self._entries[max(fitting, key=len)] if fitting else ""


def _is_in(name: str, entry: str) -> bool:
    return name.startswith(entry) and name[len(entry) : len(entry) + 1] in ("", ".", ":")
