"""Training a task with its own recipe, and its metrics on held-out data."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from odebench.contract import Recipe, SolveError
from odebench.measure.counting import Counter
from odebench.measure.reconstruction import reconstruction
from odebench.measure.session import Curve, Diverged, Session


def train(
    session: Session,
    checkpoint: Path,
    checkpoint_every: int,
    note: Callable[[str], None],
    count_every: int | None = None,
) -> tuple[dict[str, float], Curve]:
    """Train from the task's initial parameters, or go on from ``checkpoint`` where it exists.

    :param count_every: steps between counts of NFE, memory and reconstruction error, which join the curve with the
        seconds of training until then; None for none.
    :returns: ``train_loss`` (mean of the last tenth of the steps), ``train_s``, ``train_steps`` and the task's own
        metrics; and the curve.
    :raises Diverged: as soon as a loss is not finite, with the curve until there.
    """
    recipe = session.task.recipe
    if recipe is None:
        return {}, []
    training = _Training(session, checkpoint, recipe)
    counter = Counter(session)
    for i in range(training.done, recipe.steps):
        try:
            loss = training.step(i)
        except SolveError as error:
            raise Diverged(f"training step {i + 1} of {recipe.steps}: {error}", training.curve()) from error
        note(f"training {i + 1}/{recipe.steps}, loss {loss:.3f}")
        if not math.isfinite(loss):
            raise Diverged(f"training step {i + 1} of {recipe.steps}: the loss is {loss}", training.curve())
        if count_every and (i % count_every == 0 or i + 1 == recipe.steps):
            training.count(i, counter)
        if (i + 1) % checkpoint_every == 0:
            training.save(i + 1)
    note("testing")
    session.params = training.descent.params
    metrics = evaluate(session, session.params) | {"train_s": training.seconds, "train_steps": recipe.steps}
    if tail := training.losses[-max(1, len(training.losses) // 10) :]:
        metrics["train_loss"] = sum(tail) / len(tail)
    return metrics, training.curve()


class _Training:
    """A training under way, and what it has left behind.

    :ivar done: steps that were made before.
    :ivar seconds: in the steps alone.
    """

    def __init__(self, session: Session, checkpoint: Path, recipe: Recipe) -> None:
        self._session, self._checkpoint, self._recipe = session, checkpoint, recipe
        self.descent = session.adapter.descent(session.loss, recipe, session.params)
        self.done, self.seconds = 0, 0.0
        self.losses: list[float] = []
        self._counts: Curve = []
        if checkpoint.exists():
            self._restore()

    def step(self, i: int) -> float:
        """Step i, from 0 on. :returns: the loss before it."""
        adapter = self._session.adapter
        batch = adapter.asarray(self._session.task.batch(i))
        begin = time.perf_counter()
        self.losses.append(float(adapter.numpy(self.descent.step(batch, self._recipe.rate(i)))))
        self.seconds += time.perf_counter() - begin
        return self.losses[-1]

    def count(self, i: int, counter: Counter) -> None:
        session, params = self._session, self.descent.params
        point = {"step": i + 1, "loss": self.losses[-1], "train_s": self.seconds}
        if session.backend is not None:
            point |= counter(params) | reconstruction(session, params)
        self._counts.append(point | session.memory(params))

    def curve(self) -> Curve:
        """The counts, or where there are none the losses, thinned to a thousand or so."""
        stride = max(1, len(self.losses) // 1000)
        return self._counts or [{"step": i + 1, "loss": self.losses[i]} for i in range(0, len(self.losses), stride)]

    def save(self, step: int) -> None:
        arrays = {f"params/{k}": v for k, v in self._session.adapter.numpy(self.descent.params).items()}
        arrays |= {f"state/{k}": v for k, v in self.descent.state().items()}
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self._checkpoint.with_suffix(".partial.npz")
        counts = json.dumps(self._counts)
        np.savez(partial, step=step, losses=self.losses, seconds=self.seconds, counts=counts, **arrays)
        partial.replace(self._checkpoint)  # so that an interruption leaves the old checkpoint or the new one

    def _restore(self) -> None:
        with np.load(self._checkpoint) as stored:
            found = dict(stored)
        params, state = (
            {k.removeprefix(name): v for k, v in found.items() if k.startswith(name)} for name in ("params/", "state/")
        )
        self.descent.restore(self._session.adapter.asarray(params), state)
        self.done, self.seconds = int(found["step"]), float(found["seconds"])
        self.losses = [float(x) for x in found["losses"]]
        self._counts = json.loads(str(found["counts"]))


def evaluate(session: Session, params: Any) -> dict[str, float]:
    """The task's own metrics on held-out data."""
    adapter = session.adapter
    predict = adapter.forward(session.predict)
    found = session.task.evaluate(lambda inputs: adapter.numpy(predict(params, adapter.asarray(inputs))))
    return {name: float(value) for name, value in found.items()}


def outputs(session: Session) -> dict[str, Any]:
    """What a :class:`odebench.contract.PicturedTask` leaves for pictures; nothing of another."""
    adapter, task = session.adapter, session.task
    if not hasattr(task, "outputs"):
        return {}
    predict = adapter.forward(session.predict)
    found = task.outputs(lambda inputs: adapter.numpy(predict(session.params, adapter.asarray(inputs))))
    return {name: np.asarray(array) for name, array in found.items()}
