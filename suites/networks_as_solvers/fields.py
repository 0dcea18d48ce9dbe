"""The functions inside the nets' blocks, one definition for every framework: ``f(p, x, xp)``, x (B, D)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any
Params = dict[str, Array]
Floats = NDArray[np.float64]
Field = Callable[[Params, Array, Any], Array]
SUITE = "networks_as_solvers"
D, HIDDEN = 4, 16


def mlp(p: Params, x: Array, xp: Any) -> Array:
    """V tanh(W x + b); without ``b`` it is 0 at 0."""
    return _branch(p, "field", x, xp)


def linear(p: Params, x: Array, xp: Any) -> Array:
    """A x."""
    return x @ p["field.a"].T


def coupled(p: Params, x: Array, xp: Any) -> Array:
    """(F(x₂), G(x₁)) of the halves of x."""
    return xp.concat([branch_f(p, x[:, D // 2 :], xp), branch_g(p, x[:, : D // 2], xp)], axis=1)


def branch_f(p: Params, x: Array, xp: Any) -> Array:
    return _branch(p, "f", x, xp)


def branch_g(p: Params, x: Array, xp: Any) -> Array:
    return _branch(p, "g", x, xp)


def _branch(p: Params, name: str, x: Array, xp: Any) -> Array:
    """V tanh(W x + b); with no ``v``, Wᵀ tanh(W x + b), the gradient of Σ log cosh."""
    hidden = x @ p[f"{name}.w"].T
    hidden = xp.tanh(hidden + p[f"{name}.b"] if f"{name}.b" in p else hidden)
    return hidden @ (p[f"{name}.v"].T if f"{name}.v" in p else p[f"{name}.w"])


FIELDS: dict[str, Field] = {
    "mlp": mlp,
    "unbiased": mlp,
    "linear": linear,
    "coupled": coupled,
    "hamiltonian": coupled,
}


def parameters(field: str, rng: np.random.Generator) -> dict[str, Floats]:
    """Normal weights of variance 1/fan-in, so that every field is of order 1; biases of variance 1/4.

    ``hamiltonian`` is ``coupled`` with F and G gradients of functions, of x₂ and of x₁: (x₁, x₂) moves by
    x₁′ = ∇T(x₂), x₂′ = −∇V(x₁) with T and −V sums of log cosh.
    """
    if field == "linear":
        return {"field.a": rng.standard_normal((D, D)) / np.sqrt(D)}
    names, size = (("f", "g"), D // 2) if field in ("coupled", "hamiltonian") else (("field",), D)
    found: dict[str, Floats] = {}
    for name in names:
        found[f"{name}.w"] = rng.standard_normal((HIDDEN, size)) / np.sqrt(HIDDEN if field == "hamiltonian" else size)
        if field != "unbiased":
            found[f"{name}.b"] = rng.standard_normal(HIDDEN) / 2
        if field != "hamiltonian":
            found[f"{name}.v"] = rng.standard_normal((size, HIDDEN)) / np.sqrt(HIDDEN)
    return found
