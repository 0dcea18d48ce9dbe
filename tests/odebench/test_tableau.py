"""A tableau is checked when it is made: what is wrong is refused by name, what is right is kept as it is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odebench import ExplicitRungeKutta

RATIONALS = st.fractions(-3, 3, max_denominator=50)
NAMES = st.text("abcdefgh0123456789_", min_size=1, max_size=8)


def summing_to(total: Fraction, n: int) -> st.SearchStrategy[list[Fraction]]:
    """Lists of n ≥ 1 rationals of a given sum."""
    return st.lists(RATIONALS, min_size=n - 1, max_size=n - 1).map(lambda xs: [*xs, total - sum(xs)])


@st.composite
def tableaus(draw: st.DrawFn) -> dict[str, Any]:
    """The arguments of a valid tableau: nodes are row sums, weights sum to 1, and b(θ) is b at θ = 1."""
    s = draw(st.integers(1, 6))
    a = [draw(st.lists(RATIONALS, min_size=i, max_size=i)) for i in range(s)]
    b = draw(summing_to(Fraction(1), s))
    degree = draw(st.integers(1, 4))
    return {
        "name": draw(NAMES),
        "order": draw(st.integers(1, 8)),
        "c": [sum(row, Fraction(0)) for row in a],
        "a": a,
        "b": b,
        "b_hat": draw(st.none() | summing_to(Fraction(1), s)),
        "dense": [draw(summing_to(weight, degree)) for weight in b] if draw(st.booleans()) else None,
    }


def refuse(arguments: dict[str, Any], match: str) -> None:
    with pytest.raises(ValueError, match=f"^tableau '{arguments['name']}': .*{match}"):
        ExplicitRungeKutta(**arguments)


@given(tableaus())
def test_a_valid_tableau_is_kept(arguments: dict[str, Any]) -> None:
    """No coefficient is changed, rationals stay exact, and adaptivity follows from b_hat."""
    tableau = ExplicitRungeKutta(**arguments)
    assert tableau.stages == len(arguments["b"])
    assert tableau.adaptive == (arguments["b_hat"] is not None)
    assert list(tableau.b) == arguments["b"]
    assert [list(row) for row in tableau.a] == arguments["a"]
    assert tableau.b_error is None if arguments["b_hat"] is None else sum(tableau.b_error or ()) == pytest.approx(0)


@given(tableaus())
def test_floats_and_rationals_alike(arguments: dict[str, Any]) -> None:
    """The same tableau in floats is accepted: rounding is not taken for a mistake."""
    as_floats: dict[str, Any] = {
        key: [float(x) for x in value] if key in ("c", "b", "b_hat") and value else value
        for key, value in arguments.items()
    }
    as_floats["a"] = [[float(x) for x in row] for row in arguments["a"]]
    assert ExplicitRungeKutta(**as_floats).stages == len(arguments["b"])


@given(tableaus(), st.sampled_from([-1, 1]), st.integers(1, 9), st.data())
def test_a_wrong_sum_is_refused(arguments: dict[str, Any], sign: int, digits: int, data: st.DataObject) -> None:
    """A node, weight, embedded weight or dense coefficient that is off, by 1e-9 at the least, is refused."""
    delta = Fraction(sign, 10**digits)
    matches = {
        "c": "of a sums to",
        "b": "weights b sum to",
        "b_hat": "weights b_hat sum to",
        "dense": "at θ=1",
    }
    key = data.draw(st.sampled_from([key for key in matches if arguments[key] is not None]))
    i = data.draw(st.integers(0, len(arguments["b"]) - 1))
    if key == "dense":
        arguments["dense"][i][0] += delta
    else:
        arguments[key][i] += delta
    refuse(arguments, matches[key])


@given(tableaus(), st.data())
def test_a_wrong_shape_is_refused(arguments: dict[str, Any], data: st.DataObject) -> None:
    """A stage too many anywhere is refused, and so is a ragged row."""
    key = data.draw(st.sampled_from([key for key in ("c", "b", "b_hat", "dense") if arguments[key] is not None]))
    arguments[key] = [*arguments[key], [0] if key == "dense" else 0]
    refuse(arguments, "stages|b_hat has|dense needs")


@given(tableaus(), st.data())
def test_an_implicit_row_is_refused(arguments: dict[str, Any], data: st.DataObject) -> None:
    """A coefficient on the diagonal, be it zero, makes the row too long."""
    i = data.draw(st.integers(0, len(arguments["b"]) - 1))
    arguments["a"][i] = [*arguments["a"][i], 0]
    refuse(arguments, f"row {i} of a has {i + 1} entries, expected {i}")


@pytest.mark.parametrize("field", ["b", "c"])
def test_nan_is_refused(field: str) -> None:
    """No comparison with NaN may pass for agreement."""
    refuse({"name": "bad", "order": 1, "c": [0], "a": [[]], "b": [1], field: [float("nan")]}, "nan")


def test_no_stage_is_refused() -> None:
    """A method needs a stage."""
    refuse({"name": "none", "order": 1, "c": [], "a": [], "b": []}, "0, 0 and 0 stages")


def test_lists_and_tuples_make_the_same_tableau() -> None:
    """A tableau is a value: it can be hashed, a static argument of compiled code, whatever it was made of."""
    lists = ExplicitRungeKutta("heun", 2, [0, 1], [[], [1]], [0.5, 0.5], [1, 0], dense=[[1, -0.5], [0, 0.5]])
    tuples = ExplicitRungeKutta("heun", 2, (0, 1), ((), (1,)), (0.5, 0.5), (1, 0), dense=((1, -0.5), (0, 0.5)))
    assert lists == tuples
    assert hash(lists) == hash(tuples)
    assert lists != replace(lists, b_hat=None)


def test_error_estimate() -> None:
    """Its weights are b - b_hat, its order one above the lower of the two, whichever is carried on."""
    pair = ExplicitRungeKutta("heun", 2, [0, 1], [[], [1]], [0.5, 0.5], [1, 0])
    assert pair.b_error == (-0.5, 0.5)
    assert pair.error_order == 2
    carried_low = ExplicitRungeKutta("euler", 1, [0, 1], [[], [1]], [1, 0], [0.5, 0.5], b_hat_order=2)
    assert carried_low.error_order == 2


@pytest.mark.parametrize(
    ("c", "a", "b", "fsal"),
    [
        ([0], [[]], [1], False),
        ([0, 1], [[], [1]], [1, 0], True),
        ([0, 1], [[], [1]], [0.5, 0.5], False),
        ([0, 0.5], [[], [0.5]], [0, 1], False),
        ([0, 0.5, 1], [[], [0.5], [0, 1]], [0, 1, 0], True),
        ([0, 0.5, 1], [[], [0.5], [0.5, 0.5]], [0, 1, 0], False),
    ],
)
def test_first_same_as_last(c: list[float], a: list[list[float]], b: list[float], fsal: bool) -> None:
    """The last stage is f at the new point only if its row is b and its own weight is zero."""
    assert ExplicitRungeKutta("method", 1, c, a, b).fsal is fsal
