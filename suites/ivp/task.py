"""The tasks: a problem in one framework, everything in it a parameter. ``task.a1`` makes the problem ``a1``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from odebench.tasks import namespace

from .library import PROBLEMS
from .problem import Array, Problem

if TYPE_CHECKING:
    from odebench.contract import OdeInt, Recipe


class IvpTask:
    """An :class:`odebench.contract.TaskInstance`: y at the problem's times, and Σᵢⱼ wᵢⱼ yⱼ(tᵢ) as its loss.

    :param framework: ``numpy`` (also under HIPS autograd), ``torch`` or ``jax``.
    :param seed: of nothing: a problem is what it is.
    :param loss_scale: multiplies the loss, so that a backward solve sees gradients of another size than its atol.
    """

    recipe: Recipe | None = None

    def __init__(self, problem: Problem, framework: str, *, seed: int, loss_scale: float = 1.0) -> None:
        self.params: dict[str, Any] = {name: x.copy() for name, x in problem.inputs.items()}
        self._batch = {"weights": loss_scale * problem.weights}
        self._namespace = _numpy_or_autograd if framework == "numpy" else _always(framework)
        xp = self._namespace

        def f(t: Array, y: Array, params: dict[str, Array]) -> Array:
            return problem.f(t, y, params, xp(t, y, *params.values()))

        self._f = f

    def probe(self) -> dict[str, Any]:
        """The loss's weights (T, n): all that is not differentiated."""
        return self._batch

    accuracy_probe = probe

    def batch(self, step: int) -> dict[str, Any]:
        return self._batch

    def predict(self, params: dict[str, Array], batch: dict[str, Array], odeint: OdeInt) -> Array:
        """ys (T, n)."""
        coefficients = {name: x for name, x in params.items() if name not in ("y0", "ts")}
        return odeint(self._f, params["y0"], params["ts"], coefficients)

    def loss(self, params: dict[str, Array], batch: dict[str, Array], odeint: OdeInt) -> Array:
        ys = self.predict(params, batch, odeint)
        return self._namespace(ys).sum(batch["weights"] * ys)

    def evaluate(self, predict: Callable[[Any], Any]) -> dict[str, float]:
        return {}


def _always(framework: str) -> Callable[..., Any]:
    found = namespace(framework)
    return lambda *arrays: found


def _numpy_or_autograd(*arrays: Array) -> Any:
    """autograd's NumPy where a value is being differentiated, and else NumPy itself, which is faster."""
    traced = any(type(x).__module__.startswith("autograd.") for x in arrays)
    return namespace("numpy") if traced else np


def __getattr__(name: str) -> Any:
    if name in PROBLEMS:
        return partial(IvpTask, PROBLEMS[name])
    raise AttributeError(f"there is no problem {name!r}")
