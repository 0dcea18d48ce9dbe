"""A state as torchode's batch of one, and its solver loops, forward and backward, made to raise where they fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchode  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.func import functional_call

from odebench.contract import Dynamics, PyTree, SolveError, Status
from odebench_torch.layout import Layout, flatten, unflatten
from odebench_torch.vjp import refuse_captured

_STATUS = {
    torchode.Status.REACHED_DT_MIN.value: Status.underflow,
    torchode.Status.REACHED_MAX_STEPS.value: Status.max_steps,
}


class Checked(torchode.AutoDiffAdjoint):  # type: ignore[misc]
    """torchode's loop, whose status somebody reads: of its backward solves torchode itself does not.

    :raises SolveError: when the end is not reached.
    """

    def solve(self, problem: Any, *args: Any, **options: Any) -> Any:
        solution = super().solve(problem, *args, **options)
        status = int(solution.status.max())
        # A last step that is clipped can count as too small; the outputs are all there then.
        complete = problem.t_eval is not None and bool((solution.stats["n_initialized"] == solution.ys.shape[1]).all())
        if status and not (complete and status == torchode.Status.REACHED_DT_MIN.value):
            raise SolveError(_STATUS.get(status, Status.non_finite))
        return solution


@dataclass(frozen=True)
class Loop:
    """A step method with the controllers of the two directions.

    :param make: ``make(term)`` is the step method.
    """

    make: Callable[[Any], Any]
    forward: Any
    backward: Any
    max_steps: int

    def checked(self, term: Any, *, backward: bool = False) -> Checked:
        # A step size is a constant to the derivative, as everybody's is; torchode's default differentiates the
        # controller. And it calls a solve out of steps that ends with the very last one it may take.
        return Checked(
            self.make(term),
            self.backward if backward else self.forward,
            max_steps=self.max_steps + 1,
            backprop_through_step_size_control=False,
        )


class Joint(nn.Module):
    """Dynamics on a batch of one flat state."""

    def __init__(self, f: Dynamics, params: PyTree, layout: Layout, loop: Loop) -> None:
        super().__init__()
        self.layout, self.loop = layout, loop
        self.given = params is not None
        # A module that is given its parameters must not register its own.
        self._held = (f,)
        self.f = f if isinstance(f, nn.Module) and not self.given else None
        self.leaves: list[Any] = []
        self.structure: Any = None
        if self.given:
            self.leaves, self.structure = flatten(params)
        self._adopted: list[int] = []
        self._by_adjoint = self._unchecked = False

    def adopt(self) -> tuple[list[Tensor], list[Tensor]]:
        """Make the parameters that require a gradient this module's own: torchode's adjoints look for them there.

        The first evaluation from then on refuses what f captures.

        :returns: the parameters, and what stands for each of them from now on.
        """
        self._by_adjoint = self._unchecked = torch.is_grad_enabled()
        if not self.given:
            own: list[Tensor] = [p for p in self.parameters() if p.requires_grad]
            return own, own
        self._adopted = [i for i, p in enumerate(self.leaves) if isinstance(p, Tensor) and p.requires_grad]
        for i in self._adopted:
            self.register_parameter(f"p{i}", nn.Parameter(self.leaves[i].detach()))
        return [self.leaves[i] for i in self._adopted], list(self.parameters())

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """:param t: of one number. :param y: of shape (1, n), or (n,) under vmap."""
        if self._unchecked:
            self._unchecked = False
            with torch.enable_grad():
                dydt = self._evaluate(t.detach(), y.detach())
            refuse_captured([dydt], list(self.parameters()))
            return dydt.detach()
        dydt = self._evaluate(t, y)
        if self._by_adjoint and torch.is_grad_enabled() and not dydt.requires_grad:
            return dydt + 0.0 * y  # torchode cannot differentiate dynamics that depend on nothing
        return dydt

    def _evaluate(self, t: Tensor, y: Tensor) -> Tensor:
        (f,), layout = self._held, self.layout
        args = (t.reshape(()).to(y.dtype), layout.tree(layout.views(y.reshape(-1))))
        if not self.given:
            dydt = f(*args)
        else:
            leaves = list(self.leaves)
            for i in self._adopted:
                leaves[i] = getattr(self, f"p{i}")
            params = unflatten(self.structure, leaves)
            dydt = functional_call(f, params, args) if isinstance(f, nn.Module) else f(*args, params)
        return layout.flat(unflatten(layout.structure, layout.derivative(dydt))).reshape(y.shape)


def solution(adjoint: Any, y: Tensor, ts: Tensor, dt0: Tensor | None, term: Any = None) -> tuple[Tensor, Any]:
    """``(ys, stats)`` of a state of shape (n,) by one of torchode's adjoints."""
    problem = torchode.InitialValueProblem(y0=y[None], t_eval=ts[None])
    found = adjoint.solve(problem, term=term, dt0=dt0)
    return found.ys[0], found.stats


def autodiff(joint: Joint, y: Tensor, ts: Tensor, dt0: Tensor | None) -> tuple[Tensor, Any]:
    term = torchode.ODETerm(joint)
    return solution(joint.loop.checked(term), y, ts, dt0, term)
