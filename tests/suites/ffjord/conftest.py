"""Frameworks in float64, and a solver that needs neither compiling nor trust."""

import pytest

from odebench.registry import load_registry


@pytest.fixture(scope="session")
def registry():
    return load_registry(())


@pytest.fixture
def adapter(registry):
    def make(framework, dtype="float64"):
        made = registry.frameworks[framework].load()("cpu", dtype)
        made.activate()
        return made

    return make


@pytest.fixture
def midpoint():
    """An odeint of the midpoint rule, on arrays and on pairs of them, in any framework."""

    def make(steps):
        def odeint(f, y0, ts, params=None):
            def ahead(y, h, dy):
                return tuple(map(lambda a, b: a + h * b, y, dy)) if isinstance(y, tuple) else y + h * dy

            h, y = (ts[1] - ts[0]) / steps, y0
            for i in range(steps):
                t = ts[0] + i * h
                y = ahead(y, h, f(t + h / 2, ahead(y, h / 2, f(t, y, params)), params))
            return tuple(p[None] for p in y) if isinstance(y, tuple) else y[None]

        return odeint

    return make
