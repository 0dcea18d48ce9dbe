"""Training is the recipe's arithmetic, and goes on from a checkpoint as if it had never stopped."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from odebench.contract import SolveError, Status
from odebench.measure import training
from odebench.measure.counting import Counter
from odebench.measure.session import Diverged
from odebench.measure.training import evaluate, train


def silent(text):
    pass


def trained(session, file, every, note=silent, count_every=None):
    """What :func:`train` returns, with the task's own metrics, and the curve that it kept."""
    curve = []
    metrics = train(session, file, every, note, curve.append, count_every)
    return metrics | (evaluate(session, session.params) if session.task.recipe else {}), curve


def test_sgd_with_momentum_and_a_stepwise_rate_by_hand(make_session, tmp_path):
    """``(w - 3)²/2`` from w = 1: v ← 0.9 v + (w - 3), w ← w - r v, with r halved at step 6."""
    w, v, losses = 1.0, 0.0, []
    for i in range(10):
        losses.append((w - 3) ** 2 / 2)
        v = 0.9 * v + (w - 3)
        w -= (0.05 if i >= 6 else 0.1) * v
    metrics, curve = trained(make_session("toy/line", "toy"), tmp_path / "c.npz", 100)
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
        trained(make_session("toy/diverging", "toy"), tmp_path / "c.npz", 100)


def test_no_steps_and_no_recipe(make_session, tmp_path):
    """A recipe of no steps is evaluated as it is; a task without a recipe is not trained."""
    session = make_session(steps=0)
    metrics, curve = trained(session, tmp_path / "c.npz", 100)
    assert curve == []
    assert metrics["learned_rate"] == pytest.approx(1.0, rel=1e-5)
    assert "train_loss" not in metrics
    session.task.recipe = None
    assert trained(session, tmp_path / "c.npz", 100) == ({}, [])


def test_notes_tell_the_progress(make_session, tmp_path):
    """Each step with its loss, and how many evaluations the latest count found."""
    notes = []
    trained(make_session(backend="toy/rk4/numeric", steps=3), tmp_path / "c.npz", 100, notes.append, count_every=2)
    assert [re.sub("loss [0-9.]+", "loss", note) for note in notes] == [
        "training 1/3, loss",
        "training 2/3, loss, NFE 32",
        "training 3/3, loss, NFE 32",
    ]


def test_a_long_curve_is_thinned(make_session, tmp_path):
    """A thousand points or so, from the first step on, whatever the number of steps."""
    _, curve = trained(make_session("toy/line", "toy", steps=3500), tmp_path / "c.npz", 10_000)
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
        trained(session, file, every)


@pytest.mark.parametrize("cell", [("toy/decay", "toy/dopri5/numeric"), ("toy/line", "toy")])
@pytest.mark.parametrize("at", [1, 3, 5, 8, 9])
def test_resumed_training_is_uninterrupted_training(make_session, tmp_path, at, cell):
    """To the last bit: the loss of every step (rates change at step 6 of the line) and the evaluation."""
    whole, curve = trained(make_session(*cell), tmp_path / "whole.npz", 3)
    interrupted(make_session(*cell), tmp_path / "c.npz", at)
    steps = []
    resumed, again = trained(make_session(*cell), tmp_path / "c.npz", 3, steps.append)
    assert again == curve
    assert {k: v for k, v in resumed.items() if k != "train_s"} == {k: v for k, v in whole.items() if k != "train_s"}
    assert len([note for note in steps if note.startswith("training")]) == 10 - at // 3 * 3


def test_seconds_of_training_add_up(make_session, tmp_path, monkeypatch):
    """What an interrupted run spent up to its checkpoint counts: a tick a step, three before and seven after it."""
    clock = iter(range(1000))
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    interrupted(make_session(), tmp_path / "c.npz", at=4)
    metrics, _ = trained(make_session(), tmp_path / "c.npz", 100)
    assert metrics["train_s"] == 10


def test_a_checkpoint_that_is_not_yet_in_its_place_does_not_count(make_session, tmp_path, monkeypatch):
    """Interrupted between writing and renaming, the one before is still there."""
    trained(make_session(steps=3), tmp_path / "c.npz", 3)
    before = (tmp_path / "c.npz").read_bytes()

    def dies(path, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(make_session(), tmp_path / "c.npz", 3)
    assert (tmp_path / "c.npz").read_bytes() == before


def test_a_checkpoint_is_written_whole_or_not_at_all(make_session, tmp_path, monkeypatch):
    """Interrupted while the second one is written, the first is still there, and training goes on from it."""
    file = tmp_path / "c.npz"
    whole, _ = trained(make_session(), tmp_path / "whole.npz", 3)
    save = np.savez

    def dies(target, **arrays):
        if len(arrays["losses"]) > 3:
            target.write_bytes(b"half of an archive")
            raise KeyboardInterrupt
        save(target, **arrays)

    monkeypatch.setattr(np, "savez", dies)
    with pytest.raises(KeyboardInterrupt):
        trained(make_session(), file, 3)
    assert len(np.load(file)["losses"]) == 3
    monkeypatch.setattr(np, "savez", save)
    resumed, _ = trained(make_session(), file, 3)
    assert resumed["learned_rate"] == whole["learned_rate"]


def test_a_resumed_training_has_the_whole_curve_of_counts(make_session, tmp_path):
    """Those before the interruption are in the checkpoint; nothing but the clock's figures differs."""

    def counts(curve):
        return [{k: v for k, v in point.items() if k != "train_s"} for point in curve]

    _, whole = trained(make_session(), tmp_path / "whole.npz", 3, count_every=2)
    session = make_session()
    batch = session.task.batch

    def dies(step):
        if step == 7:
            raise KeyboardInterrupt
        return batch(step)

    session.task.batch = dies
    with pytest.raises(KeyboardInterrupt):
        trained(session, tmp_path / "c.npz", 3, count_every=2)
    _, again = trained(make_session(), tmp_path / "c.npz", 3, count_every=2)
    assert counts(again) == counts(whole)
    assert [point["step"] for point in again] == [1, 3, 5, 7, 9, 10]
    assert {"nfe_forward", "nfe_backward", "reconstruction_error", "memory_bytes", "train_s"} <= again[0].keys()


def test_what_diverges_keeps_its_curve(make_session, tmp_path):
    """The losses until then, and the last, which is not finite."""
    curve = []
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(Diverged):
        train(make_session("toy/diverging", "toy"), tmp_path / "c.npz", 100, silent, curve.append)
    assert [point["step"] for point in curve] == [1, 2, 3, 4, 5]
    assert np.isinf(curve[-1]["loss"])


def test_what_diverges_between_two_counts_tells_its_last_loss(make_session, tmp_path):
    """Beside the counts of before: an end that is off the grid of steps."""
    curve = []
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(Diverged, match="step 5 of 10"):
        train(make_session("toy/diverging", "toy"), tmp_path / "c.npz", 100, silent, curve.append, 3)
    assert [(point["step"], "memory_bytes" in point) for point in curve] == [(1, True), (4, True), (5, False)]


@pytest.mark.parametrize("fails", ["solve", "count"])
def test_a_solve_that_ends_early_is_a_divergence(make_session, tmp_path, monkeypatch, fails):
    """In a step or in a count: with the step, the solver's reason, and the curve until there."""
    session, curve = make_session(), []
    batch = session.task.batch

    def breaks(step):
        if step == 3:
            error = SolveError(Status.max_steps, 0.5)
            target = session.task if fails == "solve" else Counter
            name = "loss" if fails == "solve" else "__call__"
            monkeypatch.setattr(target, name, lambda *_: (_ for _ in ()).throw(error), raising=True)
        return batch(step)

    session.task.batch = breaks
    message = "training step 4 of 10: max_steps at t=0.5: the solver used up max_steps"
    with pytest.raises(Diverged, match=message):
        train(session, tmp_path / "c.npz", 100, silent, curve.append, 1)
    assert [point["step"] for point in curve] == [1, 2, 3]


def old_layout(arrays):
    """A checkpoint as the first version of odebench wrote it."""
    kept = {name: array for name, array in arrays.items() if name.startswith("params/")}
    return kept | {"velocity/w": np.zeros(1), "step": 6, "seconds": 1.0, "losses": np.zeros(6)}


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda file: file.write_bytes(b""), "EOFError"),
        (lambda file: file.write_bytes(file.read_bytes()[:-200]), "BadZipFile"),
        (lambda file: file.write_bytes(b"half of an archive"), "ValueError"),
        (lambda file: rewrite(file, old_layout), "another version or another training"),
        (lambda file: rewrite(file, lambda a: {k: v for k, v in a.items() if "params/" not in k}), "KeyError"),
        (lambda file: rewrite(file, lambda a: {k: v for k, v in a.items() if k != "losses"}), "KeyError"),
        (lambda file: rewrite(file, lambda a: a | {"losses": a["losses"][1:]}), "ValueError: it has"),
    ],
    ids=["empty", "truncated", "no archive", "old layout", "no params", "no losses", "a loss too few"],
)
@pytest.mark.parametrize("cell", [("toy/line", "toy")])
def test_a_checkpoint_that_is_none_is_told_and_passed_over(make_session, tmp_path, capsys, spoil, reason, cell):
    """Training begins anew, gives what it gives without one, and writes a good one over it."""
    file = tmp_path / "c.npz"
    whole = trained(make_session(*cell), tmp_path / "whole.npz", 3)
    interrupted(make_session(*cell), file, 7)
    spoil(file)
    metrics, curve = trained(make_session(*cell), file, 3)
    assert curve == whole[1]
    assert metrics["test_error"] == whole[0]["test_error"]
    told = capsys.readouterr().err
    assert told.startswith(f"training begins anew: {file} cannot be gone on from: ")
    assert reason in told
    assert told.count("\n") == 1
    assert len(np.load(file)["losses"]) == 9


def rewrite(file, change):
    with np.load(file) as stored:
        found = change(dict(stored))
    np.savez(file, **found)


def test_another_trainings_checkpoint_is_passed_over(make_session, tmp_path, capsys):
    """The same parameters under another recipe: it would go on from another training's memory."""
    trained(make_session("toy/line", "toy", steps=6), tmp_path / "c.npz", 3)
    _, curve = trained(make_session("toy/line", "toy", steps=9), tmp_path / "c.npz", 3)
    assert [point["step"] for point in curve] == list(range(1, 10))
    assert "another training" in capsys.readouterr().err


def test_slow_steps_are_kept_more_often(make_session, tmp_path, monkeypatch):
    """A step that takes half a minute: a checkpoint every third of them, whatever their number says."""
    clock = iter(range(0, 10_000, 25))
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    interrupted(make_session(), tmp_path / "c.npz", at=8, every=1000)
    assert len(np.load(tmp_path / "c.npz")["losses"]) == 6


def test_the_same_seed_gives_the_same_numbers(make_session, tmp_path):
    """Twice in a process."""
    first, second = (trained(make_session(), tmp_path / name, 100, count_every=3) for name in "ab")
    assert [p | {"train_s": 0} for p in first[1]] == [p | {"train_s": 0} for p in second[1]]
    assert first[0]["learned_rate"] == second[0]["learned_rate"]
