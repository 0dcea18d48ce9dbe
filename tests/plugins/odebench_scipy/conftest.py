"""The solvers under test."""

from __future__ import annotations

import pytest

from odebench_scipy.ivp import bdf, dop853, radau, rk45
from odebench_scipy.lsoda import lsoda
from odebench_scipy.solve import ScipySolve
from odebench_scipy.vode import vode_adams, vode_bdf

SOLVERS = {solve.name: solve for solve in (lsoda, vode_adams, vode_bdf, rk45, dop853, radau, bdf)}


@pytest.fixture(params=SOLVERS)
def solve(request: pytest.FixtureRequest) -> ScipySolve:
    return SOLVERS[request.param]


@pytest.fixture
def solvers() -> dict[str, ScipySolve]:
    return SOLVERS
