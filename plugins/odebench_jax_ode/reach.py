"""How far ``jax.experimental.ode`` came, of which it tells nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from typing import Any

import jax
import jax.numpy as jnp

from odebench.contract import Status


class Reach:
    """What callbacks out of the dynamics of one solve have told.

    The last step of a solve that is complete ends at or beyond the last time, with finite dynamics, or it would have
    been rejected. So one that has seen none such is not complete.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._reached = self._broken = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """One solve at a time: compiled code is shared by solves, and cannot tell whose it is."""
        with self._lock:
            jax.effects_barrier()  # the backward pass of a solve before this one may still be telling
            self._reached = self._broken = False
            yield

    def status(self) -> Status:
        """Of the solve that is being watched, all of whose outputs are finite."""
        jax.effects_barrier()
        if self._reached:
            return Status.ok
        return Status.non_finite if self._broken else Status.max_steps

    def see(self, dydt: jax.Array, beyond: Any) -> None:
        """:param beyond: whether dydt is of the last time, or a later one. Elsewhere only what is not finite tells."""
        finite = jnp.isfinite(dydt).all()
        jax.lax.cond(beyond | ~finite, lambda: jax.debug.callback(self._note, finite), lambda: None)

    def _note(self, finite: Any) -> None:
        if finite:
            self._reached = True
        else:
            self._broken = True


REACH = Reach()
