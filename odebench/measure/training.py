"""Training a task with its own recipe, and its metrics on held-out data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from odebench.measure.counting import Counter
from odebench.measure.reconstruction import reconstruction
from odebench.measure.session import Diverged, Session

Curve = list[dict[str, float]]


def train(
    session: Session,
    checkpoint: Path,
    checkpoint_every: int,
    note: Callable[[str], None],
    count_every: int | None = None,
) -> tuple[dict[str, float], Curve]:
    """Train from the task's initial parameters, or go on from ``checkpoint`` where it exists.

    :param count_every: steps between counts of NFE and reconstruction error, which join the curve; None for none.
    :returns: ``train_loss`` (mean of the last tenth of the steps), ``train_s``, ``train_steps`` and the task's own
        metrics; and the curve.
    :raises Diverged: as soon as a loss is not finite.
    """
    adapter, task, recipe = session.adapter, session.task, session.task.recipe
    if recipe is None:
        return {}, []
    start, params, velocity, losses, spent = _restore(session, checkpoint)
    step = adapter.train_step(session.loss, recipe.momentum)
    counter, counts = Counter(session), list[dict[str, float]]()
    begin = time.perf_counter()
    for i in range(start, recipe.steps):
        batch = adapter.asarray(task.batch(i))
        params, velocity, value = step(params, velocity, batch, recipe.rate(i))
        losses.append(float(adapter.numpy(value)))
        if not math.isfinite(losses[-1]):
            raise Diverged(f"training step {i + 1} of {recipe.steps}: the loss is {losses[-1]}")
        note(f"training {i + 1}/{recipe.steps}, loss {losses[-1]:.3f}")
        if count_every and (i % count_every == 0 or i + 1 == recipe.steps):
            counts.append({"step": i + 1, "loss": losses[-1], **counter(params), **reconstruction(session, params)})
        if (i + 1) % checkpoint_every == 0:
            _save(session, checkpoint, i + 1, params, velocity, losses, spent + time.perf_counter() - begin)
    spent += time.perf_counter() - begin
    note("testing")
    metrics = evaluate(session, params)
    metrics |= {"train_s": spent, "train_steps": recipe.steps}
    if tail := losses[-max(1, len(losses) // 10) :]:
        metrics["train_loss"] = sum(tail) / len(tail)
    if counts:
        return metrics, counts
    stride = max(1, len(losses) // 1000)
    return metrics, [{"step": i + 1, "loss": losses[i]} for i in range(0, len(losses), stride)]


def evaluate(session: Session, params: Any) -> dict[str, float]:
    """The task's own metrics on held-out data."""
    adapter = session.adapter
    predict = adapter.forward(session.predict)
    found = session.task.evaluate(lambda inputs: adapter.numpy(predict(params, adapter.asarray(inputs))))
    return {name: float(value) for name, value in found.items()}


def _save(
    session: Session, file: Path, step: int, params: Any, velocity: Any, losses: list[float], spent: float
) -> None:
    arrays = {f"params/{k}": v for k, v in session.adapter.numpy(params).items()}
    arrays |= {f"velocity/{k}": v for k, v in session.adapter.numpy(velocity).items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".partial.npz")
    np.savez(partial, step=step, losses=losses, spent=spent, **arrays)
    partial.replace(file)  # so that an interruption leaves the old checkpoint or the new one, never half of one


def _restore(session: Session, file: Path) -> tuple[int, Any, Any, list[float], float]:
    adapter = session.adapter
    if not file.exists():
        # A copy: a framework's arrays may share the task's memory, and a training step may work in place.
        params = adapter.asarray({name: np.array(value) for name, value in session.task.params.items()})
        return 0, params, adapter.zeros_like(params), [], 0.0
    with np.load(file) as stored:
        found = dict(stored)
    trees = [
        adapter.asarray({k.removeprefix(name): v for k, v in found.items() if k.startswith(name)})
        for name in ("params/", "velocity/")
    ]
    return int(found["step"]), trees[0], trees[1], [float(x) for x in found["losses"]], float(found["spent"])
