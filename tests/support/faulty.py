"""A library of solvers on the toy framework that go wrong, each in its own way."""

from __future__ import annotations

import os
import signal
import time

import numpy as np

import odebench

_calls = 0


def _solution(y0, ts):
    stats = odebench.Stats(nfe=0, accepted=0, rejected=0, status=odebench.Status.ok, next_step=0.0)
    return np.stack([y0 * np.exp(ts[0] - t) for t in ts]), stats


def fails(f, y0, ts, params=None, **options):
    raise ZeroDivisionError("first line\nof [red]two[/]")


def hangs(f, y0, ts, params=None, **options):
    time.sleep(3600)


def exits(f, y0, ts, params=None, **options):
    print("last words", flush=True)  # noqa: T201
    os._exit(3)


def segfaults(f, y0, ts, params=None, **options):
    os.kill(os.getpid(), signal.SIGSEGV)


def is_nan(f, y0, ts, params=None, **options):
    ys, stats = _solution(y0, ts)
    return ys * np.nan, stats


def underflows(f, y0, ts, params=None, **options):
    raise odebench.SolveError(odebench.Status.underflow, 0.25)


def needs_memory(f, y0, ts, params=None, **options):
    return np.empty(1 << 57)


def dies_late(f, y0, ts, params=None, **options):
    """Well through its first gradient, dead while it is timed."""
    global _calls
    _calls += 1
    if _calls == 12:
        os._exit(4)
    return _solution(y0, ts)


def absent(f, y0, ts, params=None, **options):
    raise AssertionError("must not be called")


@odebench.hookimpl
def odebench_register_solvers(register):
    for solver in (fails, hangs, exits, segfaults, is_nan, underflows, needs_memory, dies_late, absent):
        register(
            odebench.Solver(
                name=solver.__name__,
                library="faulty",
                framework="toy",
                code=f"{__name__}:{solver.__name__}",
                requires=("no-such-dist",) if solver is absent else (),
            )
        )


@odebench.hookimpl
def odebench_register_gradients(register):
    register(odebench.GradientMethod(name="numeric", library="faulty", framework="toy", code=f"{__name__}:bind"))


def bind(solve, options):
    return lambda f, y0, ts, params=None: solve(f, y0, ts, params, **options)[0]
