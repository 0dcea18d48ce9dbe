"""Differentiate, then discretise: the continuous adjoint (Chen et al. 2018, Algorithm 2)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from odebench.contract import Dynamics, OdeInt, PyTree, Solve
from odebench_torch.dynamics import Field
from odebench_torch.dynamics import bind as bind_dynamics
from odebench_torch.layout import flatten, unflatten
from odebench_torch.norms import largest_rms
from odebench_torch.vjp import refuse_second_derivative

from .augmented import Augmented

Norm = Literal["seminorm"] | Callable[[PyTree], Tensor | float] | None


def bind(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_solver: Solve | None = None,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
    adjoint_norm: Norm = None,
    adjoint_step: float | None = None,
    adjoint_num_steps: int | None = None,
) -> OdeInt:
    """``odeint`` solves forwards without recording, and backwards ``(y, a, *parameters' cotangents)``.

    What is not given is the forward solve's. y is reset to its stored value at every output time. Tensors that
    require grad must be y0, ts, in ``params`` or parameters of the module that f is.

    :param adjoint_norm: the error norm of the backward solve, of a tree ``(y, a, *cotangents)``; ``"seminorm"``
        is that of ``(y, a)`` alone (Kidger et al. 2021); by default the largest root mean square of a leaf.
    :param adjoint_num_steps: as ``num_steps``, over all of ts.
    :raises ValueError: for a norm of another name, or both ``adjoint_step`` and ``adjoint_num_steps``.
    :raises RuntimeError: in the backward pass, when f depends on another tensor that requires grad.
    """
    if adjoint_step is not None and adjoint_num_steps is not None:
        raise ValueError("give adjoint_step or adjoint_num_steps, not both")
    if isinstance(adjoint_norm, str) and adjoint_norm != "seminorm":
        raise ValueError(f"adjoint_norm must be 'seminorm' or a callable, got {adjoint_norm!r}")
    backward = {key: value for key, value in options.items() if key != "norm"}
    if adjoint_step is not None or adjoint_num_steps is not None:
        backward |= {"step": adjoint_step, "num_steps": adjoint_num_steps}
    norm = seminorm if adjoint_norm == "seminorm" else adjoint_norm
    given = {"rtol": adjoint_rtol, "atol": adjoint_atol, "norm": norm}
    backward |= {key: value for key, value in given.items() if value is not None}
    backward_solve = adjoint_solver or solve
    carries = _takes_first_step(backward_solve)

    def odeint(f: Dynamics, y0: PyTree, ts: Tensor, params: PyTree = None) -> PyTree:
        leaves, structure = flatten(y0)
        field = bind_dynamics(f, params)
        problem = _Problem(field, structure, len(leaves), solve, options, backward_solve, backward, carries)
        ys = _AdjointSolve.apply(problem, ts, *leaves, *field.parameters)  # type: ignore[no-untyped-call]
        return unflatten(structure, ys)

    return odeint


def seminorm(state: tuple[PyTree, ...]) -> float:
    """The largest root mean square among the leaves of y and a: the cotangents of θ are quadratures, whose error
    does not feed back (Kidger, Chen & Lyons 2021, "Hey, that's not an ODE")."""
    return largest_rms(flatten(state[:2])[0])


class _Problem(NamedTuple):
    """What a solve and its adjoint need beside the differentiable tensors.

    :param size: how many leaves the state has.
    :param carries_step: whether the backward solve can be given its first step size.
    """

    field: Field
    structure: Any
    size: int
    solve: Solve
    options: dict[str, Any]
    backward_solve: Solve
    backward_options: dict[str, Any]
    carries_step: bool


class _AdjointSolve(torch.autograd.Function):
    """``(ts, *leaves of y0, *parameters) -> leaves of ys``."""

    @staticmethod
    def forward(ctx: Any, problem: _Problem, ts: Tensor, *tensors: Tensor) -> tuple[Tensor, ...]:
        y0 = unflatten(problem.structure, tensors[: problem.size])
        ys, _ = problem.solve(problem.field.call, y0, ts, **problem.options)
        leaves = tuple(flatten(ys)[0])
        ctx.problem = problem
        ctx.save_for_backward(ts, *leaves)
        return leaves

    @staticmethod
    def backward(ctx: Any, *cotangents: Tensor) -> tuple[Tensor | None, ...]:
        refuse_second_derivative()
        ts, *ys = ctx.saved_tensors
        sweep = _Sweep(ctx.problem, ts, ys, cotangents)
        times = sweep.run(timed=ctx.needs_input_grad[1])
        return None, times, *sweep.a, *sweep.parameters


class _Sweep:
    """Algorithm 2, from the last output time to the first.

    :ivar a: the cotangent of y, leaf by leaf.
    :ivar parameters: the cotangents of the parameters.
    """

    def __init__(self, problem: _Problem, ts: Tensor, ys: Sequence[Tensor], g: Sequence[Tensor]) -> None:
        self.problem, self.ts, self.ys, self.g = problem, ts, ys, g
        self.augmented = Augmented(problem.field, problem.structure, ys[0])
        self.parameters = list(self.augmented.zeros)
        self.a = [torch.zeros_like(leaf[0]) for leaf in ys]
        self.options = dict(problem.backward_options)
        if self.options.get("num_steps") is not None:
            self.options["step"] = (ts[-1] - ts[0]).abs().item() / self.options.pop("num_steps")

    def run(self, *, timed: bool) -> Tensor | None:
        """:returns: the cotangent of ts, if ``timed``."""
        times = torch.zeros_like(self.ts)
        for i in range(self._last_used(), 0, -1):
            if timed:
                times[i] = self._along(i, [g[i] for g in self.g])
            self._jump(i)
            self._back_from(i)
        if timed:
            times[0] = -self._along(0, self.a)
        self._jump(0)
        return times if timed else None

    def _last_used(self) -> int:
        used = torch.stack([g.reshape(len(g), -1).any(1) for g in self.g]).any(0).tolist()
        return max((i for i, one in enumerate(used) if one), default=0)

    def _state(self, i: int) -> PyTree:
        return unflatten(self.problem.structure, [y[i] for y in self.ys])

    def _along(self, i: int, cotangents: Sequence[Tensor]) -> Tensor:
        """The inner product of a cotangent of y with dy/dt at the i-th output."""
        k = flatten(self.problem.field.call(self.ts[i].to(self.ys[0]), self._state(i)))[0]
        return torch.stack([(k_i * c).sum() for k_i, c in zip(k, cotangents, strict=True)]).sum()

    def _jump(self, i: int) -> None:
        self.a = [a + g[i] for a, g in zip(self.a, self.g, strict=True)]

    def _back_from(self, i: int) -> None:
        """Solve from the i-th output time to the one before, and go on with the step size from there."""
        problem = self.problem
        state = (self._state(i), unflatten(problem.structure, self.a), *self.parameters)
        back = self.ts[i - 1 : i + 1].flip(0)
        (_, a, *parameters), stats = problem.backward_solve(self.augmented, state, back, **self.options)
        self.a = [leaf[-1] for leaf in flatten(a)[0]]
        self.parameters = [leaf[-1] for leaf in parameters]
        if stats.next_step and problem.carries_step:
            self.options["first_step"] = stats.next_step


def _takes_first_step(solve: Solve) -> bool:
    parameters = inspect.signature(solve).parameters.values()
    return any(p.name == "first_step" or p.kind is p.VAR_KEYWORD for p in parameters)
