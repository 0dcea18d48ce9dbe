"""diffrax's methods as solvers: see :class:`odebench.contract.Solve`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix

from odebench.contract import Dynamics, PyTree, SolveError, Stats, Status
from odebench.control import DEFAULTS, check_options
from odebench_jax.flat import Layout
from odebench_jax.rule import hashable
from odebench_jax_ode.times import checked_times, known

MAX_STEPS = 4096

Norm = Callable[[PyTree], jax.Array]
Adjoint = Callable[[Any], Any]
"""Of the forward solve's step size controller, an adjoint of diffrax's."""


def checkpointed(controller: Any) -> Any:
    return diffrax.RecursiveCheckpointAdjoint()


class Knobs(NamedTuple):
    """Options that are numbers: arguments of what is compiled."""

    rtol: Any
    atol: Any
    step: Any
    num_steps: Any
    min_step: Any
    first_step: Any


@dataclass(frozen=True)
class Plan:
    """What is static in a solve. Its call is diffrax's vector field, on the state as one vector."""

    f: Dynamics
    given: bool
    layout: Layout
    method: Method
    norm: Norm | None
    max_steps: int
    adjoint: Adjoint

    def __call__(self, t: Any, y: jax.Array, params: PyTree) -> jax.Array:
        args = (params,) if self.given else ()
        return self.layout.ravel(self.f(t, self.layout.unravel(y), *args))

    def size(self, state: PyTree) -> jax.Array:
        if not isinstance(state, jax.Array):  # an implicit method's adjoint, by diffrax's own norm
            size: jax.Array = optimistix.rms_norm(state)
            return size
        return self.layout.norm(state) if self.norm is None else self.norm(self.layout.unravel(state))


@dataclass(frozen=True)
class Method:
    """One of diffrax's solvers.

    :param make: makes it; an implicit one takes a ``root_finder``.
    """

    make: Callable[..., Any]
    adaptive: bool = True
    implicit: bool = False

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Any,
        params: PyTree = None,
        *,
        rtol: Any = DEFAULTS["rtol"],
        atol: Any = DEFAULTS["atol"],
        step: Any = None,
        num_steps: Any = None,
        max_steps: int = MAX_STEPS,
        min_step: Any = DEFAULTS["min_step"],
        first_step: Any = None,
        norm: Norm | None = None,
        adjoint: Adjoint = checkpointed,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`; every number may be traced, but for max_steps.

        Outside jit, f is compiled once for each function object and shape. ``nfe`` is what the steps come to, by the
        method's stages; -1 of an implicit one, of which diffrax does not tell.

        :param adjoint: how it is differentiated; of the step size controller, one of diffrax's.
        :raises ValueError: when ts is not strictly monotonic, or options make no sense.
        :raises TypeError: when y0 is not of floats, or f returns another tree or other shapes.
        :raises SolveError: unless traced; then what was not reached is NaN, and so are the gradients. A root that was
            not found, with fixed steps, is ``non_finite``; NaN dynamics underflow, since diffrax shortens its steps.
        """
        check_options(rtol, atol, step, num_steps if known(num_steps) else 1, max_steps, min_step, first_step)
        y0 = jax.tree.map(jnp.asarray, y0)
        layout = Layout.of(y0)
        # diffrax promotes the state to the type of time, so that has to be the state's.
        ts = checked_times(ts, layout.dtype)
        plan = Plan(hashable(f), params is not None, layout, self, norm, max_steps, adjoint)
        numbers = (rtol, atol, step, num_steps, min_step, first_step)
        knobs = Knobs(*(None if x is None else jnp.asarray(x, layout.dtype) for x in numbers))
        ys, stats = _solve(plan, layout.ravel(y0), ts, params, knobs)
        if known(stats.status) and stats.status != Status.ok:
            raise SolveError(int(stats.status))
        return layout.unravel(ys), stats

    def evaluations(self, steps: jax.Array) -> jax.Array:
        if self.implicit:
            return jnp.full_like(steps, -1)
        if (tableau := getattr(self.make, "tableau", None)) is None:
            return jnp.add(steps, int(self.make is diffrax.ReversibleHeun))
        stages = int(tableau.num_stages)
        return jnp.add(steps * (stages - 1), 1) if tableau.fsal else steps * stages


@eqx.filter_jit
def _solve(plan: Plan, y: jax.Array, ts: jax.Array, params: PyTree, knobs: Knobs) -> tuple[jax.Array, Stats]:
    if ts.shape[0] == 1:
        zero = jnp.zeros((), jnp.int32)
        return y[None], Stats(zero, zero, zero, zero, jnp.zeros((), ts.dtype))
    controller, dt0 = _control(plan, ts, knobs)
    found = diffrax.diffeqsolve(
        diffrax.ODETerm(plan),
        _solver(plan, knobs, controller),
        ts[0],
        ts[-1],
        dt0,
        y,
        params,
        saveat=diffrax.SaveAt(t0=True, ts=ts[1:]),
        stepsize_controller=controller,
        adjoint=plan.adjoint(controller),
        max_steps=plan.max_steps,
        throw=False,
    )
    reached = jnp.isfinite(found.ts)
    # By a factor, so that gradients of a solve that failed are NaN, too.
    ys = found.ys * jnp.where(reached, 1.0, jnp.nan).astype(y.dtype)[:, None]
    results = diffrax.RESULTS
    failure = jnp.where(found.result == results.dt_min_reached, Status.underflow, Status.non_finite)
    failure = jnp.where(found.result == results.max_steps_reached, Status.max_steps, failure)
    # A last step that is clipped can count as too small; the outputs are all there then.
    status = jnp.where(jnp.isfinite(ys).all(), Status.ok, failure)
    steps, accepted, rejected = (found.stats[f"num_{kind}steps"] for kind in ("", "accepted_", "rejected_"))
    nfe = plan.method.evaluations(steps)
    return ys, Stats(nfe, accepted, rejected, status, jnp.zeros((), ts.dtype))


def _control(plan: Plan, ts: jax.Array, knobs: Knobs) -> tuple[Any, Any]:
    """The step size controller and ``dt0``."""
    span = ts[-1] - ts[0]
    if knobs.num_steps is not None:
        return diffrax.ConstantStepSize(), span / knobs.num_steps
    if knobs.step is not None:
        return diffrax.ConstantStepSize(), jnp.sign(span) * knobs.step
    if not plan.method.adaptive:
        return diffrax.StepTo(ts), None
    # As everybody's, a step of fewer than ten units in the last place is an underflow.
    least = jnp.maximum(knobs.min_step, 10 * jnp.finfo(ts.dtype).eps * jnp.abs(ts).max())
    controller = diffrax.PIDController(
        rtol=knobs.rtol, atol=knobs.atol, dtmin=jax.lax.stop_gradient(least), force_dtmin=False, norm=plan.size
    )
    return controller, None if knobs.first_step is None else jnp.sign(span) * knobs.first_step


def _solver(plan: Plan, knobs: Knobs, controller: Any) -> Any:
    if not plan.method.implicit or isinstance(controller, diffrax.PIDController):
        return plan.method.make()
    return plan.method.make(root_finder=diffrax.VeryChord(rtol=knobs.rtol, atol=knobs.atol, norm=plan.size))


HEUN = Method(diffrax.Heun)
MIDPOINT = Method(diffrax.Midpoint)
RALSTON = Method(diffrax.Ralston)
BOSH3 = Method(diffrax.Bosh3)
DOPRI5 = Method(diffrax.Dopri5)
TSIT5 = Method(diffrax.Tsit5)
DOPRI8 = Method(diffrax.Dopri8)
REVERSIBLE_HEUN = Method(diffrax.ReversibleHeun)
EULER = Method(diffrax.Euler, adaptive=False)
LEAPFROG_MIDPOINT = Method(diffrax.LeapfrogMidpoint, adaptive=False)
IMPLICIT_EULER = Method(diffrax.ImplicitEuler, implicit=True)
KVAERNO3 = Method(diffrax.Kvaerno3, implicit=True)
KVAERNO4 = Method(diffrax.Kvaerno4, implicit=True)
KVAERNO5 = Method(diffrax.Kvaerno5, implicit=True)
