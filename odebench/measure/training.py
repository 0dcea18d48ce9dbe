"""Training a task with its own recipe, and its metrics on held-out data."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from odebench.contract import Recipe, SolveError
from odebench.measure.counting import Counter
from odebench.measure.reconstruction import Reconstruction
from odebench.measure.session import Diverged, Session

Point = dict[str, float]
_LAYOUT = 2
_PATIENCE = 60.0  # seconds of training that a process which is killed may cost


def train(
    session: Session,
    checkpoint: Path,
    checkpoint_every: int,
    note: Callable[[str], None],
    keep: Callable[[Point], None],
    count_every: int | None = None,
) -> dict[str, float]:
    """Train from the task's initial parameters, or go on from ``checkpoint`` where it holds this very training, and
    leave ``session.params`` trained.

    :param checkpoint_every: steps between checkpoints; there is one a minute, too.
    :param note: is told the progress.
    :param keep: is given each point of the curve as soon as it is known, those before the checkpoint first: ``step``
        (how many were made) and ``loss`` (on the batch of the last one, before it), of a thousand steps or so.
    :param count_every: steps between points that have NFE, memory and reconstruction error of the parameters after the
        step, too, and ``train_s``, the seconds of training until then; no others are kept. None for none.
    :returns: ``train_loss`` (mean of the last tenth of the steps), ``train_s`` and ``train_steps``; nothing where
        there is no recipe.
    :raises Diverged: as soon as a loss is not finite, or a solve ends early.
    """
    recipe = session.task.recipe
    if recipe is None:
        return {}
    training = _Training(session, checkpoint, recipe, keep)
    thin = max(1, recipe.steps // 1000)
    for i in range(training.done, recipe.steps):
        try:
            loss = training.step(i)
            note(f"training {i + 1}/{recipe.steps}, loss {loss:.3f}{training.nfe}")
            if not math.isfinite(loss):
                training.point(i)
                raise Diverged(f"the loss is {loss}")
            if count_every and (i % count_every == 0 or i + 1 == recipe.steps):
                training.count(i)
            elif not count_every and i % thin == 0:
                training.point(i)
        except (SolveError, Diverged) as error:
            raise Diverged(f"training step {i + 1} of {recipe.steps}: {error}") from error
        if (i + 1) % checkpoint_every == 0 or training.seconds - training.saved > _PATIENCE:
            training.save(i + 1)
    session.params = training.descent.params
    metrics: dict[str, float] = {"train_s": training.seconds, "train_steps": recipe.steps}
    if last := training.losses[-max(1, len(training.losses) // 10) :]:
        metrics["train_loss"] = sum(last) / len(last)
    return metrics


class _Training:
    """A training under way, and what it has left behind.

    :ivar done: steps that were made before.
    :ivar seconds: in the steps alone; ``saved`` of them are in the checkpoint.
    :ivar nfe: the latest count, in words.
    """

    def __init__(self, session: Session, checkpoint: Path, recipe: Recipe, keep: Callable[[Point], None]) -> None:
        self._session, self._checkpoint, self._recipe, self._keep = session, checkpoint, recipe, keep
        self._counter, self._reconstruction = Counter(session), Reconstruction(session)
        self.descent = session.adapter.descent(session.loss, recipe, session.params)
        self.done, self.seconds, self.saved, self.nfe = 0, 0.0, 0.0, ""
        self.losses: list[float] = []
        self._curve: list[Point] = []
        if checkpoint.exists():
            try:
                self._restore()
            except Exception as error:  # whatever a file that is no checkpoint may hold
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                sys.stderr.write(f"training begins anew: {checkpoint} cannot be gone on from: {reason}\n")
                self.descent = session.adapter.descent(session.loss, recipe, session.params)

    def step(self, i: int) -> float:
        """Step i, from 0 on. :returns: the loss before it."""
        adapter = self._session.adapter
        batch = adapter.asarray(self._session.task.batch(i))
        begin = time.perf_counter()
        self.losses.append(float(adapter.numpy(self.descent.step(batch, self._recipe.rate(i)))))
        self.seconds += time.perf_counter() - begin
        return self.losses[-1]

    def count(self, i: int) -> None:
        session, params = self._session, self.descent.params
        found = {"train_s": self.seconds} | session.memory(params)
        if session.backend is not None:
            found |= self._counter(params) | self._reconstruction(params)
            self.nfe = f", NFE {found['nfe_forward']:.0f}"
        self.point(i, **found)

    def point(self, i: int, **found: float) -> None:
        self._curve.append({"step": i + 1, "loss": self.losses[-1]} | found)
        self._keep(self._curve[-1])

    def save(self, step: int) -> None:
        arrays = {f"params/{k}": v for k, v in self._session.adapter.numpy(self.descent.params).items()}
        arrays |= {f"state/{k}": v for k, v in self.descent.state().items()}
        self._checkpoint.parent.mkdir(parents=True, exist_ok=True)
        partial = self._checkpoint.with_suffix(".partial.npz")
        told = {"step": step, "seconds": self.seconds, "curve": self._curve}
        np.savez(partial, about=self._about, told=json.dumps(told), losses=self.losses, **arrays)
        partial.replace(self._checkpoint)  # so that an interruption leaves the old checkpoint or the new one
        self.saved = self.seconds

    @property
    def _about(self) -> str:
        """What a checkpoint must agree on with the training that goes on from it."""
        shapes = {name: list(p.shape) for name, p in self._session.task.params.items()}
        return json.dumps([_LAYOUT, self._session.cell.hash, self._recipe, shapes])

    def _restore(self) -> None:
        """:raises Exception: of any kind, for what is not whole or of another training; then only the descent may have
        changed."""
        with self._checkpoint.open("rb") as file, np.load(file) as stored:
            found = dict(stored)
        if "about" not in found or str(found["about"]) != self._about:
            raise ValueError("it is of another version or another training")
        params, state = (
            {k.removeprefix(name): v for k, v in found.items() if k.startswith(name)} for name in ("params/", "state/")
        )
        params = {name: params[name] for name in self._session.task.params}
        told = json.loads(str(found["told"]))
        step, seconds, curve = int(told["step"]), float(told["seconds"]), list(told["curve"])
        losses = [float(x) for x in found["losses"]]
        if len(losses) != step:
            raise ValueError(f"it has {len(losses)} losses of {step} steps")
        self.descent.restore(self._session.adapter.asarray(params), state)
        self.done, self.seconds, self.saved, self.losses = step, seconds, seconds, losses
        for point in curve:
            self._curve.append(point)
            self._keep(point)


def evaluate(session: Session, params: Any) -> dict[str, float]:
    """The task's own metrics on held-out data."""
    adapter = session.adapter
    predict = adapter.forward(session.predict)
    found = session.task.evaluate(lambda inputs: adapter.numpy(predict(params, adapter.asarray(inputs))))
    return {name: float(value) for name, value in found.items()}


def outputs(session: Session) -> dict[str, Any]:
    """What a :class:`odebench.contract.PicturedTask` leaves for pictures; nothing of another.

    :raises TypeError: for what is no array of numbers or text.
    """
    adapter, task = session.adapter, session.task
    if not hasattr(task, "outputs"):
        return {}
    predict = adapter.forward(session.predict)
    found = task.outputs(lambda inputs: adapter.numpy(predict(session.params, adapter.asarray(inputs))))
    arrays = {name: np.asarray(array) for name, array in found.items()}
    for name, array in arrays.items():
        if array.dtype.hasobject or name in ("file", "allow_pickle"):  # which NumPy's archives cannot hold
            raise TypeError(f"output {name!r} cannot be stored: {array.dtype}")
    return arrays
