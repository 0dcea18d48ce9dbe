"""torchode's methods as solvers: see :class:`odebench.contract.Solve`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
import torchode  # type: ignore[import-untyped]
from torch import Tensor

from odebench.contract import Dynamics, PyTree, SolveError, Stats, Status, Unsupported
from odebench.control import DEFAULTS, check_options
from odebench_torch.layout import Layout
from odebench_torch.norms import largest_rms
from odebench_torch.pace import SLIVER
from odebench_torch.times import checked_times
from odebench_torchode.loops import Joint, Loop, autodiff

Integrate = Callable[[Joint, Tensor, Tensor, Tensor | None], tuple[Tensor, Any]]


class Method:
    """One of torchode's methods, with its integral controller, on the state as a batch of one."""

    def __init__(self, name: str, make: Callable[[Any], Any], *, adaptive: bool = True) -> None:
        self.name, self.make, self.adaptive = name, make, adaptive

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Tensor,
        params: PyTree = None,
        *,
        rtol: float = DEFAULTS["rtol"],
        atol: float = DEFAULTS["atol"],
        step: float | None = None,
        num_steps: int | None = None,
        max_steps: int = int(DEFAULTS["max_steps"]),
        min_step: float = DEFAULTS["min_step"],
        first_step: float | None = None,
        norm: Callable[[PyTree], Tensor | float] | None = None,
        integrate: Integrate = autodiff,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`. Time is in float64.

        :param integrate: one of torchode's adjoints.
        :raises ValueError: as the solvers of ``torch`` do, and for an option that the method does not have.
        :raises TypeError: as the solvers of ``torch`` do.
        :raises SolveError: when the last time is not reached.
        """
        check_options(rtol, atol, step, num_steps, max_steps, min_step, first_step)
        ts = torch.as_tensor(ts)
        times, layout = checked_times(ts), Layout(y0)
        if not self.adaptive:
            self._check_has(min_step=min_step or None, first_step=first_step, norm=norm)
        y = layout.flat(y0)
        if len(times) == 1:
            return layout.outputs(y[None]), Stats(0, 0, 0, Status.ok, 0.0)
        h = self._fixed(times, step, num_steps, max_steps)
        if h is None:
            # As everybody's, a step of fewer than ten units in the last place is an underflow.
            least = max(min_step, 10.0 * math.ulp(max(abs(times[0]), abs(times[-1]))))
            controller = torchode.IntegralController(atol, rtol, dt_min=least, **_norm(layout, norm))
            # The norm is for the state alone: the backward one is torchode's own.
            backward = torchode.IntegralController(atol, rtol, dt_min=least)
            h = first_step
        else:
            controller = backward = torchode.FixedStepController()
        dt0 = None if h is None else torch.tensor([math.copysign(h, times[-1] - times[0])], dtype=torch.float64)
        loop = Loop(self.make, controller, backward, max_steps)
        joint = Joint(f, params, layout, loop)
        ts = ts.to(layout.device, torch.float64)
        ys, stats = integrate(joint, y, ts, None if dt0 is None else dt0.to(layout.device))
        if not bool(ys.isfinite().all()):
            raise SolveError(Status.non_finite)
        return layout.outputs(ys), _claims(stats)

    def _fixed(self, times: list[float], step: float | None, num_steps: int | None, max_steps: int) -> float | None:
        """The fixed step, if that is asked for; a hair longer, lest rounding leave a sliver at the end.

        :raises SolveError: at ts[0], when there are too many.
        """
        span = abs(times[-1] - times[0])
        if num_steps is None and step is None:
            if self.adaptive:
                return None
            if len(times) > 2:
                raise Unsupported(f"torchode/{self.name} steps through several output intervals with step or num_steps")
            num_steps = 1
        if (num_steps or span / (step or math.inf) - SLIVER) > max_steps:
            raise SolveError(Status.max_steps, times[0])
        return (step or span / (num_steps or 1)) * (1.0 + 1e-12)

    def _check_has(self, **given: Any) -> None:
        for name, value in given.items():
            if value is not None:
                raise Unsupported(f"torchode/{self.name} has no option {name}")


def _norm(layout: Layout, norm: Callable[[PyTree], Tensor | float] | None) -> dict[str, Any]:
    """torchode's root mean square is everybody's for a state of one leaf."""
    if norm is None and len(layout.like) == 1:
        return {}

    def of_batch(y: Tensor) -> Tensor:
        leaves = layout.views(y[0])
        size = largest_rms(leaves) if norm is None else norm(layout.tree(leaves))
        return torch.as_tensor(size, dtype=y.dtype, device=y.device).reshape(1)

    return {"norm": of_batch}


def _claims(stats: dict[str, Any]) -> Stats:
    accepted = int(stats["n_accepted"][0])
    return Stats(int(stats["n_f_evals"][0]), accepted, int(stats["n_steps"][0]) - accepted, Status.ok, 0.0)


EULER = Method("euler", torchode.Euler, adaptive=False)
HEUN = Method("heun", torchode.Heun)
DOPRI5 = Method("dopri5", torchode.Dopri5)
TSIT5 = Method("tsit5", torchode.Tsit5)
