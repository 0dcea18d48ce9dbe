"""What a solve is given, checked; and what becomes of one that failed."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from odebench.contract import PyTree, SolveError, Stats, Status
from odebench.control import check_options

from .flat import Layout
from .forward import Knobs


def checked(y0: PyTree, ts: Any, knobs: Knobs, max_steps: int) -> tuple[PyTree, jax.Array]:
    """y0 and ts as arrays; what is known of them and of the options is checked.

    :raises ValueError: when ts is not finite and strictly monotonic, or options make no sense.
    :raises TypeError: when y0 is not of floats.
    """
    known_steps = knobs.num_steps if _known(knobs.num_steps) else 1
    check_options(knobs.rtol, knobs.atol, knobs.step, known_steps, max_steps, knobs.min_step, knobs.first_step)
    y0 = jax.tree.map(jnp.asarray, y0)
    return y0, _times(ts, Layout.of(y0).dtype)


def raise_unless_ok(stats: Stats) -> None:
    """:raises SolveError: when a solve that is not traced failed."""
    if _known(stats.status) and stats.status != Status.ok:
        raise SolveError(int(stats.status))


def _known(value: Any) -> bool:
    return not isinstance(value, jax.core.Tracer)


def _times(ts: Any, dtype: np.dtype[Any]) -> jax.Array:
    """ts in the state's type, or its own where that is wider; never in 16 bits, which tell too few times apart.

    :raises ValueError: when it is not of shape (T,), T ≥ 1, or known not to be finite and strictly monotonic.
    """
    given = jnp.asarray(ts)
    dtype = jnp.promote_types(dtype, jnp.float32)
    wide = jnp.promote_types(given.dtype, dtype) if jnp.issubdtype(given.dtype, jnp.floating) else dtype
    times: jax.Array = given.astype(wide)
    if times.ndim != 1 or times.shape[0] == 0:
        raise ValueError(f"ts must be of shape (T,), T ≥ 1, got {times.shape}")
    if _known(times):
        if not np.isfinite(np.asarray(times, np.float64)).all():
            raise ValueError(f"ts must be finite in {times.dtype}")
        intervals = np.diff(np.asarray(times))
        if not (np.all(intervals > 0) or np.all(intervals < 0)):
            raise ValueError(f"ts must be strictly ascending or descending in {times.dtype}")
    return times
