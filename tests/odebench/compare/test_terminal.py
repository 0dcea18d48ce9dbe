"""The table on a terminal."""

from io import StringIO

from rich.console import Console

from odebench.compare.comparison import compare
from odebench.compare.terminal import LISTED, print_comparison

from .conftest import PLACE, record, side


def printed(a, b, everything=False, **environment):
    out = StringIO()
    found = compare(side(a), side(b, name="B", environment=PLACE | environment))
    print_comparison(found, Console(file=out, force_terminal=False), everything)
    return out.getvalue().splitlines()


def test_head_counts_and_what_is_not_the_same():
    """The runs, what differs, a line a suite, the worst first; what is the same is counted and not listed."""
    a = [record("c1", metrics={"nfe_forward": 100, "vjps": 10, "jvps": 5}, rtol=1e-3), record("c2")]
    b = [record("c1", metrics={"nfe_forward": 120, "vjps": 5, "jvps": 5}, rtol=1e-3),
         record("c2", status="timeout", reason="killed [after] 60 s")]  # fmt: skip
    assert printed(a, b, packages={"toy": "1.1"}) == [
        "A A → B B",
        "  made/quick: A → B",
        "  toy 1.0 → 1.1",
        "  and 1 other packages (--format json lists them)",
        "metrics of regressed improved not comparable same",
        "made/quick         2        1              0    2",
        "regressed made/decay toy/dopri5/numeric 1e-6: ok → timeout (B: killed [after] 60 s)",
        "verdict   cell                               metric        A   B  B/A",
        "regressed made/decay toy/dopri5/numeric 1e-3 nfe_forward 100 120 ×1.2",
        "improved  made/decay toy/dopri5/numeric 1e-3 vjps         10   5 ×0.5",
        "2 cells in both: 2 regressed, 1 improved, 2 same",
    ]


def test_hostile_names():
    """Are shown: neither rich nor the terminal finds a colour, a tag or the end of a line in them."""
    text = "[/x] [red]a\x1b[31m\nb\ud800"
    shown = "[/x] [red]a�[31m b�"
    a = [record("c1", metrics={f"nfe_{text}": 1}, task=text), record("c2", status="error", reason=text)]
    b = [record("c1", metrics={f"nfe_{text}": 2}, task=text), record("c2", status="timeout", reason=text), record("c3")]
    out = StringIO()
    found = compare(side(a, name=text, preset=text), side(b, name=text, preset=text))
    print_comparison(found, Console(file=out, force_terminal=True, width=300, color_system=None), everything=True)
    lines = out.getvalue().splitlines()
    assert all(line.isprintable() for line in lines)
    for told in (
        f"A {shown} → B",
        f"made/{shown} ",
        "not comparable made/decay",
        f"made: {shown} toy",
        f"nfe_{shown} ",
        f"(A: {shown};",
    ):
        assert any(told in line for line in lines), told


def test_everything():
    """With --all each metric, and why it is not comparable."""
    lines = printed([record(metrics={"loss": 1.0, "jvps": 5})], [record(metrics={"loss": 2.0, "jvps": 5})], True)
    assert any("same" in line and "jvps" in line for line in lines)
    assert any("neither is better" in line and "loss" in line for line in lines)


def test_what_is_not_comparable_is_told_by_reason():
    """A line for many, not many lines."""
    runs = ([record(f"c{i}", samples={"forward": [1.0] * 3}) for i in range(40)] for _ in range(2))
    lines = printed(*runs, cpu="Other")
    assert "not comparable: made/quick forward_s (40): other CPU (Made Up 9000, Other)" in lines
    assert len(lines) < 10


def test_many_cells_of_one_side():
    """Some are named, the others counted; --all names them."""
    a, b = [record("c")], [record("c"), *(record(f"c{i}") for i in range(50))]
    lines = printed(a, b)
    assert len([line for line in lines if line.startswith("added: made/decay")]) == LISTED
    assert f"added: {50 - LISTED} more (--all lists them)" in lines
    assert len([line for line in printed(a, b, True) if line.startswith("added: made/decay")]) == 50
    assert lines[-1].endswith("cells 50 added")


def test_drift_is_told():
    """How much longer the other run took for all, and what a time must therefore differ by."""
    runs = ([record(f"c{i}", samples={"forward": [factor] * 3}) for i in range(9)] for factor in (1.0, 1.3))
    told = "  made/quick: times of B are ×1.30 of A's and scatter by 0%; beyond ×1.05 is another time"
    assert told in printed(*runs)
    few = ([record("c", samples={"forward": [1.0] * 3})] for _ in range(2))
    assert "  made/quick: too few times to tell the machine's drift; beyond ×2.00 is another time" in printed(*few)
