"""Training is the recipe's arithmetic, and goes on from a checkpoint as if it had never stopped."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from odebench.measure import training
from odebench.measure.session import Diverged
from odebench.measure.training import train


def silent(text):
    pass


def test_sgd_with_momentum_and_a_stepwise_rate_by_hand(make_session, tmp_path):
    """``(w - 3)²/2`` from w = 1: v ← 0.9 v + (w - 3), w ← w - r v, with r halved at step 6."""
    w, v, losses = 1.0, 0.0, []
    for i in range(10):
        losses.append((w - 3) ** 2 / 2)
        v = 0.9 * v + (w - 3)
        w -= (0.05 if i >= 6 else 0.1) * v
    metrics, curve = train(make_session("toy/line", "toy"), tmp_path / "c.npz", 100, silent)
    assert [point["loss"] for point in curve] == pytest.approx(losses, rel=1e-6)
    assert [point["step"] for point in curve] == list(range(1, 11))
    assert metrics["test_error"] == pytest.approx(abs(w - 3), rel=1e-5)
    assert metrics["train_loss"] == pytest.approx(losses[-1], rel=1e-6)
    assert metrics["train_steps"] == 10


def test_divergence_names_its_step(make_session, tmp_path):
    """Training ends there; no metric is made up."""
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(Diverged, match="training step 5 of 10: the loss is inf"),
    ):
        train(make_session("toy/diverging", "toy"), tmp_path / "c.npz", 100, silent)


def test_no_steps_and_no_recipe(make_session, tmp_path):
    """A recipe of no steps is evaluated as it is; a task without a recipe is not trained."""
    session = make_session(steps=0)
    metrics, curve = train(session, tmp_path / "c.npz", 100, silent)
    assert curve == []
    assert metrics["learned_rate"] == pytest.approx(1.0, rel=1e-5)
    assert "train_loss" not in metrics
    session.task.recipe = None
    assert train(session, tmp_path / "c.npz", 100, silent) == ({}, [])


def test_notes_tell_the_progress(make_session, tmp_path):
    """Each step, and the test."""
    notes = []
    train(make_session(steps=3), tmp_path / "c.npz", 100, notes.append)
    assert [note.partition(",")[0] for note in notes] == ["training 1/3", "training 2/3", "training 3/3", "testing"]


def test_a_long_curve_is_thinned(make_session, tmp_path):
    """A thousand points or so, from the first step on, whatever the number of steps."""
    _, curve = train(make_session("toy/line", "toy", steps=3500), tmp_path / "c.npz", 10_000, silent)
    assert 1000 <= len(curve) <= 1200
    assert [point["step"] for point in curve[:3]] == [1, 4, 7]


def interrupted(session, file, at, every=3):
    """Train until step ``at`` raises."""

    def batch(step, batch=session.task.batch):
        if step == at:
            raise KeyboardInterrupt
        return batch(step)

    session.task.batch = batch
    with pytest.raises(KeyboardInterrupt):
        train(session, file, every, silent)


@pytest.mark.parametrize("cell", [("toy/decay", "toy/dopri5/numeric"), ("toy/line", "toy")])
@pytest.mark.parametrize("at", [1, 3, 5, 8, 9])
def test_resumed_training_is_uninterrupted_training(make_session, tmp_path, at, cell):
    """To the last bit: the loss of every step (rates change at step 6 of the line) and the evaluation."""
    whole, curve = train(make_session(*cell), tmp_path / "whole.npz", 3, silent)
    interrupted(make_session(*cell), tmp_path / "c.npz", at)
    steps = []
    resumed, again = train(make_session(*cell), tmp_path / "c.npz", 3, steps.append)
    assert again == curve
    assert {k: v for k, v in resumed.items() if k != "train_s"} == {k: v for k, v in whole.items() if k != "train_s"}
    assert len([note for note in steps if note.startswith("training")]) == 10 - at // 3 * 3


def test_seconds_of_training_add_up(make_session, tmp_path, monkeypatch):
    """What an interrupted run spent up to its checkpoint counts: a tick a step, three before and seven after it."""
    clock = iter(range(1000))
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    interrupted(make_session(), tmp_path / "c.npz", at=4)
    metrics, _ = train(make_session(), tmp_path / "c.npz", 100, silent)
    assert metrics["train_s"] == 10


def test_a_checkpoint_that_is_not_yet_in_its_place_does_not_count(make_session, tmp_path, monkeypatch):
    """Interrupted between writing and renaming, the one before is still there."""
    train(make_session(steps=3), tmp_path / "c.npz", 3, silent)
    before = (tmp_path / "c.npz").read_bytes()

    def dies(path, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        train(make_session(), tmp_path / "c.npz", 3, silent)
    assert (tmp_path / "c.npz").read_bytes() == before


def test_a_checkpoint_is_written_whole_or_not_at_all(make_session, tmp_path, monkeypatch):
    """Interrupted while the second one is written, the first is still there, and training goes on from it."""
    file = tmp_path / "c.npz"
    whole, _ = train(make_session(), tmp_path / "whole.npz", 3, silent)
    save = np.savez

    def dies(target, **arrays):
        if arrays["step"] > 3:
            target.write_bytes(b"half of an archive")
            raise KeyboardInterrupt
        save(target, **arrays)

    monkeypatch.setattr(np, "savez", dies)
    with pytest.raises(KeyboardInterrupt):
        train(make_session(), file, 3, silent)
    assert np.load(file)["step"] == 3
    monkeypatch.setattr(np, "savez", save)
    resumed, _ = train(make_session(), file, 3, silent)
    assert resumed["learned_rate"] == whole["learned_rate"]


def test_a_resumed_training_has_the_whole_curve_of_counts(make_session, tmp_path):
    """Those before the interruption are in the checkpoint; nothing but the clock's figures differs."""

    def counts(curve):
        return [{k: v for k, v in point.items() if k != "train_s"} for point in curve]

    _, whole = train(make_session(), tmp_path / "whole.npz", 3, silent, count_every=2)
    session = make_session()
    batch = session.task.batch

    def dies(step):
        if step == 7:
            raise KeyboardInterrupt
        return batch(step)

    session.task.batch = dies
    with pytest.raises(KeyboardInterrupt):
        train(session, tmp_path / "c.npz", 3, silent, count_every=2)
    _, again = train(make_session(), tmp_path / "c.npz", 3, silent, count_every=2)
    assert counts(again) == counts(whole)
    assert [point["step"] for point in again] == [1, 3, 5, 7, 9, 10]
    assert {"nfe_forward", "nfe_backward", "reconstruction_error", "memory_bytes", "train_s"} <= again[0].keys()


def test_what_diverges_keeps_its_curve(make_session, tmp_path):
    """The losses until then, and the last, which is not finite."""
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(Diverged) as caught:
        train(make_session("toy/diverging", "toy"), tmp_path / "c.npz", 100, silent)
    assert [point["step"] for point in caught.value.curve] == [1, 2, 3, 4, 5]
    assert np.isinf(caught.value.curve[-1]["loss"])
