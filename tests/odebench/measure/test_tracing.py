"""Seconds by part, told by a clock that the traced functions set themselves."""

import time
from functools import partial

import pytest

from odebench.descriptors import Parts
from odebench.measure.tracing import Tracer, code_of

HERE = __name__


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    return clock


def work(clock, seconds):
    """As an operation in C: nobody's own."""
    clock.now += seconds


def f(clock):
    work(clock, 3.0)
    stage(clock, 0.5)


class Stepper:
    def step(self, clock):
        f(clock)
        work(clock, 2.0)
        norm(clock)


def norm(clock):
    work(clock, 0.25)


def stage(clock, seconds):
    work(clock, seconds)


def failing(clock):
    work(clock, 1.0)
    raise ArithmeticError


def solve(clock):
    work(clock, 0.125)
    Stepper().step(clock)
    try:
        failing(clock)
    except ArithmeticError:
        stage(clock, 4.0)


def test_every_second_is_somebodys(clock):
    """What f calls is dynamics, were it known; unknown code is its caller's, the unknown outermost is other; the
    longest entry counts; an exception ends a function as a return does."""
    table = Parts(stages=(f"{HERE}:Stepper", f"{HERE}:stage"), norm=(f"{HERE}:norm",), control=(f"{HERE}:failing",))
    tracer = Tracer(code_of(f), [table, Parts(control=(f"{HERE}:Stepper.ste", f"{HERE}:fail"))])
    for _ in range(2):
        tracer(lambda: solve(clock))
    assert tracer.seconds == {
        "dynamics": 7.0, "autograd": 0.0, "stages": 2 * (2.0 + 4.0), "norm": 0.5, "control": 2.0, "other": 0.25,
    }  # fmt: skip
    assert tracer.evaluations == 2


def test_without_a_table_all_else_is_other(clock):
    """Of an unknown library f alone is known; entries of whole modules take what is in them."""
    tracer = Tracer(code_of(f), [])
    tracer(lambda: solve(clock))
    assert (tracer.seconds["dynamics"], tracer.seconds["other"]) == (3.5, 7.375)
    tracer = Tracer(code_of(f), [Parts(control=(HERE,))])
    tracer(lambda: solve(clock))
    assert (tracer.seconds["dynamics"], tracer.seconds["control"]) == (3.5, 7.375)
    tracer = Tracer(code_of(f), [Parts(control=(HERE[:-1],))])
    tracer(lambda: solve(clock))
    assert tracer.seconds["control"] == 0.0


def test_an_error_passes_and_tracing_ends(clock):
    """The next call is not traced."""
    tracer = Tracer(code_of(f), [])
    with pytest.raises(ArithmeticError):
        tracer(lambda: failing(clock))
    seconds = dict(tracer.seconds)
    f(clock)
    assert tracer.seconds == seconds
    assert seconds["other"] == 1.0


def test_the_code_of_dynamics():
    """A function, a method, a partial, an object that is called, a module with its ``forward``; not one in C."""

    class Called:
        def __call__(self):
            """Does nothing."""

    class Module(Called):
        def forward(self):
            """Does nothing."""

    assert code_of(f) is f.__code__
    assert code_of(Stepper().step) is Stepper.step.__code__
    assert code_of(partial(partial(f))) is f.__code__
    assert code_of(Called()) is Called.__call__.__code__
    assert code_of(Module()) is Module.forward.__code__
    assert code_of(max) is None
