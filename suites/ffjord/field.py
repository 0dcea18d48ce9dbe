"""The dynamics: concatsquash layers, and their derivative along given directions, by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from odebench.contract import Array
from odebench.tasks.nets import Floats, linear_parameters

ACTIVATIONS = ("tanh", "softplus")


def parameters(rng: np.random.Generator, sizes: Sequence[int]) -> dict[str, Floats]:
    """Layers ``field.0``… between the sizes, each of in · out + 4 · out numbers: torch's default laws.

    ``weight``, ``bias``: of the state; ``gate``, ``gate_bias`` and ``shift``: of the time, which is one input.
    """
    found: dict[str, Floats] = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        found |= linear_parameters(rng, f"field.{i}", fan_in, fan_out)
        for part in ("gate", "gate_bias", "shift"):
            found[f"field.{i}.{part}"] = rng.uniform(-1, 1, fan_out)
    return found


def field_and_products(
    xp: Any, activation: str, t: Array, z: Array, directions: Array | None, params: Mapping[str, Array]
) -> tuple[Array, Array | None]:
    """dz/dt for z (B, D), and its Jacobian times each of ``directions`` (K, B or 1, D), of shape (K, B, D).

    Layers are ``(W z + b) · sigmoid(g t + c) + s t``, with an activation between them. The products are a forward pass
    of dual numbers with K tangents, which every framework can differentiate once more: no framework's own forward mode
    is needed, and in eager ones it costs little beside f itself. None of it is done without ``directions``.
    """
    layers = sum(name.startswith("field.") and name.endswith(".gate") for name in params)
    for i in range(layers):
        weight, bias, gate, gate_bias, shift = (
            params[f"field.{i}.{part}"] for part in ("weight", "bias", "gate", "gate_bias", "shift")
        )
        if i:
            z, slope = _activate(xp, activation, z)
            directions = None if directions is None else directions * slope
        factor = xp.sigmoid(t * gate + gate_bias)
        z = (z @ weight.T + bias) * factor + t * shift
        directions = None if directions is None else (directions @ weight.T) * factor
    return z, directions


def _activate(xp: Any, activation: str, z: Array) -> tuple[Array, Array]:
    """The activation and its derivative."""
    if activation == "softplus":
        return xp.softplus(z), xp.sigmoid(z)
    a = xp.tanh(z)
    return a, 1 - a * a
