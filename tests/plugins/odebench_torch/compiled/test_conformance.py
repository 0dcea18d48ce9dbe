"""``odebench check``'s own checks, of the steps that are compiled, run as they are."""

from __future__ import annotations

from typing import Any

import pytest

import odebench.backends
from odebench.backends import find_backend
from odebench.check.checks import GRADIENT, SOLVER
from odebench.check.outcome import NotApplicable, Outcome
from odebench.check.subject import Subject
from odebench_torch.compiled.function import uncompiled

CHECKS = SOLVER | GRADIENT


@pytest.fixture(scope="module", params=["dopri5/backprop", "rk4/aca", "dopri5/adjoint"])
def subject(request: pytest.FixtureRequest) -> Subject:
    registry = odebench.backends.default_registry()
    info = find_backend(registry, f"torch/{request.param}")
    subject = Subject(registry, info.solver, info.gradient)
    solve = subject.solve

    def compiling(
        f: Any,
        y0: Any,
        ts: Any,
        params: Any = None,
        *,
        checkpoints: Any = None,
        compile: Any = True,  # noqa: A002
        **options: Any,
    ) -> Any:
        return solve(f, y0, ts, params, checkpoints=checkpoints, compile=compile, **options)

    def odeint(**options: Any) -> Any:
        assert info.gradient is not None
        return info.gradient.load()(compiling, {**options, "compile": True})

    vars(subject).update(solve=compiling, odeint=odeint)
    return subject


@pytest.mark.parametrize("name", CHECKS)
def test_conforms(subject: Subject, name: str) -> None:
    subject.adapter.activate()
    with uncompiled():
        try:
            outcome: Outcome = CHECKS[name](subject)
        except NotApplicable:
            return
    assert outcome.verdict in ("pass", "n-a"), outcome
