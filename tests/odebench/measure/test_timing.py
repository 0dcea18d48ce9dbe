"""Rivals take turns, each stops for its own reason, and one that fails takes no further part."""

import pytest

from odebench.measure.timing import interleave, metrics
from odebench.suite import Preset


def run(names, sample, **preset):
    """Interleave cells that are plain names; the turns taken and the samples kept."""
    turns = []

    def record(cell, kind):
        turns.append((cell, kind))
        return sample(cell, kind, len([turn for turn in turns if turn == (cell, kind)]))

    found = interleave(names, Preset(**{"min_samples": 2, "max_samples": 100} | preset), record)
    return turns, found


def noisy(cell, kind, number):
    """Never narrow: each sample is twice the one before, or half of it."""
    return 1.0 if number % 2 else 2.0


def test_the_order_of_turns():
    """A round is one sample of each kind from each cell in turn."""
    turns, found = run("ab", noisy, max_samples=2, time_budget=1e6)
    each = [(cell, kind) for cell in "ab" for kind in ("forward", "forward_backward")]
    assert turns == each + each
    assert found["a"] == {"forward": [1.0, 2.0], "forward_backward": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("preset", "number"),
    [
        ({"max_samples": 7, "time_budget": 1e6}, 7),  # as many as it may
        ({"time_budget": 8.0}, 3),  # 2, 6, 8 seconds after 1, 2, 3 rounds
        ({"time_budget": 8.1}, 4),
        ({"time_budget": 0.1, "min_samples": 5}, 5),  # at least as many as it must, whatever they cost
    ],
)
def test_noise_is_sampled_until_the_budget_or_the_number_is_used_up(preset, number):
    """The budget is one cell's, over both kinds."""
    _, found = run("a", noisy, **preset)
    assert [len(samples) for samples in found["a"].values()] == [number, number]


def test_a_narrow_interval_stops_early():
    """As soon as both kinds are narrow, and not before min_samples; a noisy rival goes on alone."""

    def sample(cell, kind, number):
        return noisy(cell, kind, number) if cell == "b" else 1.0

    turns, found = run("ab", sample, min_samples=7, max_samples=9, time_budget=1e6, precision=0.02)
    assert len(found["a"]["forward"]) == 7
    assert len(found["b"]["forward"]) == 9
    assert {cell for cell, _ in turns[28:]} == {"b"}


def test_one_noisy_kind_keeps_a_cell_going():
    """Both intervals must be narrow."""
    _, found = run(
        "a", lambda c, kind, n: 1.0 if kind == "forward" else noisy(c, kind, n), max_samples=9, time_budget=1e6
    )
    assert len(found["a"]["forward"]) == 9


@pytest.mark.parametrize(("kind", "kept"), [("forward", [2, 2]), ("forward_backward", [3, 2])])
def test_a_rival_that_fails_leaves_the_others_their_turns(kind, kept):
    """It is asked nothing more, what it gave before is kept, and the others' turns stay as they were."""

    def sample(cell, which, number):
        return None if (cell, which, number) == ("b", kind, 3) else noisy(cell, which, number)

    turns, found = run("abc", sample, max_samples=5, time_budget=1e6)
    assert [len(samples) for samples in found["b"].values()] == kept
    assert all(len(samples) == 5 for name in "ac" for samples in found[name].values())
    last = turns.index(("b", kind), [i for i, turn in enumerate(turns) if turn == ("b", kind)][2])
    assert {cell for cell, _ in turns[last + 1 :]} == {"a", "c"}
    alone, _ = run("ac", sample, max_samples=5, time_budget=1e6)
    assert [turn for turn in turns if turn[0] != "b"] == alone


def test_no_cells():
    """Nothing is asked."""
    assert run("", noisy) == ([], {})


def test_metrics():
    """Medians of what was sampled; compilation is what the first gradient took beyond a usual one, never negative."""
    found = metrics({"forward": [1.0, 3.0, 2.0], "forward_backward": [5.0, 4.0, 6.0]}, first_call=25.0)
    assert (found["forward_s"], found["forward_backward_s"], found["compile_s"]) == (2.0, 5.0, 20.0)
    assert metrics({"forward": [1.0], "forward_backward": [5.0]}, first_call=1.0)["compile_s"] == 0.0
    assert metrics({"forward": [], "forward_backward": []}, first_call=1.0) == {}
