"""What a problem of the library is: one definition that serves every array framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = Any
Floats = NDArray[np.float64]
Params = Mapping[str, Array]
Function = Callable[[Array, Array, Params, Any], Array]
Closed = Callable[[Array, Array, Params], Array]


@dataclass(frozen=True, eq=False)
class Problem:
    """An initial value problem y' = f(t, y, params), y(ts[0]) = y0, in float64 and the Array API.

    :param f: ``f(t, y, params, xp) -> dy/dt`` with y of shape (..., n), t and the leading axes of parameters of shapes
        that broadcast to (...), and ``xp`` the namespace of their framework. It is analytic in all of its arguments,
        so that it can be differentiated by complex steps.
    :param ts: the times at which y is wanted, the first one being where it starts.
    :param params: named coefficients, numbers or arrays: what a user would differentiate with respect to.
    :param closed: ``closed(ts, y0, params) -> ys`` in NumPy, with shapes (..., T), (..., n) and (..., T, n).
    :param scale: the magnitude of y, or of each of its components, where it is far from 1: a power of two.
    :param source: where it is from.
    """

    name: str
    f: Function
    y0: tuple[float, ...]
    ts: tuple[float, ...]
    params: Mapping[str, Any]
    source: str
    closed: Closed | None = None
    stiff: bool = False
    scale: float | tuple[float, ...] = 1.0
    inputs: dict[str, Floats] = field(init=False)
    """Everything that ys depends on, ``y0`` and ``ts`` besides the parameters, as float64 arrays."""

    def __post_init__(self) -> None:
        if reserved := {"y0", "ts"} & set(self.params):
            raise ValueError(f"problem {self.name!r}: {reserved.pop()} is no name for a parameter")
        given = {"y0": self.y0, "ts": self.ts, **self.params}
        object.__setattr__(self, "inputs", {name: np.asarray(x, dtype=np.float64) for name, x in given.items()})

    @property
    def weights(self) -> Floats:
        """Of the loss Σᵢⱼ wᵢⱼ yⱼ(tᵢ), shape (T, n): multiples of 1/8 in [1/8, 7/8], from a fixed pattern without a
        symmetry, over the magnitude of a component, and over T·n rounded up to a power of two. Exact in float32."""
        times, size = len(self.ts), len(self.y0)
        i, j = np.ogrid[:times, :size]
        pattern = ((3 * i + 2 * j + i * j) % 7 + 1) / 8
        found: Floats = pattern / np.asarray(self.scale) / 2.0 ** np.ceil(np.log2(times * size))
        return found
