"""The engine: a solver of any diagonally implicit Runge–Kutta tableau."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import torch
from torch import Tensor

from odebench.tableau import DiagonallyImplicitRungeKutta
from odebench_torch.dynamics import Field
from odebench_torch.functional.evaluation import Evaluation, Time
from odebench_torch.functional.grid import Grid
from odebench_torch.functional.march import Control, Trial
from odebench_torch.functional.solver import Problem, Solver
from odebench_torch_implicit.gmres import NotFinite
from odebench_torch_implicit.newton import Diverged, Newton, implicit
from odebench_torch_implicit.systems import DENSE_UP_TO, system_for

# The error of a step whose stages were not found: it is tried again at a quarter of its size or less.
_UNSOLVED = 1e6


class ImplicitRungeKutta(Solver):
    """Its stages are solved for by Newton's iteration, one after the other.

    J is formed, and factored, for states of at most ``dense_up_to`` numbers; it is kept over stages and steps while
    the iteration converges fast. For larger ones there are GMRES and products with J alone. On fixed steps the
    iteration goes down to rounding, on adaptive ones to a hundredth of the tolerance.
    """

    def __init__(self, tableau: DiagonallyImplicitRungeKutta, dense_up_to: int = DENSE_UP_TO) -> None:
        super().__init__(_Family(tableau, dense_up_to))
        self.tableau = tableau


class _Family:
    def __init__(self, tableau: DiagonallyImplicitRungeKutta, dense_up_to: int) -> None:
        self.tableau, self.dense_up_to = tableau, dense_up_to
        self.name, self.adaptive = tableau.name, tableau.adaptive

    def method(self, problem: Problem) -> _Method:
        return _Method(self.tableau, problem, self.dense_up_to)

    def control(self, problem: Problem, field: Field, memory: Tensor) -> Control:
        y, k = memory[:2].unbind()
        dense = self.tableau.dense is not None
        return problem.adaptive_control(field, y, k, self.tableau.error_order, dense=dense)


class _Method:
    """The memory is y, the last stage's slope (f at y, or a first guess of the next one) and where J was taken."""

    def __init__(self, tableau: DiagonallyImplicitRungeKutta, problem: Problem, dense_up_to: int) -> None:
        layout = problem.layout
        if not layout.size:
            raise ValueError(f"y0 is empty: {tableau.name} has no system to solve")
        self.layout, self.tolerance = layout, problem.tolerance
        self.interpolates = tableau.dense is not None
        self.system = system_for(layout.size, dense_up_to)
        tensor = partial(torch.tensor, dtype=layout.dtype, device=layout.device)
        self.a = [tensor([float(x) for x in row[:-1]]) for row in tableau.a]
        self.diagonal = [float(row[-1]) for row in tableau.a]
        self.c = [float(c) for c in tableau.c]
        self.b = tensor([float(x) for x in tableau.b])
        self.b_error = None if tableau.b_error is None else tensor(tableau.b_error)
        self.dense = None if tableau.dense is None else tensor([[float(x) for x in row] for row in tableau.dense])
        self.guesses = [tensor(_extrapolation(self.c[:i], self.c[i])) for i in range(len(self.c))]
        self.fsal = self.diagonal[0] == 0 and tableau.stiffly_accurate

    def begin(self, f: Evaluation, grid: Grid, y0: Tensor) -> Tensor:
        self.system.take(f, grid.times[0], y0)
        return torch.stack([y0, f(grid.time(0), y0), *self.system.anchor])

    def step(self, f: Evaluation, grid: Grid, n: int, memory: Tensor, note: Any) -> Trial:
        """:param note: the time at which J was taken; None to take it at the beginning of the step."""
        y, k, *anchor = memory.unbind()
        with torch.no_grad():
            if note is None:
                self.system.take(f, grid.times[n], y)
            elif anchor:
                self.system.take(f, note, anchor[0])
        newton = Newton(f, self.layout, self.tolerance, self.system)
        h = grid.size(n)
        try:
            stages = self._stages(newton, grid, n, y, k, h)
        except Diverged as failure:
            return Trial(memory, _nowhere, _UNSOLVED if failure.finite else float("inf"))
        slopes = torch.stack(stages)
        y1 = y + h * (self.b @ slopes)
        last = slopes[-1] if self.fsal else slopes[-1].detach()
        memory1 = torch.stack([y1, last, *self.system.anchor])
        with torch.no_grad():
            error = self._error(newton, grid, n, y, slopes, y1)
        piece = partial(self._inside, grid.time(n), h, y, slopes, y1)
        return Trial(memory1, piece, error, self.system.time if newton.fast else None)

    def _stages(self, newton: Newton, grid: Grid, n: int, y: Tensor, k: Tensor, h: Time) -> list[Tensor]:
        f, t1, size = newton.f, grid.time(n + 1), grid.times[n + 1] - grid.times[n]
        stages: list[Tensor] = []
        for i, gamma in enumerate(self.diagonal):
            if i == 0 and self.fsal:
                stages.append(k)
                continue
            r = y + h * (self.a[i] @ torch.stack(stages)) if stages else y
            t = t1 if self.c[i] == 1 else t1 + (self.c[i] - 1) * h
            if gamma == 0:
                stages.append(f(t, r))
                continue
            with torch.no_grad():
                found = newton(t, r, size * gamma, self.guesses[i] @ torch.stack(stages) if stages else k)
            stages.append(implicit(f, t, r, gamma * h, found, self.system) if torch.is_grad_enabled() else found)
        return stages

    def _error(self, newton: Newton, grid: Grid, n: int, y: Tensor, slopes: Tensor, y1: Tensor) -> float:
        """Of the embedded solution, with its stiff part damped by ``(I - hγJ)⁻¹`` (HW IV.8, eq. 8.20)."""
        if self.tolerance is None or self.b_error is None:
            return 0.0
        size = grid.times[n + 1] - grid.times[n]
        estimate = size * (self.b_error @ slopes)
        hg = size * self.diagonal[-1]
        try:
            estimate = self.system.solve(newton.f, hg, grid.times[n + 1], y1, estimate)
        except NotFinite:
            return float("inf")
        return self.tolerance(estimate, self.tolerance.scale(torch.maximum(y.abs(), y1.abs())))

    def _inside(self, t0: Time, h: Time, y: Tensor, slopes: Tensor, y1: Tensor, times: Tensor) -> Tensor:
        """By the tableau's continuous weights, else by Hermite's cubic (HNW II.6, eq. 6.7)."""
        theta = ((times - t0) / h).to(y)[:, None]
        if self.dense is not None:
            powers = torch.cat([theta ** (j + 1) for j in range(self.dense.shape[1])], dim=1)
            return y + h * (powers @ self.dense.T @ slopes)
        ends = theta * theta * (3 - 2 * theta) * (y1 - y)
        return y + ends + h * theta * (1 - theta) * ((1 - theta) * slopes[0] - theta * slopes[-1])


def _extrapolation(nodes: list[float], c: float) -> list[float]:
    """The weights at c of the polynomial through all nodes; of nodes that coincide, through the last."""
    last = {node: i for i, node in enumerate(nodes)}
    weights = [0.0] * len(nodes)
    for node, i in last.items():
        weights[i] = prod((c - other) / (node - other) for other in last if other != node)
    return weights


def _nowhere(times: Tensor) -> Tensor:
    raise AssertionError("a step whose stages were not found has no inside")
