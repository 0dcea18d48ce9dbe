"""What must be caught is caught, by the check that is for it, and nothing is caught in what is sound."""

from __future__ import annotations

from dataclasses import replace

import pytest

FAULTS = {
    "toy/skewed/numeric": "order",
    "toy/guesses/numeric": "embedded order",
    "faults/overshoots/backprop": "past end",
    "faults/lies/backprop": "NFE",
    "faults/gives_up/backprop": "max_steps",
    "faults/drifts/backprop": "repeatable",
    "faults/sound/timeless": "gradient: t0",
    "faults/sound/halves": "gradient: parameters",
}


@pytest.mark.parametrize(("backend", "check"), FAULTS.items())
def test_each_fault_fails_its_check(measure, backend, check):
    """With a figure that is out of its bound, or with what was returned in silence."""
    outcome = measure(backend, check)[check]
    assert outcome.verdict == "fail", outcome
    assert outcome.bound


def test_each_of_these_checks_passes_where_there_is_no_fault(measure):
    """So it is the fault that they fail for."""
    checks = set(FAULTS.values()) - {"embedded order"}
    found = measure("faults/sound/backprop", *checks)
    assert {check: outcome.verdict for check, outcome in found.items()} == dict.fromkeys(checks, "pass")
    assert measure("toy/bosh3/numeric", "embedded order")["embedded order"].verdict == "pass"
    assert measure("toy/rk4/numeric", "order")["order"].verdict == "pass"


def test_a_wrong_coefficient_costs_its_order(measure):
    """Interchanged weights of the classical method leave order 1, weights of an embedded one that are moved, order 1;
    their sums fit, so that the tableau itself does not object."""
    assert measure("toy/skewed/numeric", "order")["order"].figure == pytest.approx(1, abs=0.1)
    assert measure("toy/guesses/numeric", "embedded order")["embedded order"].figure == pytest.approx(1, abs=0.1)


def test_a_dropped_time_gradient_is_all_that_is_wrong(measure):
    """All three kinds of time fail with an error of 1, and the rest of the gradient passes."""
    times = ("gradient: t0", "gradient: interior times", "gradient: t1")
    found = measure("faults/sound/timeless", *times, "gradient: y0", "gradient: parameters")
    for check in times:
        assert found[check].verdict == "fail"
        assert found[check].figure == pytest.approx(1)
    assert found["gradient: y0"].verdict == found["gradient: parameters"].verdict == "pass"


def test_half_a_gradient(measure):
    """A factor is seen, in the parameters alone."""
    found = measure("faults/sound/halves", "gradient: y0", "gradient: parameters")
    assert found["gradient: parameters"].figure == pytest.approx(0.5, rel=1e-3)
    assert found["gradient: y0"].verdict == "pass"


def test_overshooting_is_measured(measure):
    """Each interval is overstepped by a fiftieth, the last by that part of the whole; its states are good."""
    found = measure("faults/overshoots/backprop", "past end", "vector")
    assert found["past end"].figure == pytest.approx(0.02 * (2.0 - 1.41) / 1.5, rel=1e-3)
    assert found["vector"].verdict == "pass"


def test_the_false_count_is_named(measure):
    """The figure is the claim, the bound what the harness counted."""
    outcome = measure("faults/lies/backprop", "NFE")["NFE"]
    assert (outcome.figure, outcome.bound) == (599, "= 600")


def test_silence_is_quoted(measure):
    """A number in place of an error is in the note."""
    outcome = measure("faults/gives_up/backprop", "max_steps")["max_steps"]
    assert (outcome.bound, outcome.note) == ("SolveError: max_steps", "returned [0.8 0.5] in silence")
    assert measure("faults/gives_up/backprop", "gradient: max_steps")["gradient: max_steps"].verdict == "fail"


@pytest.mark.parametrize(
    "check", ["repeated times", "unordered times", "integer y0", "complex y0", "f of another shape"]
)
def test_bad_input_that_is_taken(measure, check):
    """The toy integrates whatever it is given."""
    outcome = measure("toy/dopri5/numeric", check)[check]
    assert outcome.verdict == "fail"
    assert outcome.note.endswith("in silence")


def test_what_cannot_be_said_is_not_applicable(measure):
    """With the reason."""
    found = measure("toy/dopri5/numeric", "landing", "past end") | measure("toy/rk4/numeric", "error/tolerance")
    assert {check: (o.verdict, o.note) for check, o in found.items()} == {
        "landing": ("n-a", "takes no fixed step"),
        "past end": ("n-a", "the adapter of toy does not say at what times f is called"),
        "error/tolerance": ("n-a", "not adaptive"),
    }


def test_a_solver_that_cannot_solve(measure, support):
    """What a check raises is a failure, in one line."""
    from odebench.check.report import items
    from odebench.registry import load_registry

    registry = load_registry([str(support / "toy.py"), str(support / "faulty.py")])
    rows = [item.run() for item in items(registry, "faulty/fails/numeric") if item.check in ("vector", "gradient: y0")]
    assert [(row.outcome.verdict, row.outcome.note) for row in rows] == [
        ("fail", "ZeroDivisionError: first line of [red]two[/]")
    ] * 2


def test_times_of_a_method_without_them(faulty_registry):
    """It said so when it was registered: its rows of times are not applicable, the others are as they were."""
    from odebench.backends import find_backend
    from odebench.check import gradients
    from odebench.check.outcome import NotApplicable
    from odebench.check.subject import Subject

    info = find_backend(faulty_registry, "torch/dopri5/backprop")
    subject = Subject(faulty_registry, info.solver, replace(info.gradient, without=("ts",)))
    subject.adapter.activate()
    for check in (gradients.t0, gradients.interior_times, gradients.t1):
        with pytest.raises(NotApplicable, match="without a gradient for ts"):
            check(subject)
    assert gradients.y0(subject).verdict == "pass"
