"""The backward solve of a continuous adjoint: its options, and its way from output to output."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import torch
from torch import Tensor

from odebench.contract import PyTree, Solve
from odebench_torch.dynamics import Field
from odebench_torch.layout import flatten, unflatten
from odebench_torch.norms import largest_rms

Norm = Literal["seminorm"] | Callable[[PyTree], Tensor | float] | None


class Backward(NamedTuple):
    """How to solve backwards.

    :param carries_step: whether the solve can be given its first step size.
    """

    solve: Solve
    options: dict[str, Any]
    carries_step: bool


def backward(
    solve: Solve,
    options: dict[str, Any],
    seminorm: Callable[[tuple[PyTree, ...]], Tensor | float],
    *,
    adjoint_solver: Solve | None,
    adjoint_rtol: float | None,
    adjoint_atol: float | None,
    adjoint_norm: Norm,
    adjoint_step: float | None,
    adjoint_num_steps: int | None,
) -> Backward:
    """What is not given is the forward solve's, but for its norm, which is of another state.

    :param seminorm: what ``"seminorm"`` stands for.
    :raises ValueError: for a norm of another name, or both ``adjoint_step`` and ``adjoint_num_steps``.
    """
    if adjoint_step is not None and adjoint_num_steps is not None:
        raise ValueError("give adjoint_step or adjoint_num_steps, not both")
    if isinstance(adjoint_norm, str) and adjoint_norm != "seminorm":
        raise ValueError(f"adjoint_norm must be 'seminorm' or a callable, got {adjoint_norm!r}")
    found = {key: value for key, value in options.items() if key != "norm"}
    if adjoint_step is not None or adjoint_num_steps is not None:
        found |= {"step": adjoint_step, "num_steps": adjoint_num_steps}
    norm = seminorm if adjoint_norm == "seminorm" else adjoint_norm
    given = {"rtol": adjoint_rtol, "atol": adjoint_atol, "norm": norm}
    found |= {key: value for key, value in given.items() if value is not None}
    solve = adjoint_solver or solve
    return Backward(solve, found, _takes_first_step(solve))


def seminorm_of(leading: int) -> Callable[[tuple[PyTree, ...]], float]:
    """The largest root mean square among the leaves of a state's first parts: the cotangents of θ, which follow, are
    quadratures, whose error does not feed back (Kidger, Chen & Lyons 2021, "Hey, that's not an ODE")."""
    return lambda state: largest_rms(flatten(state[:leading])[0])


class AdjointDynamics(Protocol):
    """``d/dt (*, a, *θ̄)`` as a function of t and that tuple.

    :ivar zeros: zeros like the θ̄.
    """

    zeros: list[Tensor]

    def __call__(self, t: Tensor, state: tuple[PyTree, ...]) -> tuple[PyTree, ...]: ...

    def leading(self, y: PyTree) -> tuple[PyTree, ...]:
        """What comes before a, at an output of this value."""


class Sweep:
    """From the last output time to the first (Chen et al. 2018, Algorithm 2).

    :param step: the step size that the forward solve ended with, and this one begins with; 0 where there is none.
    :ivar a: the cotangent of y, leaf by leaf.
    :ivar parameters: the cotangents of the parameters.
    """

    def __init__(
        self,
        backward: Backward,
        dynamics: AdjointDynamics,
        field: Field,
        structure: Any,
        ts: Tensor,
        ys: Sequence[Tensor],
        g: Sequence[Tensor],
        step: float,
    ) -> None:
        self.backward, self.dynamics, self.field, self.structure = backward, dynamics, field, structure
        self.ts, self.ys, self.g = ts, ys, g
        self.parameters = list(dynamics.zeros)
        self.a = [torch.zeros_like(leaf[0]) for leaf in ys]
        self.options = dict(backward.options)
        if self.options.get("num_steps") is not None:
            self.options["step"] = (ts[-1] - ts[0]).abs().item() / self.options.pop("num_steps")
        if self.options.get("step") is None:
            self._begin_with(step)

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
        return unflatten(self.structure, [y[i] for y in self.ys])

    def _along(self, i: int, cotangents: Sequence[Tensor]) -> Tensor:
        """The inner product of a cotangent of y with dy/dt at the i-th output."""
        k = flatten(self.field.call(self.ts[i].to(self.ys[0]), self._state(i)))[0]
        return torch.stack([(k_i * c).sum() for k_i, c in zip(k, cotangents, strict=True)]).sum()

    def _jump(self, i: int) -> None:
        self.a = [a + g[i] for a, g in zip(self.a, self.g, strict=True)]

    def _back_from(self, i: int) -> None:
        """Solve from the i-th output time to the one before, and go on with the step size from there."""
        leading = self.dynamics.leading(self._state(i))
        state = (*leading, unflatten(self.structure, self.a), *self.parameters)
        back = self.ts[i - 1 : i + 1].flip(0)
        found, stats = self.backward.solve(self.dynamics, state, back, **self.options)
        a, *parameters = found[len(leading) :]
        self.a = [leaf[-1] for leaf in flatten(a)[0]]
        self.parameters = [leaf[-1] for leaf in parameters]
        self._begin_with(stats.next_step)

    def _begin_with(self, step: float) -> None:
        if step and self.backward.carries_step:
            self.options["first_step"] = step


def _takes_first_step(solve: Solve) -> bool:
    parameters = inspect.signature(solve).parameters.values()
    # torchdiffeq's fixed grids take the argument, and refuse it.
    return getattr(solve, "adaptive", True) and any(
        p.name == "first_step" or p.kind is p.VAR_KEYWORD for p in parameters
    )
