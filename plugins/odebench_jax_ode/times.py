"""Arguments checked as the solvers of ``jax`` do; the plugins of diffrax and TFP use it, too."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


def known(value: Any) -> bool:
    return not isinstance(value, jax.core.Tracer)


def checked_times(ts: Any, dtype: np.dtype[Any]) -> jax.Array:
    """ts in the state's type.

    :raises ValueError: when it is not of shape (T,), T ≥ 1, or known not to be finite and strictly monotonic.
    """
    times: jax.Array = jnp.asarray(ts).astype(dtype)
    if times.ndim != 1 or times.shape[0] == 0:
        raise ValueError(f"ts must be of shape (T,), T ≥ 1, got {times.shape}")
    if known(times):
        if not np.isfinite(np.asarray(times, np.float64)).all():
            raise ValueError(f"ts must be finite in {times.dtype}")
        intervals = np.diff(np.asarray(times))
        if not (np.all(intervals > 0) or np.all(intervals < 0)):
            raise ValueError(f"ts must be strictly ascending or descending in {times.dtype}")
    return times
