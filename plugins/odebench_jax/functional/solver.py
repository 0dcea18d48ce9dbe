"""Any :class:`.method.Method` as a JAX solver: see :class:`odebench.contract.ReplayedSolve` and ``DenseSolve``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from odebench.contract import Dynamics, PyTree, Stats
from odebench.control import DEFAULTS
from odebench_jax.arguments import checked, raise_unless_ok
from odebench_jax.flat import Layout
from odebench_jax.forward import Knobs
from odebench_jax.rule import hashable
from odebench_jax.tape import Checkpoints

from .dense import integrate_dense
from .differentiable import differentiable
from .loop import Plan
from .method import AdaptiveMethod, Method, Params

Norm = Callable[[PyTree], jax.Array]

_NUMBERS = dict.fromkeys(Knobs._fields) | {name: DEFAULTS[name] for name in ("rtol", "atol", "min_step")}


class Solver:
    """The solver that a method defines.

    Outside jit, f is compiled once for each function object and shape: pass what changes in params. Numbers among the
    options are arguments of what is compiled. ``ys`` can be differentiated in reverse mode with respect to y0, ts,
    params and whatever tracers f has captured: the exact gradient of the discrete map, in which the step sizes, and
    the orders of a method that varies them, are constants.
    """

    def __init__(self, method: Method) -> None:
        self._method = method

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
        norm: Norm | None = None,
        checkpoints: Checkpoints = None,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.ReplayedSolve`; every number may be traced, but for max_steps and checkpoints.

        :param checkpoints: by default as many states as fit in :data:`odebench_jax.tape.MEMORY`, 16 at least and 96 at
            most. "all" is bounded by max_steps, and where that many would take more than
            :data:`odebench_jax.tape.ALL` bytes, by those: of a longer solve every second state is kept, or fourth…
        :raises ValueError: when ts is not strictly monotonic, or options make no sense.
        :raises TypeError: when y0 is not of floats, or f returns another tree or other shapes.
        :raises SolveError: unless traced; then what was not reached is NaN, and so are the gradients.
        """
        if not (checkpoints in (None, "all") or (isinstance(checkpoints, int | np.integer) and checkpoints >= 1)):
            raise ValueError(f"checkpoints must be a whole number of at least 1 or 'all', got {checkpoints!r}")
        knobs = Knobs(rtol, atol, step, num_steps, min_step, first_step)
        build = _Build(hashable(f), self._method, norm, max_steps, checkpoints)
        ys, stats = _solve(build, *checked(y0, ts, knobs, max_steps), params, knobs)
        raise_unless_ok(stats)
        return ys, stats

    def dense(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Any,
        params: PyTree = None,
        *,
        max_steps: int = int(DEFAULTS["max_steps"]),
        norm: Norm | None = None,
        **options: Any,
    ) -> tuple[PyTree, Stats, Callable[[Any], PyTree]]:
        """See :class:`odebench.contract.DenseSolve`. ``path`` is a pytree, takes a scalar t, and can be compiled.

        The path takes memory for ``max_steps`` steps, :data:`odebench_jax.dense.MEMORY` bytes at most: a solve that
        needs more attempts than fit ends with ``Status.max_steps``.

        :raises ValueError, TypeError, SolveError: as a call does; traced, the path of a failed solve is NaN.
        """
        knobs = Knobs(**(_NUMBERS | options))
        build = _Build(hashable(f), self._method, norm, max_steps, None)
        ys, stats, path = _solve_dense(build, *checked(y0, ts, knobs, max_steps), params, knobs)
        raise_unless_ok(stats)
        return ys, stats, path


class _Build(NamedTuple):
    """What a solve is compiled for."""

    f: Dynamics
    method: Method
    norm: Norm | None
    max_steps: int
    checkpoints: Checkpoints

    def plan(self, y0: PyTree, t0: jax.Array, params: PyTree, knobs: Knobs) -> tuple[Plan, Layout, jax.Array, Params]:
        """The engine's plan, where the state lies in its vector, the vector, and the arrays that f depends on."""
        layout, norm, method = Layout.of(y0), self.norm, self.method
        leaves, treedef = jax.tree.flatten(params)
        leaves = [jnp.asarray(x) for x in leaves]
        count = len(leaves)

        def on_vectors(t: jax.Array, y: jax.Array, leaves: Params) -> jax.Array:
            args = () if params is None else (jax.tree.unflatten(treedef, leaves),)
            return layout.ravel(self.f(t, layout.unravel(y), *args))

        y = layout.ravel(y0)
        # What f has captured becomes an argument, so that it gets its gradient.
        converted, captured = jax.closure_convert(on_vectors, t0, y, leaves)
        fixed = knobs.step is not None or knobs.num_steps is not None
        plan = Plan(
            f=lambda t, y, leaves: converted(t, y, leaves[:count], *leaves[count:]),
            method=method,
            norm=layout.norm if norm is None else lambda vector: norm(layout.unravel(vector)),
            max_steps=self.max_steps,
            control=cast(AdaptiveMethod, method) if method.adaptive and not fixed else None,
            landing=not (method.interpolates and (method.adaptive or fixed)),
        )
        return plan, layout, y, [*leaves, *captured]


@partial(jax.jit, static_argnums=0)
def _solve(build: _Build, y0: PyTree, ts: jax.Array, params: PyTree, knobs: Knobs) -> tuple[PyTree, Stats]:
    if ts.shape[0] == 1:
        return jax.tree.map(lambda y: y[None], y0), _nothing_done(ts)
    plan, layout, y, arrays = build.plan(y0, ts[0], params, knobs)
    ys, stats = differentiable(plan, build.checkpoints)(y, ts, arrays, knobs)
    return layout.unravel(ys), stats


@partial(jax.jit, static_argnums=0)
def _solve_dense(
    build: _Build, y0: PyTree, ts: jax.Array, params: PyTree, knobs: Knobs
) -> tuple[PyTree, Stats, Callable[[Any], PyTree]]:
    if ts.shape[0] == 1:
        return jax.tree.map(lambda y: y[None], y0), _nothing_done(ts), Partial(_constant, y0)
    plan, layout, y, arrays = build.plan(y0, ts[0], params, knobs)
    ys, stats, path = integrate_dense(plan, layout, y, ts, arrays, knobs)
    return layout.unravel(ys), stats, path


def _constant(y0: PyTree, t: Any) -> PyTree:
    del t
    return y0


def _nothing_done(ts: jax.Array) -> Stats:
    zero = jnp.zeros((), jnp.int32)
    return Stats(zero, zero, zero, zero, jnp.zeros((), ts.dtype))
