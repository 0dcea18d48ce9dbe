"""A repair of autograd: gradients of numbers stay arrays while they are summed.

The sum of two arrays of shape () is a scalar in NumPy, to which autograd (1.9) cannot add the gradient of an index: a
``t[..., None]`` beside two more uses of t raised a TypeError. To be imported for its effect, by autograd's own hook.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from autograd.extend import vspace  # type: ignore[import-untyped]
from autograd.numpy.numpy_vspaces import ArrayVSpace, ComplexArrayVSpace  # type: ignore[import-untyped]


class RealSpace(ArrayVSpace):  # type: ignore[misc]
    def _add(self, x: Any, y: Any) -> Any:
        return np.asarray(x + y)


def _space_of(x: Any) -> Any:
    return ComplexArrayVSpace(x) if np.iscomplexobj(x) else RealSpace(x)


def repair() -> None:
    """Idempotent."""
    ArrayVSpace.register(np.ndarray, _space_of)
    for kind in (float, np.float32, np.float64):
        RealSpace.register(kind)
    assert isinstance(vspace(np.float64(1)), RealSpace)


repair()
