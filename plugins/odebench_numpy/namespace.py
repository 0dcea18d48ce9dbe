"""autograd's NumPy with those names of the Array API that it lacks, or has without their derivatives."""

from __future__ import annotations

from typing import Any

import autograd.numpy as anp  # type: ignore[import-untyped]

acos, acosh, asin, asinh, atan, atan2, atanh, pow, permute_dims = (  # noqa: A001, the standard's own name
    getattr(anp, name)
    for name in ("arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "power", "transpose")
)


def concat(arrays: Any, /, *, axis: int = 0) -> Any:
    return anp.concatenate(arrays, axis=axis)


def matrix_transpose(x: Any, /) -> Any:
    return anp.swapaxes(x, -1, -2)


def __getattr__(name: str) -> Any:
    return getattr(anp, name)
