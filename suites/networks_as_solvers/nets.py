"""The nets' blocks as formulas: ``block(p, h, x, f)`` with f the field, and h f the F of the papers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .fields import Array, D, Floats, Params, branch_f, branch_g

Function = Callable[[Array], Array]
Block = Callable[[Params, Array, Array, Function, Any], Array]

_RK4_NODES = ((), (1 / 2,), (0.0, 1 / 2), (0.0, 0.0, 1.0))
_RK4_WEIGHTS = (1 / 6, 1 / 3, 1 / 3, 1 / 6)


def residual(p: Params, h: Array, x: Array, f: Function, xp: Any) -> Array:
    """x + F(x) (He et al. 2016)."""
    return x + h * f(x)


def poly(p: Params, h: Array, x: Array, f: Function, xp: Any) -> Array:
    """x + F(x) + F(F(x)): PolyNet's poly-2 (Zhang et al. 2017)."""
    once = h * f(x)
    return x + once + h * f(once)


def fixed_point(p: Params, h: Array, x: Array, f: Function, xp: Any) -> Array:
    """x + F(x + F(x)): two steps of y ← x + F(y) from y = x; poly-2 where F is linear."""
    return x + h * f(x + h * f(x))


def fractal(p: Params, h: Array, x: Array, f: Function, xp: Any) -> Array:
    """The mean of two columns (FractalNet, Larsson et al. 2017): none, and two tied residual blocks."""
    y = residual(p, h, x, f, xp)
    return (x + residual(p, h, y, f, xp)) / 2


def dense(p: Params, h: Array, x: Array, f: Function, xp: Any) -> Array:
    """Four layers, each f of a 1×1 convolution of all features before it, and a last such convolution (DenseNet,
    Huang et al. 2017). The step is in the kernels ``mix.…``; see :func:`dense_kernels`."""
    features = x
    for i in range(len(_RK4_NODES)):
        features = xp.concat([features, f(features @ p[f"mix.{i}"].T)], axis=1)
    return features @ p["mix.out"].T


def dense_kernels(h: float) -> dict[str, Floats]:
    """``mix.i`` (D, (i + 1) D): the kernels with which a dense block is Kutta's method of order 4 (HNW II.1)."""
    rows = {f"mix.{i}": row for i, row in enumerate(_RK4_NODES)} | {"mix.out": _RK4_WEIGHTS}
    return {name: np.kron(np.array([[1.0, *(h * a for a in row)]]), np.eye(D)) for name, row in rows.items()}


def reversible(p: Params, h: Array, x: Array, f: Function, xp: Any) -> Array:
    """y₁ = x₁ + F(x₂), y₂ = x₂ + G(y₁) (Gomez et al. 2017)."""
    y1 = x[:, : D // 2] + h * branch_f(p, x[:, D // 2 :], xp)
    return xp.concat([y1, x[:, D // 2 :] + h * branch_g(p, y1, xp)], axis=1)


def inverse(p: Params, h: Array, y: Array, xp: Any) -> Array:
    """x of y = :func:`reversible`: x₂ = y₂ − G(y₁), x₁ = y₁ − F(x₂)."""
    x2 = y[:, D // 2 :] - h * branch_g(p, y[:, : D // 2], xp)
    return xp.concat([y[:, : D // 2] - h * branch_f(p, x2, xp), x2], axis=1)


class Net(NamedTuple):
    """:param field: the kind of field that it has where none is chosen."""

    block: Block
    field: str = "mlp"


NETS = {
    "tied_resnet": Net(residual),
    "polynet": Net(poly),
    "fixed_point": Net(fixed_point),
    "fractalnet": Net(fractal),
    "densenet": Net(dense),
    "revnet": Net(reversible, "coupled"),
}
