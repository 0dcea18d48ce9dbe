"""torchdiffeq's methods as solvers: see :class:`odebench.contract.Solve`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchdiffeq  # type: ignore[import-untyped]
from torch import Tensor

from odebench.contract import Dynamics, PyTree, SolveError, Stats, Status, Unsupported
from odebench.control import DEFAULTS, check_options
from odebench_torch.layout import Layout, flatten
from odebench_torch.pace import SLIVER
from odebench_torch.times import checked_times
from odebench_torchdiffeq.field import Field, with_params

Integrate = Callable[..., Any]


@dataclass(frozen=True)
class Grid:
    """torchdiffeq's ``grid_constructor``: knots a ``step`` apart, the last interval shorter, or ``count`` equal ones.

    Its own ``step_size`` can end in an interval of a rounding error.
    """

    step: float
    count: int | None = None

    def __call__(self, func: Any, y0: Tensor, t: Tensor) -> Tensor:
        span = t[-1] - t[0]
        n = self.count or steps_of(span.item(), self.step)
        m = torch.arange(n, dtype=t.dtype, device=t.device)
        knots = t[0] + (span * (m / n) if self.count else m * math.copysign(self.step, span.item()))
        return torch.cat([knots, t[-1:]])


def steps_of(span: float, step: float) -> int:
    return max(1, math.ceil(abs(span) / step - SLIVER))


class Method:
    """One method of torchdiffeq.

    The state is a tensor, or a tuple of the leaves of a tree, whose error norm is the largest of their root mean
    squares by torchdiffeq's own default.
    """

    def __init__(self, name: str, *, adaptive: bool) -> None:
        self.name, self.adaptive = name, adaptive

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
        integrate: Integrate = torchdiffeq.odeint,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`; fixed methods ignore the tolerances, but for ``implicit_adams``.

        :param integrate: ``odeint``, or ``odeint_adjoint`` with what is its own.
        :raises ValueError: as the solvers of ``torch`` do, and for an option that the method does not have.
        :raises TypeError: as the solvers of ``torch`` do.
        :raises SolveError: when the last time is not reached.
        """
        check_options(rtol, atol, step, num_steps, max_steps, min_step, first_step)
        self._check_has(step=step, num_steps=num_steps, min_step=min_step or None, first_step=first_step, norm=norm)
        ts = torch.as_tensor(ts)
        times, layout = checked_times(ts), Layout(y0)
        leaves = flatten(y0)[0]
        if len(times) == 1:
            return layout.tree([leaf[None] for leaf in leaves]), Stats(0, 0, 0, Status.ok, 0.0)
        ts = ts.to(layout.device, ts.dtype if ts.is_floating_point() else layout.dtype)
        field = Field(with_params(f, params), layout, max_steps, len(times) - 1, adaptive=self.adaptive)
        if self.adaptive:
            options: dict[str, Any] = {"first_step": first_step}
            if norm is not None:
                options["norm"] = _on_state(norm, layout)
        else:
            options = _grid_options(times, step, num_steps, max_steps)
        try:
            ys = integrate(field, field.state(leaves), ts, rtol=rtol, atol=atol, method=self.name, options=options)
        except AssertionError as error:
            if str(error).startswith(("underflow in dt", "non-finite values")):
                raise field.failure(None) from error
            raise
        found = [ys] if isinstance(ys, Tensor) else list(ys)
        _check_finite(found, times)
        return layout.tree(found), field.stats()

    def _check_has(self, **given: Any) -> None:
        # The min_step of torchdiffeq accepts a step that small whatever its error.
        lacks = ("step", "num_steps", "min_step") if self.adaptive else ("min_step", "first_step", "norm")
        for name in lacks:
            if given[name] is not None:
                raise Unsupported(f"torchdiffeq/{self.name} has no option {name}")


def _on_state(norm: Callable[[PyTree], Tensor | float], layout: Layout) -> Callable[[Any], Tensor]:
    def on_state(y: Any) -> Tensor:
        return torch.as_tensor(norm(layout.tree([y] if isinstance(y, Tensor) else y)))

    return on_state


def _grid_options(times: list[float], step: float | None, num_steps: int | None, max_steps: int) -> dict[str, Any]:
    """Nothing for one step an output interval. :raises SolveError: at ts[0], when there are too many steps."""
    span = times[-1] - times[0]
    if step is None and num_steps is None:
        count, options = len(times) - 1, {}
    else:
        grid = Grid(step or abs(span) / (num_steps or 1), num_steps)
        count, options = num_steps or steps_of(span, grid.step), {"grid_constructor": grid}
    if count > max_steps:
        raise SolveError(Status.max_steps, times[0])
    return options


def _check_finite(leaves: list[Tensor], times: list[float]) -> None:
    finite = torch.stack([leaf.detach().reshape(len(times), -1).isfinite().all(1) for leaf in leaves]).all(0).tolist()
    if not all(finite):
        raise SolveError(Status.non_finite, times[max(finite.index(False) - 1, 0)])


DOPRI5 = Method("dopri5", adaptive=True)
DOPRI8 = Method("dopri8", adaptive=True)
BOSH3 = Method("bosh3", adaptive=True)
FEHLBERG2 = Method("fehlberg2", adaptive=True)
ADAPTIVE_HEUN = Method("adaptive_heun", adaptive=True)
EULER = Method("euler", adaptive=False)
MIDPOINT = Method("midpoint", adaptive=False)
HEUN2 = Method("heun2", adaptive=False)
HEUN3 = Method("heun3", adaptive=False)
RK4 = Method("rk4", adaptive=False)
EXPLICIT_ADAMS = Method("explicit_adams", adaptive=False)
IMPLICIT_ADAMS = Method("implicit_adams", adaptive=False)
