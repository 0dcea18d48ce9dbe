"""The tasks: a problem in one framework, everything in it a parameter. ``task.a1`` makes the problem ``a1``."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .library import PROBLEMS
from .problem import Array, Problem

if TYPE_CHECKING:
    from odebench.contract import OdeInt, Recipe

_NAMESPACES = {"torch": "array_api_compat.torch", "jax": "jax.numpy", "tensorflow": "odebench_tfp.namespace"}


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
        self._namespace = _numpy_or_autograd if framework == "numpy" else _always(_NAMESPACES[framework])
        namespace = self._namespace

        def f(t: Array, y: Array, params: dict[str, Array]) -> Array:
            return problem.f(t, y, params, namespace(t, y, *params.values()))

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


def _always(module: str) -> Callable[..., Any]:
    namespace = import_module(module)
    return lambda *arrays: namespace


def _numpy_or_autograd(*arrays: Array) -> Any:
    """autograd's NumPy where a value is being differentiated, and else NumPy itself, which is faster."""
    traced = any(type(x).__module__.startswith("autograd.") for x in arrays)
    return import_module("odebench_numpy.namespace" if traced else "numpy")


def __getattr__(name: str) -> Any:
    if name in PROBLEMS:
        return partial(IvpTask, PROBLEMS[name])
    raise AttributeError(f"there is no problem {name!r}")
