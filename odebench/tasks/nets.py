"""Small nets: parameters from NumPy, so that every framework starts alike, and their functions in the Array API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.contract import Array

Floats = NDArray[np.float64]


def linear_parameters(
    rng: np.random.Generator, name: str, fan_in: int, fan_out: int, *, bias: bool = True
) -> dict[str, Floats]:
    """``name.weight`` (out, in) and ``name.bias`` (out,), uniform on ±1/√(fan in): torch's default law."""
    bound = 1 / np.sqrt(fan_in)
    found = {f"{name}.weight": rng.uniform(-bound, bound, (fan_out, fan_in))}
    return found | ({f"{name}.bias": rng.uniform(-bound, bound, fan_out)} if bias else {})


def mlp_parameters(rng: np.random.Generator, name: str, sizes: Sequence[int]) -> dict[str, Floats]:
    """Layers ``name.0``, ``name.1``… between the sizes."""
    found: dict[str, Floats] = {}
    for i, (fan_in, fan_out) in enumerate(pairwise(sizes)):
        found |= linear_parameters(rng, f"{name}.{i}", fan_in, fan_out)
    return found


def linear(params: Mapping[str, Array], name: str, x: Array) -> Array:
    """x (…, in) → (…, out)."""
    y = x @ params[f"{name}.weight"].T
    return y + params[f"{name}.bias"] if f"{name}.bias" in params else y


def mlp(params: Mapping[str, Array], name: str, x: Array, activation: Callable[[Array], Array]) -> Array:
    """Linear layers ``name.0``, ``name.1``… with an activation between them; none after the last.

    :raises KeyError: where there is no ``name.0``.
    """
    x = linear(params, f"{name}.0", x)
    for i in count(1):
        if f"{name}.{i}.weight" not in params:
            break
        x = linear(params, f"{name}.{i}", activation(x))
    return x


def under(params: Mapping[str, Array], *names: str) -> dict[str, Array]:
    """The parameters of some parts of a net: those whose names begin so."""
    return {key: p for key, p in params.items() if key.startswith(tuple(f"{name}." for name in names))}


def float32(params: Mapping[str, Any]) -> dict[str, Any]:
    """As tasks hand their parameters out."""
    return {name: np.asarray(p, np.float32) for name, p in params.items()}
