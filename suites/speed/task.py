"""The gradient of one solve as a task, with nothing around it that could be timed along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from odebench.contract import Array, Dynamics, OdeInt, PyTree
from odebench.tasks import namespace, positive, whole
from odebench.tasks.nets import float32


class Workload(NamedTuple):
    """What is solved.

    :param f: ``f(t, y, params)`` in the task's framework.
    :param y0: (B, …), NumPy.
    :param parameters: of f, NumPy.
    :param end: the last time; the first is 0.
    :param laid_out: y0 or a parameter as f wants it: what a framework has in another order is put in order before the
        solve, so that all start from the same arrays.
    """

    f: Dynamics
    y0: Any
    parameters: dict[str, Any]
    end: float
    laid_out: Callable[[Array], Array] = lambda x: x


class SolveTask:
    """An :class:`odebench.contract.TaskInstance` with params ``y0`` and those of the dynamics.

    The loss is the mean square of the states after the first: a mean, as losses of training are, and with two outputs
    the very loss that the overhead pass takes. So what an adjoint solves for is the smaller the larger the batch, while
    the absolute tolerance stays; of every adjoint alike.

    :param framework: ``torch`` or ``jax``.
    :param outputs: how many times, both ends included, equally spaced.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(self, workload: Workload, framework: str, *, outputs: int) -> None:
        whole("speed", "outputs", outputs, 2)
        positive("speed", "end", workload.end)
        self._workload, self._xp = workload, namespace(framework)
        self._ts = np.linspace(0.0, workload.end, outputs)
        self.params: dict[str, Any] = float32({"y0": workload.y0, **workload.parameters})

    def probe(self) -> PyTree:
        """The times (T,)."""
        return {"ts": self._ts}

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self.probe()

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """ys (T, B, …), as the dynamics lays them out."""
        laid_out = {name: self._workload.laid_out(p) for name, p in params.items()}
        return odeint(self._workload.f, laid_out.pop("y0"), batch["ts"], laid_out)

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        ys = self.predict(params, batch, odeint)
        return self._xp.mean(ys[1:] ** 2)

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        return {}
