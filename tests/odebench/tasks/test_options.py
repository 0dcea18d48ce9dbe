"""Options of a task: what passes stays as it is, and what does not is named with what would."""

from __future__ import annotations

import math

import pytest

from odebench.errors import UserError
from odebench.tasks import one_of, positive, whole


def test_what_passes():
    """The bounds themselves, numbers of either kind, words."""
    assert [whole("s", "n", n, 1, 3) for n in (1, 3)] == [1, 3]
    assert whole("s", "n", 10**12, 0) == 10**12
    assert [positive("s", "x", x) for x in (1e-300, 2)] == [1e-300, 2]
    assert one_of("s", "k", "b", ("a", "b")) == "b"


@pytest.mark.parametrize("value", [0, 4, 2.0, "2", True, None, [1]])
def test_whole(value):
    """No other number, and no truth value, which Python takes for one."""
    with pytest.raises(UserError) as caught:
        whole("suite", "depth", value, 1, 3)
    assert str(caught.value) == f"suite: depth must be a whole number between 1 and 3, got {value!r}"
    with pytest.raises(UserError, match="suite: depth must be a whole number of at least 9, got"):
        whole("suite", "depth", value, 9)


@pytest.mark.parametrize("value", [0, -1.5, math.inf, math.nan, "1", False, None])
def test_positive(value):
    """Finite, too."""
    with pytest.raises(UserError) as caught:
        positive("suite", "rate", value)
    assert str(caught.value) == f"suite: rate must be positive and finite, got {value!r}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("gausian", "suite: noise: unknown value 'gausian'; did you mean 'gaussian'? valid: gaussian, rademacher"),
        (3, "suite: noise: unknown value 3; valid: gaussian, rademacher"),
        (None, "suite: noise: unknown value None; valid: gaussian, rademacher"),
    ],
)
def test_one_of(value, message):
    """With the nearest word, whatever was given."""
    with pytest.raises(UserError) as caught:
        one_of("suite", "noise", value, (word for word in ("rademacher", "gaussian")))
    assert str(caught.value) == message
