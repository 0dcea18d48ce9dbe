"""Any explicit Runge–Kutta method as a JAX solver: see :class:`odebench.contract.Solve`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial

from odebench.contract import Dynamics, Stats
from odebench.control import DEFAULTS
from odebench.tableau import ExplicitRungeKutta

from .arguments import checked, raise_unless_ok
from .dense import integrate_dense
from .discrete import solve_flat
from .flat import Layout, Parts, PyTree, split
from .forward import Knobs, Plan
from .rule import hashable
from .stages import Stages
from .tape import Checkpoints

DEFAULT_KNOBS = dict.fromkeys(Knobs._fields) | {name: DEFAULTS[name] for name in ("rtol", "atol", "min_step")}


class RungeKutta:
    """The solver that a tableau defines.

    Outside jit, f is compiled once for each function object and shape: pass what
    changes in params. Numbers among the options are arguments of what is compiled. ``ys`` can be differentiated in
    reverse mode with respect to y0, ts, params and whatever tracers f has captured: the exact gradient of the discrete
    map, in which the step sizes are constants.

    A batch within the state shares its steps; under ``jax.vmap`` every sample takes its own, in one loop that goes on
    until the last of them is done.
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
        checkpoints: Checkpoints = None,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.ReplayedSolve`; every number may be traced, but for max_steps and checkpoints.

        By default the reverse has whole steps, stages and all, in memory that is bounded but generous. With
        ``checkpoints`` it has states alone; "all" is bounded by max_steps, and where that many would take more than
        :data:`~odebench_jax.tape.ALL` bytes, by those: of a longer solve every second state is kept, or every fourth…

        :raises ValueError: when ts is not strictly monotonic, or options make no sense.
        :raises TypeError: when y0 is not of floats, or f returns another tree or other shapes.
        :raises SolveError: unless traced; then what was not reached is NaN, and so are the gradients.
        """
        if not (checkpoints in (None, "all") or (isinstance(checkpoints, int | np.integer) and checkpoints >= 1)):
            raise ValueError(f"checkpoints must be a whole number of at least 1 or 'all', got {checkpoints!r}")
        knobs = Knobs(rtol, atol, step, num_steps, min_step, first_step)
        build = Build(hashable(f), self._stages, norm, max_steps, checkpoints)
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
        norm: Callable[[PyTree], jax.Array] | None = None,
        **options: Any,
    ) -> tuple[PyTree, Stats, Callable[[Any], PyTree]]:
        """See :class:`odebench.contract.DenseSolve`. ``path`` is a pytree, takes a scalar t, and can be compiled.

        The path takes memory for ``max_steps`` steps, :data:`~odebench_jax.dense.MEMORY` bytes at most: a solve that
        needs more attempts than fit ends with ``Status.max_steps``.

        :raises ValueError, TypeError, SolveError: as a call does; traced, the path of a failed solve is NaN.
        """
        knobs = Knobs(**(DEFAULT_KNOBS | options))
        y0, ts = checked(y0, ts, knobs, max_steps)
        ys, stats, path = _solve_dense(Build(hashable(f), self._stages, norm, max_steps, None), y0, ts, params, knobs)
        raise_unless_ok(stats)
        return ys, stats, path


class Build(NamedTuple):
    """What a solve is compiled for."""

    f: Dynamics
    stages: Stages
    norm: Callable[[PyTree], jax.Array] | None
    max_steps: int
    checkpoints: Checkpoints

    def plan(
        self, y0: PyTree, ts: jax.Array, params: PyTree, knobs: Knobs
    ) -> tuple[Plan, Layout, jax.Array, list[jax.Array]]:
        """The engine's plan, where the state lies in its vector, the vector, and the arrays that f depends on."""
        layout, norm, tableau = Layout.of(y0), self.norm, self.stages.tableau
        leaves, treedef = jax.tree.flatten(params)
        count = len(leaves)

        def on_parts(t: jax.Array, y: Parts, leaves: list[jax.Array]) -> Parts:
            args = () if params is None else (jax.tree.unflatten(treedef, leaves),)
            return layout.parts(self.f(t, layout.state(y), *args))

        y = layout.ravel(y0)
        # What f has captured becomes an argument, so that it gets its gradient.
        converted, captured = jax.closure_convert(on_parts, ts[0], split(y, layout.cuts), leaves)
        fixed = knobs.step is not None or knobs.num_steps is not None
        adaptive = tableau.adaptive and not fixed
        plan = Plan(
            f=lambda t, y, leaves: converted(t, y, leaves[:count], *leaves[count:]),
            stages=self.stages,
            norm=layout.norm if norm is None else lambda vector: norm(layout.unravel(vector)),
            max_steps=self.max_steps,
            adaptive=adaptive,
            landing=tableau.dense is None or not (adaptive or fixed),
            checkpoints=self.checkpoints,
            cuts=layout.cuts,
        )
        return plan, layout, y, [*leaves, *captured]


@partial(jax.jit, static_argnums=0)
def _solve(build: Build, y0: PyTree, ts: jax.Array, params: PyTree, knobs: Knobs) -> tuple[PyTree, Stats]:
    if ts.shape[0] == 1:
        return jax.tree.map(lambda y: y[None], y0), _nothing_done(ts)
    plan, layout, y, arrays = build.plan(y0, ts, params, knobs)
    ys, stats = solve_flat(plan, y, ts, arrays, knobs)
    return layout.unravel(ys), stats


@partial(jax.jit, static_argnums=0)
def _solve_dense(
    build: Build, y0: PyTree, ts: jax.Array, params: PyTree, knobs: Knobs
) -> tuple[PyTree, Stats, Callable[[Any], PyTree]]:
    if ts.shape[0] == 1:
        return jax.tree.map(lambda y: y[None], y0), _nothing_done(ts), Partial(_constant, y0)
    plan, layout, y, arrays = build.plan(y0, ts, params, knobs)
    ys, stats, path = integrate_dense(plan, layout, y, ts, arrays, knobs)
    return layout.unravel(ys), stats, path


def _constant(y0: PyTree, t: Any) -> PyTree:
    del t
    return y0


def _nothing_done(ts: jax.Array) -> Stats:
    zero = jnp.zeros((), jnp.int32)
    return Stats(zero, zero, zero, zero, jnp.zeros((), ts.dtype))
