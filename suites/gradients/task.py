"""A field, its times and a linear loss as a task whose y0, ts and parameters are all differentiated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np

from odebench.contract import Array, OdeInt, PyTree
from odebench.tasks import namespace, one_of, positive, whole

from . import fields
from .fields import Floats


class Problem(NamedTuple):
    """What is integrated, from 0 to ``end``.

    :param f: one of :mod:`.fields`.
    :param inputs: y0 and the field's parameters, float64.
    :param captured: whether the field captures its parameters in place of being given them.
    """

    f: Callable[..., Array]
    inputs: dict[str, Floats]
    end: float
    captured: bool = False


class FieldTask:
    """An :class:`odebench.contract.TaskInstance` with params ``y0``, ``ts`` and those of the field.

    The loss is a weighted sum of the outputs after the first: a linear one adds nothing to the gradient's difficulty.

    :param framework: ``torch``, ``jax`` or ``numpy``.
    :param seed: of nothing here: a given problem is the same for every seed.
    :param end: the last time; the problem's own when left out.
    :param outputs: how many times, both ends included, equally spaced.
    :param observe: what the loss sees: ``"all"`` outputs or the ``"last"``.
    :param loss_scale: a factor of the loss.
    :param inert: how many further parameters there are that the field never uses.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(
        self,
        problem: Problem,
        framework: str,
        *,
        seed: int,
        end: float | None = None,
        outputs: int = 2,
        observe: Literal["all", "last"] = "all",
        loss_scale: float = 1.0,
        inert: int = 0,
    ) -> None:
        end = problem.end if end is None else end
        whole("gradients", "outputs", outputs, 2)
        whole("gradients", "inert", inert, 0)
        positive("gradients", "loss_scale", loss_scale)
        positive("gradients", "end", end)
        one_of("gradients", "observe", observe, ("all", "last"))
        self._f, self._xp = problem.f, namespace(framework)
        self._captured = problem.captured
        self._end_only, self._scale = observe == "last", loss_scale
        y0 = problem.inputs["y0"]
        self.params: dict[str, Any] = {**problem.inputs, "ts": np.linspace(0.0, end, outputs)}
        if inert:
            self.params["inert"] = np.zeros(inert)
        self._weights = _weights(y0.size).reshape(y0.shape) / y0.size

    def probe(self) -> PyTree:
        """The loss's weights, of y0's shape."""
        return {"weights": self._weights}

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self.probe()

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """ys, of shape (T, *y0.shape)."""
        own = {name: p for name, p in params.items() if name not in ("y0", "ts")}
        f, xp = self._f, self._xp
        if self._captured:
            return odeint(lambda t, y: f(t, y, own, xp), params["y0"], params["ts"])
        return odeint(lambda t, y, p: f(t, y, p, xp), params["y0"], params["ts"], own)

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        ys = self.predict(params, batch, odeint)
        seen = ys[-1] if self._end_only else self._xp.sum(ys[1:], axis=0) / (ys.shape[0] - 1)
        return self._scale * self._xp.sum(seen * batch["weights"])

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        return {}


def _weights(size: int) -> Floats:
    """A fixed pattern of multiples of 1/8 without a symmetry."""
    return ((3 * np.arange(size) + 1) % 7 - 3.0) / 8 + 1 / 16


def make_field(
    framework: str,
    *,
    seed: int,
    state: int = 4,
    hidden: int = 16,
    batch: int = 4,
    end: float = 2.0,
    loss_scale: float = 1.0,
) -> FieldTask:
    """A neural field on ``batch`` states of ``state`` numbers, D = batch · state, K = hidden · (2 · state + 1), drawn
    from the seed."""
    for name, size in (("state", state), ("hidden", hidden), ("batch", batch)):
        whole("gradients", name, size, 1)
    rng = np.random.default_rng(seed)
    inputs = fields.neural_parameters(rng, state, hidden) | {"y0": rng.standard_normal((batch, state))}
    return FieldTask(Problem(fields.neural, inputs, end), framework, seed=seed, loss_scale=loss_scale)


_SPIRAL = {"y0": np.array([[2.0, 0.0]]), "a": np.array([[-0.1, 2.0], [-2.0, -0.1]])}
_VANDERPOL = {"y0": np.array([2.0, 0.5]), "mu": np.array(1.0)}
_WALL = {"y0": np.array([1.0, 2.0]), "k": np.array([3.0, 1.0])}

make_spiral = partial(FieldTask, Problem(fields.spiral, _SPIRAL, 4.0))
make_vanderpol = partial(FieldTask, Problem(fields.vanderpol, _VANDERPOL, 8.0))
make_wall = partial(FieldTask, Problem(fields.wall, _WALL, 1.0))
make_closure = partial(FieldTask, Problem(fields.spiral, _SPIRAL, 4.0, captured=True))
