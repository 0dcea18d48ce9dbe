"""What differs between the places of two runs is told at the head, the packages that the cells used first."""

from odebench.compare.comparison import compare
from odebench.compare.machine import packages

from .conftest import PLACE, record, side


def differing(**change):
    a, b = side([record()]), side([record()], name="B", environment=PLACE | change)
    found = compare(a, b)
    return list(found.versions), list(found.others)


def test_what_the_cells_used_comes_first():
    """odebench's commit, Python and the cells' own packages; the rest apart."""
    assert differing(packages={"toy": "1.1", "peer": "0.1", "new": "3"}, python="3.12.1") == (
        ["python unknown → 3.12.1", "toy 1.0 → 1.1"],
        ["new none → 3"],
    )
    assert differing(odebench_git={"commit": "b" * 40, "dirty": True}) == (["odebench aaaaaaaaaa → bbbbbbbbbb+"], [])
    assert differing(odebench_git={}) == (["odebench aaaaaaaaaa → unknown"], [])
    assert differing() == ([], [])


def test_a_dirty_commit_says_little():
    """Two runs of one commit with files changed may be of any code: it is told though the words are the same."""
    dirty = PLACE | {"odebench_git": {"commit": "a" * 40, "dirty": True}}
    found = compare(side([record()], environment=dirty), side([record()], name="B", environment=dirty))
    assert found.versions == ["odebench aaaaaaaaaa+ → aaaaaaaaaa+"]


def test_packages_of_a_backend():
    """What a library's plugin says that it needs, its framework's included."""
    found = packages([record(library="torchdiffeq", framework="torch")])
    assert {"torchdiffeq", "torch", "optree"} <= found
    assert "diffrax" not in found
