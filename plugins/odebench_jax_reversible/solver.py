"""Reversible Heun as a JAX solver: see :class:`odebench.contract.Solve`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from odebench.contract import Dynamics, PyTree, Stats, Status
from odebench.control import DEFAULTS
from odebench_jax.arguments import checked, raise_unless_ok
from odebench_jax.flat import Layout, Norm
from odebench_jax.forward import Knobs
from odebench_jax.rule import hashable, instantiated, is_varied, unperturbed

from .forward import Loop, Walk
from .reverse import Ends, reverse


class ReversibleHeun:
    """The solver. It is stable on an interval of the imaginary axis only: decay over many steps is not for it.

    Outside jit, f is compiled once for each function object and shape: pass what changes in params. ``ys`` can be
    differentiated in reverse mode with respect to y0, ts, params and whatever tracers f has captured: the exact
    gradient of the discrete map, by undoing its steps.
    """

    name = "reversible_heun"

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
        knobs = Knobs(rtol, atol, step, num_steps, min_step, first_step)
        y0, ts = checked(y0, ts, knobs, max_steps)
        ys, stats = _solve(hashable(f), norm, max_steps, y0, ts, params, knobs)
        raise_unless_ok(stats)
        return ys, stats


reversible_heun = ReversibleHeun()


@partial(jax.jit, static_argnums=(0, 1, 2))
def _solve(
    f: Dynamics,
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
    converted, captured = jax.closure_convert(on_vectors, ts[0], y, leaves)

    def closed(t: jax.Array, y: jax.Array, arrays: list[jax.Array]) -> jax.Array:
        dy: jax.Array = converted(t, y, arrays[:count], *arrays[count:])
        return dy

    on_vector = layout.norm if norm is None else lambda vector: norm(layout.unravel(vector))
    ys, stats = _differentiable(closed, on_vector, max_steps, y, ts, [*leaves, *captured], knobs)
    return layout.unravel(ys), stats


def _differentiable(
    f: Any, norm: Norm, max_steps: int, y0: jax.Array, ts: jax.Array, params: list[jax.Array], knobs: Knobs
) -> tuple[jax.Array, Stats]:
    def walk(y0: jax.Array, ts: jax.Array, params: list[jax.Array], knobs: Knobs) -> tuple[jax.Array, Stats, Walk]:
        return Loop(lambda t, y: f(t, y, params), ts, knobs, norm, max_steps).integrate(y0)

    @jax.custom_vjp
    def run(*args: Any) -> tuple[jax.Array, Stats]:
        ys, stats, _ = walk(*args)
        return ys, stats

    def forward(*args: Any) -> Any:
        values = unperturbed(args)
        ys, stats, end = walk(*values)
        # None and () are static: what is not differentiated costs the reverse nothing.
        timed = () if args[1].perturbed else None
        varied = [() if is_varied(p) else None for p in args[2]]
        ends = Ends(end.steps, end.y, end.z, end.knots, stats.status == Status.ok)
        return (ys, stats), (ys[0], values[1:], ends, timed, varied)

    def backward(residuals: Any, cotangents: Any) -> tuple[Any, ...]:
        y0, (ts, params, knobs), ends, timed, varied = residuals
        g = instantiated(cotangents[0], jnp.broadcast_to(y0, (ts.shape[0], *y0.shape)))
        index = [i for i, v in enumerate(varied) if v is not None]
        y_bar, ts_bar, some = reverse(
            f,
            ts,
            params,
            index,
            ends,
            g,
            timed=timed is not None,
            adaptive=knobs.step is None and knobs.num_steps is None,
            equal=knobs.num_steps is not None,
        )
        params_bar: list[jax.Array | None] = [None] * len(params)
        for i, p_bar in zip(index, some, strict=True):
            params_bar[i] = p_bar
        return y_bar, ts_bar, params_bar, None

    run.defvjp(forward, backward, symbolic_zeros=True)
    ys, stats = run(y0, ts, params, knobs)
    return ys, stats
