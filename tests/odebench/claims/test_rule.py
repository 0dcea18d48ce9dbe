"""A rule against an interval: inside, outside, or neither."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odebench.claims.rule import parse_rule

FLOATS = st.floats(-10, 10)
RULES = st.sampled_from(["< 1", "<= 1", "> -2.5", ">= 3", "-1 .. 2"])


@pytest.mark.parametrize(
    ("text", "inside", "outside", "astride"),
    [
        ("< 1", (0, 0.9), (1, 2), (0.5, 1)),
        ("<= 1", (0, 1), (1.1, inf), (1, 2)),
        ("> 1e-3", (0.01, inf), (-inf, 1e-3), (1e-3, 1)),
        (">=2", (2, 2), (0, 1.9), (1, 2)),
        ("0.4 .. 0.6", (0.4, 0.6), (0.61, 0.7), (0.1, 0.9)),
        ("-0.01 .. 0.01", (0, 0), (-1, -0.5), (-0.02, 0)),
    ],
)
def test_intervals(text, inside, outside, astride):
    """The ends count where the rule says so."""
    rule = parse_rule(text)
    assert str(rule) == text
    assert (rule.holds(*inside), rule.fails(*inside)) == (True, False)
    assert (rule.holds(*outside), rule.fails(*outside)) == (False, True)
    assert (rule.holds(*astride), rule.fails(*astride)) == (False, False)


def test_a_closed_end_bears_rounding():
    """One image of a hundred more is within 0.01, as is one less; of an open end nothing is forgiven."""
    assert 0.13 - 0.12 > 0.01
    for difference in (0.13 - 0.12, 0.12 - 0.13):
        assert parse_rule("-0.01 .. 0.01").holds(difference, difference)
    assert parse_rule("<= 0.01").holds(0, 0.13 - 0.12)
    assert parse_rule("< 0.01").fails(0.13 - 0.12, 1)


@given(RULES, FLOATS, FLOATS)
def test_never_both(text, a, b):
    """A point is inside or outside; an interval is not both, and what is inside of it keeps a verdict."""
    rule = parse_rule(text)
    low, high = sorted((a, b))
    assert rule.holds(a, a) != rule.fails(a, a)
    assert not (rule.holds(low, high) and rule.fails(low, high))
    if rule.holds(low, high):
        assert rule.holds((low + high) / 2, high)


@pytest.mark.parametrize(
    "text", ["", "1", "= 1", "< x", "< nan", "< inf", "2 .. 1", "1 .. 1", "1..2", "<1 ..2", "< 1 2"]
)
def test_what_is_no_rule(text):
    """Is refused, with the forms there are."""
    with pytest.raises(ValueError, match=r"no rule: .*write"):
        parse_rule(text)
