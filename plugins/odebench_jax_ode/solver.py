"""``jax.experimental.ode.odeint`` as a solver: see :class:`odebench.contract.Solve`."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.experimental.ode import odeint

from odebench.contract import Dynamics, PyTree, SolveError, Stats, Status, Unsupported
from odebench.control import DEFAULTS, check_options
from odebench_jax.flat import Layout
from odebench_jax.rule import hashable
from odebench_jax_ode.reach import REACH
from odebench_jax_ode.times import checked_times, known


def dopri5(
    f: Dynamics,
    y0: PyTree,
    ts: Any,
    params: PyTree = None,
    *,
    rtol: float = DEFAULTS["rtol"],
    atol: float = DEFAULTS["atol"],
    step: Any = None,
    num_steps: Any = None,
    max_steps: int = int(DEFAULTS["max_steps"]),
    min_step: float = DEFAULTS["min_step"],
    first_step: Any = None,
    norm: Any = None,
) -> tuple[PyTree, Stats]:
    """See :class:`odebench.contract.Solve`. It tells nothing of its steps: they and nfe are -1.

    ``max_steps`` bounds the attempts of each interval. A solve that uses them up, or meets a NaN, extrapolates its last
    step. That is noticed where nothing is traced, unless an attempt that was rejected had gone beyond the last time;
    in compiled code only an output that is not finite is a failure.

    :raises ValueError: when ts is not finite and strictly monotonic, or for an option that makes no sense or is absent.
    :raises TypeError: when y0 is not of floats, or f returns another tree or other shapes.
    :raises SolveError: unless traced; then what was not reached is NaN.
    """
    check_options(rtol, atol, step, num_steps, max_steps, min_step, first_step)
    lacks = {"step": step, "num_steps": num_steps, "min_step": min_step or None, "first_step": first_step, "norm": norm}
    for name, value in lacks.items():
        if value is not None:
            raise Unsupported(f"jax-ode/dopri5 has no option {name}")
    y0 = jax.tree.map(jnp.asarray, y0)
    layout = Layout.of(y0)
    ts = checked_times(ts, layout.dtype)
    times = np.asarray(ts) if known(ts) else None  # under jit, even what is known is compared as a tracer
    sign = None if times is None else 1 if times[-1] > times[0] else -1
    plan = _Plan(hashable(f), layout, float(rtol), float(atol), max_steps, sign)
    # Under jit, arrays that are made there are traced, whatever the arguments are.
    if len(ts) > 1 and all(map(known, (jnp.zeros(()), ts, *jax.tree.leaves((y0, params))))):
        with REACH.watching():
            ys, status = _solve(plan._replace(watched=True), layout.ravel(y0), ts, params)
            if known(status) and status == Status.ok:  # f may have captured what is traced
                status = jnp.asarray(REACH.status(), status.dtype)
    else:
        ys, status = _solve(plan, layout.ravel(y0), ts, params)
    if known(status) and status != Status.ok:
        raise SolveError(int(status))
    return layout.unravel(ys), Stats(-1, -1, -1, status, 0.0)


class _Plan(NamedTuple):
    """What is static in a solve.

    :param sign: of the direction of time; None where that is traced.
    :param watched: whether the dynamics tell how far they came; nothing is traced then.
    """

    f: Dynamics
    layout: Layout
    rtol: float
    atol: float
    max_steps: int
    sign: int | None
    watched: bool = False

    def field(self, y: jax.Array, t: jax.Array, sign: Any, *params: PyTree) -> jax.Array:
        """It takes ascending times only: the dynamics of the mirrored problem, where times descend."""
        dydt: jax.Array = sign * self.layout.ravel(self.f(sign * t, self.layout.unravel(y), *params))
        return dydt


@partial(jax.jit, static_argnums=0)
def _solve(plan: _Plan, y: jax.Array, ts: jax.Array, params: PyTree) -> tuple[jax.Array, jax.Array]:
    if ts.shape[0] == 1:
        return y[None], jnp.zeros((), jnp.int32)
    args = () if params is None else (params,)
    options: dict[str, Any] = {"rtol": plan.rtol, "atol": plan.atol, "mxstep": plan.max_steps}
    if plan.sign is not None:
        static = plan.sign

        def field(y: jax.Array, t: jax.Array, *params: PyTree) -> jax.Array:
            dydt = plan.field(y, t, static, *params)
            if plan.watched:
                REACH.see(dydt, t >= static * ts[-1])
            return dydt

        ys = odeint(field, y, static * ts, *args, **options)
    else:
        # A parameter, as f may not capture a tracer: one inert number more in the norm of the adjoint.
        sign = lax.stop_gradient(jnp.where(ts[-1] > ts[0], 1.0, -1.0).astype(y.dtype))
        ys = odeint(
            lambda y, t, sign, *params: plan.field(y, t, lax.stop_gradient(sign), *params),
            y,
            sign * ts,
            sign,
            *args,
            **options,
        )
    finite = jnp.isfinite(ys).all(axis=1)
    return jnp.where(finite[:, None], ys, jnp.nan), jnp.where(finite.all(), Status.ok, Status.non_finite)
