"""The options of the backward solve, made of the forward solve's and the adjoint's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from odebench.contract import PyTree, Solve
from odebench.control import DEFAULTS, check_options

Norm = Callable[[PyTree], jax.Array]


@dataclass(frozen=True)
class Backward:
    """The black box that solves the adjoint equation.

    :param num_steps: equal steps over all of ts, however many intervals it is solved in.
    :param first_step: of the first interval, where the forward solve ended with no step to begin it with.
    """

    solve: Solve
    options: dict[str, Any]
    num_steps: int | None
    first_step: float | None

    @classmethod
    def of(
        cls,
        solve: Solve,
        options: dict[str, Any],
        *,
        rtol: float | None,
        atol: float | None,
        norm: Norm | str | None,
        step: float | None,
        num_steps: int | None,
    ) -> Backward:
        """:raises ValueError: when ``norm`` is a string other than "seminorm", or a number makes no sense."""
        tolerances = {"rtol": rtol, "atol": atol}
        known = {name: DEFAULTS[name] if value is None else value for name, value in tolerances.items()}
        check_options(**known, step=step, num_steps=num_steps, max_steps=1, min_step=0.0)
        own = {"rtol": rtol, "atol": atol, "step": step, "num_steps": num_steps}
        if step is not None or num_steps is not None:
            options = {name: value for name, value in options.items() if name not in ("step", "num_steps")}
        options = {**options, **{name: value for name, value in own.items() if value is not None}}
        norm = _augmented_norm(norm, options.pop("norm", None))
        if norm is not None:
            options["norm"] = norm
        return cls(solve, options, options.pop("num_steps", None), options.pop("first_step", None))

    @property
    def hands_on_step(self) -> bool:
        """Whether an interval's last step size can be the next one's first."""
        parameters = inspect.signature(self.solve).parameters.values()
        takes = any(p.name == "first_step" or p.kind is p.VAR_KEYWORD for p in parameters)
        return takes and self.num_steps is None and self.options.get("step") is None

    def __call__(
        self, f: Any, state: PyTree, start: jax.Array, end: jax.Array, params: PyTree, span: jax.Array, step: Any
    ) -> tuple[PyTree, jax.Array]:
        """The state at ``end``, and the step size to hand on."""
        options = dict(self.options)
        if self.num_steps is not None:
            options["step"] = jnp.abs(span) / self.num_steps
        elif self.hands_on_step:
            options["first_step"] = step
        states, stats = self.solve(f, state, jnp.stack([start, end]), params, **options)
        return jax.tree.map(lambda x: x[-1], states), stats.next_step


def _augmented_norm(norm: Norm | str | None, forward: Norm | None) -> Norm | None:
    """The norm of ``(y, a, parameter cotangents)``, or without y; None for the solver's own, of all leaves."""
    if callable(norm) or (norm is None and forward is None):
        return norm
    if norm not in (None, "seminorm"):
        raise ValueError(f"adjoint_norm must be a callable or 'seminorm', got {norm!r}")
    of_state = forward or _largest

    def augmented(state: tuple[PyTree, ...]) -> jax.Array:
        *states, params = state
        norms = [of_state(y) for y in states] + ([] if norm == "seminorm" else [_largest(params)])
        return jnp.stack(norms).max()

    return augmented


def _largest(tree: PyTree) -> jax.Array:
    squares = [jnp.mean(jnp.square(leaf)) for leaf in jax.tree.leaves(tree) if leaf.size]
    return jnp.sqrt(jnp.stack(squares).max()) if squares else jnp.zeros(())
