"""diffrax's adjoints: see :class:`odebench.contract.BindGradient`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import optimistix

from odebench.contract import Dynamics, OdeInt, PyTree, Solve, Unsupported

Adjoint = Callable[[Any], Any]


def recursive_checkpoint(solve: Solve, options: dict[str, Any], *, checkpoints: int | None = None) -> OdeInt:
    """``RecursiveCheckpointAdjoint``: the exact gradient of the discrete map, in reverse mode.

    :param checkpoints: how many states are kept; diffrax's choice, about √(2 max_steps), when None.
    """
    return _bind(solve, options, lambda _: diffrax.RecursiveCheckpointAdjoint(checkpoints))


def direct(solve: Solve, options: dict[str, Any]) -> OdeInt:
    """``DirectAdjoint``: the same gradient by nested bounded loops, whose cost follows ``max_steps``."""
    return _bind(solve, options, lambda _: diffrax.DirectAdjoint())


def backsolve(
    solve: Solve, options: dict[str, Any], *, adjoint_rtol: float | None = None, adjoint_atol: float | None = None
) -> OdeInt:
    """``BacksolveAdjoint`` with diffrax's own norm. A backward solve that fails raises, compiled or not, as diffrax
    would hand out what it had got to."""
    return _bind(solve, options, partial(_backward, optimistix.rms_norm, adjoint_rtol, adjoint_atol), fixed=True)


def backsolve_seminorm(
    solve: Solve, options: dict[str, Any], *, adjoint_rtol: float | None = None, adjoint_atol: float | None = None
) -> OdeInt:
    """The same with ``adjoint_rms_seminorm`` (Kidger et al. 2021)."""
    seminorm = partial(_backward, diffrax.adjoint_rms_seminorm, adjoint_rtol, adjoint_atol)
    return _bind(solve, options, seminorm, fixed=True)


@jax.custom_vjp
def _fixed(ts: jax.Array) -> jax.Array:
    """ts, which may not be differentiated: diffrax's own message would not say which backend can."""
    return ts


def _refuse(ts: Any) -> tuple[jax.Array, None]:
    if ts.perturbed:
        raise Unsupported("diffrax's BacksolveAdjoint gives no gradient with respect to times")
    return ts.value, None


_fixed.defvjp(_refuse, lambda _, cotangent: (cotangent,), symbolic_zeros=True)


def _backward(norm: Any, rtol: float | None, atol: float | None, controller: Any) -> Any:
    if isinstance(controller, diffrax.StepTo):
        raise Unsupported("diffrax's BacksolveAdjoint needs step or num_steps with a method that does not adapt")
    if isinstance(controller, diffrax.PIDController):
        given = (
            norm,
            controller.rtol if rtol is None else rtol,
            controller.atol if atol is None else atol,
        )
        controller = eqx.tree_at(lambda c: (c.norm, c.rtol, c.atol), controller, given)
    return diffrax.BacksolveAdjoint(stepsize_controller=controller, throw=True)  # type: ignore[no-untyped-call]


def _bind(solve: Any, options: dict[str, Any], adjoint: Adjoint, *, fixed: bool = False) -> OdeInt:
    """:param fixed: whether times may not be differentiated."""

    def odeint(f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None) -> PyTree:
        return solve(f, y0, _fixed(jnp.asarray(ts)) if fixed else ts, params, adjoint=adjoint, **options)[0]

    return odeint
