"""Any explicit Runge–Kutta method as a JAX solver: see :class:`odebench.contract.Solve`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from odebench.contract import Dynamics, SolveError, Stats, Status
from odebench.control import DEFAULTS, check_options
from odebench.tableau import ExplicitRungeKutta

from .discrete import solve_flat
from .flat import Layout, PyTree
from .forward import Knobs, Plan
from .stages import Stages


class RungeKutta:
    """The solver that a tableau defines.

    Outside jit, f is compiled once for each function object and shape: pass what
    changes in params. Numbers among the options are arguments of what is compiled. ``ys`` can be differentiated in
    reverse mode with respect to y0, ts, params and whatever tracers f has captured: the exact gradient of the discrete
    map, in which the step sizes are constants.
    """

    def __init__(self, tableau: ExplicitRungeKutta) -> None:
        self.tableau = tableau
        self._stages = Stages(tableau)

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
        max_steps: int = int(DEFAULTS["max_steps"]),
        min_step: Any = DEFAULTS["min_step"],
        first_step: Any = None,
        norm: Callable[[PyTree], jax.Array] | None = None,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`; every number may be traced, but for max_steps.

        :raises ValueError: when ts is not strictly monotonic, or options make no sense.
        :raises TypeError: when y0 is not of floats, or f returns another tree or other shapes.
        :raises SolveError: unless traced; then what was not reached is NaN, and so are the gradients.
        """
        known_steps = num_steps if _known(num_steps) else 1
        check_options(rtol, atol, step, known_steps, max_steps, min_step, first_step)
        y0 = jax.tree.map(jnp.asarray, y0)
        ts = _times(ts, Layout.of(y0).dtype)
        knobs = Knobs(rtol, atol, step, num_steps, min_step, first_step)
        ys, stats = _solve(_hashable(f), self._stages, norm, max_steps, y0, ts, params, knobs)
        if _known(stats.status) and stats.status != Status.ok:
            raise SolveError(int(stats.status))
        return ys, stats


@partial(jax.jit, static_argnums=range(4))
def _solve(
    f: Dynamics,
    stages: Stages,
    norm: Callable[[PyTree], jax.Array] | None,
    max_steps: int,
    y0: PyTree,
    ts: jax.Array,
    params: PyTree,
    knobs: Knobs,
) -> tuple[PyTree, Stats]:
    layout = Layout.of(y0)
    leaves, treedef = jax.tree.flatten(params)
    count = len(leaves)

    def on_vectors(t: jax.Array, y: jax.Array, leaves: list[jax.Array]) -> jax.Array:
        args = () if params is None else (jax.tree.unflatten(treedef, leaves),)
        return layout.ravel(f(t, layout.unravel(y), *args))

    y = layout.ravel(y0)
    if ts.shape[0] == 1:
        zero = jnp.zeros((), jnp.int32)
        return layout.unravel(y[None]), Stats(zero, zero, zero, zero, jnp.zeros((), ts.dtype))
    # What f has captured becomes an argument, so that it gets its gradient.
    converted, captured = jax.closure_convert(on_vectors, ts[0], y, leaves)
    adaptive = stages.tableau.adaptive and knobs.step is None and knobs.num_steps is None
    plan = Plan(
        f=lambda t, y, leaves: converted(t, y, leaves[:count], *leaves[count:]),
        stages=stages,
        norm=layout.norm if norm is None else lambda vector: norm(layout.unravel(vector)),
        max_steps=max_steps,
        adaptive=adaptive,
        landing=stages.tableau.dense is None or not (adaptive or knobs.step is not None or knobs.num_steps is not None),
    )
    ys, stats = solve_flat(plan, y, ts, [*leaves, *captured], knobs)
    return layout.unravel(ys), stats


def _known(value: Any) -> bool:
    return not isinstance(value, jax.core.Tracer)


def _hashable(f: Dynamics) -> Dynamics:
    """f, or for a callable that cannot be a key, as one that holds arrays, one that can."""
    try:
        hash(f)
    except TypeError:
        return partial(f)
    return f


def _times(ts: Any, dtype: np.dtype[Any]) -> jax.Array:
    """ts in the state's type, or its own where that is wider.

    :raises ValueError: when it is not of shape (T,), T ≥ 1, or known not to be strictly monotonic.
    """
    given = jnp.asarray(ts)
    wide = jnp.promote_types(given.dtype, dtype) if jnp.issubdtype(given.dtype, jnp.floating) else dtype
    times: jax.Array = given.astype(wide)
    if times.ndim != 1 or times.shape[0] == 0:
        raise ValueError(f"ts must be of shape (T,), T ≥ 1, got {times.shape}")
    if _known(times):
        intervals = np.diff(np.asarray(times))
        if not (np.all(intervals > 0) or np.all(intervals < 0)):
            raise ValueError(f"ts must be strictly ascending or descending in {times.dtype}")
    return times
