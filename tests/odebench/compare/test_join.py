"""Cells are joined by their hash, each once."""

from hypothesis import given
from hypothesis import strategies as st

from odebench.compare.comparison import compare
from odebench.compare.join import join
from odebench.compare.sides import Side
from odebench.compare.verdict import Verdict
from odebench.record import CellStatus

from .conftest import record, side

MIRRORED = {Verdict.regressed: Verdict.improved, Verdict.improved: Verdict.regressed}
figures = st.one_of(st.integers(0, 99), st.floats(0, 1e3), st.sampled_from([float("inf"), float("nan")]))
metrics = st.dictionaries(
    st.sampled_from(["nfe_forward", "vjps", "forward_error", "memory_bytes", "train_loss", "loss", "unheard_of"]),
    figures,
)
times = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=6)
cells = st.builds(
    record,
    st.sampled_from([f"c{i}" for i in range(12)]),
    status=st.sampled_from(list(CellStatus)),
    metrics=metrics,
    samples=st.dictionaries(st.sampled_from(["forward", "forward_backward"]), times),
)
runs = st.lists(cells, unique_by=lambda one: one.hash, max_size=12)


@given(runs, runs)
def test_every_cell_is_in_one_place(a, b):
    """Joined, added or gone: each cell of either side in exactly one of them."""
    found = join(side(a), side(b, name="B"))
    both = [pair.b.record.hash for pair in found.pairs]
    added, gone = ([cell.record.hash for cell in cells] for cells in (found.added, found.gone))
    assert sorted(both + gone) == sorted(one.hash for one in a)
    assert sorted(both + added) == sorted(one.hash for one in b)
    assert all(pair.a.record.hash == pair.b.record.hash for pair in found.pairs)


@given(runs)
def test_a_run_against_itself_is_same_everywhere(run):
    """Whatever is in it: failures, infinities, figures that are none, metrics that nobody knows."""
    found = compare(side(run), side(run))
    assert {row.verdict for row in found.rows} <= {Verdict.same}
    assert len(found.joined.pairs) == len(run)
    assert not found.added
    assert not found.gone


@given(runs, runs)
def test_swapping_mirrors(a, b):
    """What improved from A to B regresses from B to A; what is the same or not comparable stays so."""
    forth, back = (
        {(row.record.hash, row.name): row.verdict for row in compare(x, y).rows}
        for x, y in ((side(a), side(b, name="B")), (side(b, name="B"), side(a)))
    )
    assert back == {key: MIRRORED.get(verdict, verdict) for key, verdict in forth.items()}


def test_of_several_runs_the_pair_of_one_preset(record):
    """A cell that two presets of a side measured meets its own kind, though another run is newer."""
    quick, claims = side([record(metrics={"nfe_forward": 1})]), side([record()], preset="claims", origin="claims")
    claims.runs[0].run.records[0].started = "2027"
    both = Side("A", [*claims.runs, *quick.runs])
    found = join(both, side([record()], name="B"))
    assert [(pair.a.run.place, pair.b.run.place) for pair in found.pairs] == [("made/quick", "made/quick")]


def test_what_only_one_has_run_is_no_loss(record):
    """Cells of a preset that B did not run are counted apart from those that are gone from one that it did."""
    a = Side("A", [*side([record("c1"), record("c2")]).runs, *side([record("c3")], preset="whole", origin="w").runs])
    found = compare(a, side([record("c1")], name="B"))
    assert [cell.record.hash for cell in found.gone] == ["c2"]
    assert found.unmatched == ["only A has run made/whole: 1 cells"]
    assert len(found.joined.gone) == 2
