"""What is known of a solve's arguments, checked before anything is compiled."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from odebench.contract import PyTree, SolveError, Stats, Status
from odebench.control import check_options
from odebench_jax.flat import Layout
from odebench_jax.forward import Knobs


def checked(y0: PyTree, ts: Any, knobs: Knobs, max_steps: int) -> tuple[PyTree, jax.Array]:
    """y0 and ts as arrays.

    :raises ValueError: when ts is not strictly monotonic, or options make no sense.
    :raises TypeError: when y0 is not of floats.
    """
    num_steps = knobs.num_steps if _known(knobs.num_steps) else 1
    check_options(knobs.rtol, knobs.atol, knobs.step, num_steps, max_steps, knobs.min_step, knobs.first_step)
    y0 = jax.tree.map(jnp.asarray, y0)
    return y0, _times(ts, Layout.of(y0).dtype)


def raise_unless_ok(stats: Stats) -> None:
    """:raises SolveError: where a solve is known to have failed."""
    if _known(stats.status) and stats.status != Status.ok:
        raise SolveError(int(stats.status))


def _known(value: Any) -> bool:
    return not isinstance(value, jax.core.Tracer)


def _times(ts: Any, dtype: Any) -> jax.Array:
    """ts in the state's type, or its own where that is wider; never in 16 bits, which tell too few times apart."""
    given = jnp.asarray(ts)
    dtype = jnp.promote_types(dtype, jnp.float32)
    wide = jnp.promote_types(given.dtype, dtype) if jnp.issubdtype(given.dtype, jnp.floating) else dtype
    times: jax.Array = given.astype(wide)
    if times.ndim != 1 or times.shape[0] == 0:
        raise ValueError(f"ts must be of shape (T,), T ≥ 1, got {times.shape}")
    if _known(times):
        intervals = np.diff(np.asarray(times))
        if not (np.all(intervals > 0) or np.all(intervals < 0)):
            raise ValueError(f"ts must be strictly ascending or descending in {times.dtype}")
    return times
