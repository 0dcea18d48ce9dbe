"""From the last output to the first: the augmented state through every interval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from odebench.contract import Dynamics, PyTree
from odebench_jax.pullback import vjp

from .options import Backward

Params = list[jax.Array]
Path = Callable[[jax.Array], PyTree]


class Perturbed(NamedTuple):
    """What is being differentiated, in terms that are static under tracing: () for yes, None for no."""

    ts: tuple[()] | None
    params: list[tuple[()] | None]

    @classmethod
    def of(cls, ts: Any, params: list[Any]) -> Perturbed:
        """Of what ``custom_vjp`` hands over with ``symbolic_zeros``."""
        floats = [p.perturbed and jnp.issubdtype(p.value.dtype, jnp.floating) for p in params]
        return cls(() if ts.perturbed else None, [() if p else None for p in floats])


def backward(
    black_box: Backward,
    f: Dynamics,
    g: PyTree,
    ys: PyTree,
    ts: jax.Array,
    params: Params,
    step: jax.Array,
    perturbed: Perturbed,
    path: Path | None = None,
) -> tuple[PyTree, jax.Array | None, list[jax.Array | None]]:
    """Cotangents of y0, ts and params.

    The state is solved for again with its cotangent and reset to the stored ``ys`` at each output, so that errors of
    its way back do not add up; or it is taken from the ``path`` of the forward solve.

    :param g: cotangent of ys.
    :param step: the step size that the forward solve ended with, and this one begins with; 0 of one that chose none.
    """
    index = [i for i, wanted in enumerate(perturbed.params) if wanted is not None]
    augmented = _augmented(f, index, path)
    unknown = jnp.abs(ts[-1] - ts[-2]) if black_box.first_step is None else black_box.first_step
    step = jnp.where(step > 0, step, unknown).astype(ts.dtype)

    def interval(carry: tuple[PyTree, Params, jax.Array], output: Any) -> tuple[Any, None]:
        a, params_bar, step = carry
        y, g, start, end = output
        a = jax.tree.map(jnp.add, a, g)
        state = (y, a, params_bar) if path is None else (a, params_bar)
        state, step = black_box(augmented, state, start, end, params, ts[-1] - ts[0], step)
        return (*state[-2:], jnp.asarray(step, ts.dtype)), None

    later = jax.tree.map(lambda x: x[1:], (ys, g))
    start = (
        jax.tree.map(lambda y: jnp.zeros_like(y[0]), ys),
        [jnp.zeros_like(params[i]) for i in index],
        step,
    )
    (a, bars, _), _ = lax.scan(interval, start, (*later, ts[1:], ts[:-1]), reverse=True)
    params_bar: list[jax.Array | None] = [None] * len(params)
    for i, bar in zip(index, bars, strict=True):
        params_bar[i] = bar
    ts_bar = None if perturbed.ts is None else _times(f, ys, ts, params, g, a)
    return jax.tree.map(lambda a, g: a + g[0], a, g), ts_bar, params_bar


def _augmented(f: Dynamics, index: list[int], path: Path | None) -> Dynamics:
    """The dynamics of ``(y, a, cotangents of params[index])``: f, -a ∂f/∂y, -a ∂f/∂params; y only without a path."""

    def dynamics(t: jax.Array, state: tuple[PyTree, ...], params: Params) -> PyTree:
        def inner(y: PyTree, some: Params) -> PyTree:
            full = list(params)
            for i, p in zip(index, some, strict=True):
                full[i] = p
            return f(t, y, full)

        y, a = (path(t), state[0]) if path else state[:2]
        dy, pull = vjp(inner, y, [params[i] for i in index])
        bars = pull(jax.tree.map(lambda a, dy: -a.astype(dy.dtype), a, dy))
        return bars if path else (dy, *bars)

    return dynamics


def _times(f: Dynamics, ys: PyTree, ts: jax.Array, params: Params, g: PyTree, a: PyTree) -> jax.Array:
    """dL/dts[i] = g_i · f(y_i, t_i), and dL/dts[0] = -a(t0) · f(y_0, t0) with a before g_0 is added."""
    weights = jax.tree.map(lambda g, a: g.at[0].set(-a), g, a)

    def product(at: tuple[jax.Array, PyTree, PyTree]) -> jax.Array:
        t, y, weight = at
        products = jax.tree.map(lambda w, dy: jnp.sum(w * dy), weight, f(t, y, params))
        return sum(jax.tree.leaves(products), jnp.zeros(()))

    products: jax.Array = lax.map(product, (ts, ys, weights))
    return products.astype(ts.dtype)
