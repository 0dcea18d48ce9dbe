"""Which states are kept, and that the others are had again in as few steps as there can be."""

import itertools
import math
from functools import cache

import pytest

from odebench_torch.checkpoints import Rewind, Thinned, limit_of, split


@cache
def fewest(steps: int, slots: int) -> int:
    """The fewest steps that reverse so many with so many slots: dynamic programming over the first kept state."""
    if steps == 1:
        return 0
    if slots == 1:
        return steps * (steps - 1) // 2
    return min(m + fewest(steps - m, slots - 1) + fewest(m, slots) for m in range(1, steps))


def rewind(steps: int, states, limit: float):
    """Every state from the last: how many steps it took, and the most states there were at once."""
    taken, most = 0, len(states)

    def advance(y, begin, end):
        nonlocal taken
        assert y == begin
        taken += end - begin
        return end

    states = {m: m for m in states}
    rewinding = Rewind(advance, states, limit)
    for n in reversed(range(steps)):
        assert rewinding(n) == n
        most = max(most, len({m for m, _ in rewinding._stack} | set(states)))
    return taken, most


@pytest.mark.parametrize("slots", [1, 2, 3, 5, 16])
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 20, 55])
def test_a_gap_costs_the_fewest_steps(steps: int, slots: int) -> None:
    """From the first state alone: the optimum of dynamic programming, and Griewank and Walther's formula for it."""
    taken, most = rewind(steps, [0], slots)
    assert taken == fewest(steps, slots)
    assert most <= slots
    r = next(r for r in range(steps) if math.comb(slots + r, slots) >= steps)
    assert taken == r * steps - math.comb(slots + r, slots + 1)


def test_the_split_of_the_smallest_gaps() -> None:
    """Two steps: one, which is not kept; with one slot: to the last."""
    assert split(2, 1) == split(2, 9) == 1
    assert split(8, 1) == 7


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 16])
def test_a_solve_of_unknown_length(limit: int) -> None:
    """Thinned out on the way, then rewound: never more states than the limit, evenly spread, few steps taken again."""
    for steps in (1, 5, 64, 200):
        kept = Thinned(limit)
        for n in range(steps + 1):
            kept.add(n)
            assert len(kept.states) <= (limit + 1) // 2
        numbers = list(kept.states)
        assert numbers[0] == 0
        assert len({b - a for a, b in itertools.pairwise(numbers)}) <= 1
        taken, most = rewind(steps, numbers, limit)
        assert most <= max(limit, 1)
        assert taken <= 2 * fewest(steps, limit) + steps
        if limit == 16 and steps <= 200:
            assert taken <= 2 * steps


def test_all_states() -> None:
    """Nothing is taken again."""
    kept = Thinned(math.inf)
    for n in range(101):
        kept.add(n)
    assert list(kept.states) == list(range(101))
    assert rewind(100, kept.states, math.inf) == (0, 101)


def test_what_a_limit_may_be() -> None:
    """A number of at least 1, or all."""
    assert limit_of("all") == math.inf
    assert limit_of(3) == 3
    for wrong in (0, -1, 2.5, "none"):
        with pytest.raises(ValueError, match="'all' or a whole number"):
            limit_of(wrong)  # type: ignore[arg-type]
