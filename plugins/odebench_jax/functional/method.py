"""What the engine asks of a method: one step as a pure function, and which step to take next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Protocol, Self

import jax
import jax.numpy as jnp

from odebench_jax.steps import Tolerances

Memory = Any
"""A tree of floating-point arrays: what a method takes from step to step beside the state."""
Params = list[jax.Array]


@dataclass(frozen=True)
class Problem:
    """The dynamics on state vectors with their parameters, and what errors are measured by.

    :param norm: of a vector of errors over their scale.
    :param tolerances: None where steps are fixed: whatever is solved for iteratively is solved to rounding then.
    """

    dynamics: Callable[[jax.Array, jax.Array, Params], jax.Array]
    params: Params
    norm: Callable[[jax.Array], jax.Array]
    tolerances: Tolerances | None

    def f(self, t: jax.Array, y: jax.Array) -> jax.Array:
        return self.dynamics(t, y, self.params)

    def with_params(self, params: Params) -> Self:
        return replace(self, params=params)

    def error(self, estimate: jax.Array, y0: jax.Array, y1: jax.Array) -> jax.Array:
        """The norm of an error estimate over the tolerance; inf where y1 is not finite."""
        assert self.tolerances is not None
        scaled = estimate / self.tolerances.scale(y0, y1)
        return self.norm(jnp.where(jnp.isfinite(y1), scaled, jnp.inf))


class Advance(NamedTuple):
    """What a step came to.

    :param inner: a tree of floating-point arrays, of which the method makes y between the ends of the step.
    :param solved: False where an iteration did not converge, so that ``y`` is not what it should be.
    :param evaluations: of f.
    :param estimates: whatever the method's ``judge`` needs to know of the error.
    """

    y: jax.Array
    memory: Memory
    inner: Any
    solved: jax.Array
    evaluations: jax.Array | int
    estimates: Any


class Pace(Protocol):
    """The state of a method's control: a NamedTuple of arrays.

    :ivar step: unsigned, to try next.
    :ivar choice: an int32 by which a step differs from others, as its order; it is recorded with every step.
    """

    @property
    def step(self) -> jax.Array: ...
    @property
    def choice(self) -> jax.Array: ...
    def _replace(self, **changes: Any) -> Self: ...


class Method(Protocol):
    """A method for ``dy/dt = f(t, y)`` on state vectors. All of it is pure, and is traced.

    :ivar adaptive: whether it is an :class:`AdaptiveMethod`.
    :ivar interpolates: whether steps, when adaptive or equal, pass over the outputs, which ``between`` gives. It is
        differentiated then.
    """

    @property
    def adaptive(self) -> bool: ...
    @property
    def interpolates(self) -> bool: ...

    def begin(self, problem: Problem, t0: jax.Array, y0: jax.Array, f0: jax.Array | None) -> tuple[Memory, int]:
        """The memory that the first step finds, and how often f was evaluated for it.

        :param f0: ``f(t0, y0)``, where it is known.
        """

    def step(
        self, problem: Problem, t0: jax.Array, t1: jax.Array, choice: jax.Array, y: jax.Array, memory: Memory
    ) -> Advance:
        """From t0 to t1. ``y``, ``memory`` and ``inner`` of what it returns are differentiated with respect to y,
        memory, t0, t1 and the parameters; with ``t1 == t0`` it may return anything, but must return."""

    def pace(self, step: jax.Array) -> Any:
        """The :class:`Pace` of the first step."""

    def steady(self, pace: Any) -> Any:
        """The pace after a fixed step."""

    def between(
        self,
        t: jax.Array,
        t0: jax.Array,
        t1: jax.Array,
        choice: jax.Array,
        y: jax.Array,
        inner: Any,
    ) -> jax.Array:
        """The state at a t within the step from t0, where it is y, to t1."""


class AdaptiveMethod(Method, Protocol):
    """A method that can choose its steps.

    :ivar error_order: k in ``error estimate = O(h^k)``, of the first step.
    """

    @property
    def error_order(self) -> int: ...

    def judge(
        self, problem: Problem, advance: Advance, y0: jax.Array, tried: jax.Array, pace: Any
    ) -> tuple[jax.Array, Any]:
        """Whether an adaptive step of length ``tried`` from y0 is good enough, and the pace after it."""
