"""The table on a terminal: it fits, it marks what is best, and it prints text as it is."""

import re
from io import StringIO
from math import inf, nan

import pytest
from rich.console import Console

from odebench.record import CellStatus, Record
from odebench.report.columns import COLUMNS
from odebench.report.terminal import WIDTH, print_run, table
from odebench.store import Store

ASKED = {"suite": "s", "preset": "p", "plugins": [], "strict": False, "selection": {}}

METRICS = {
    "test_error": 0.0123, "parameters": 225034, "nfe_forward": 26, "vjps": 26, "forward_s": 0.0123,
    "forward_backward_s": 0.123, "compile_s": 1.23, "overhead": 1.234, "memory_bytes": 12.3e6,
    "peak_growth_bytes": 45.6e6, "gradient_error": 1.23e-4,
}  # fmt: skip


def record(row="Row", backend="torch/dopri5/adjoint", device="cpu", task="t", **changes):
    config = {"suite": "s", "task": task, "backend": backend, "device": device, "dtype": "float64", "seed": 0}
    return Record(config=config, hash=row + backend, row=row, **changes)


def rendered(records, width=WIDTH):
    console = Console(width=width, file=StringIO())
    console.print(table(records))
    return console.file.getvalue()


def printed(tmp_path, *records, console=None):
    store = Store(tmp_path)
    if not (tmp_path / "run.json").exists():
        store.write("run.json", ASKED)
    for one in records:
        store.append(one)
    console = console or Console(file=StringIO())
    print_run(store, console)
    return console.file.getvalue()


def test_all_figures_fit_and_are_whole():
    """Ten columns of figures with usual names stand in 120 columns, nothing cut."""
    text = rendered([record("1 ResBlock (control)", metrics=METRICS)])
    assert max(map(len, text.splitlines())) <= WIDTH
    for figure in ("1.2%", "225,034", "26/26", "12.3", "123", "1.2", "1.23", "45.6", "1.2e-4", "ok"):
        assert figure in text
    assert "…" not in text


def test_columns_give_way_to_names_that_could_not_be_told_apart(tmp_path):
    """In 80 columns: names keep 16 letters at least, the last columns are left out, and it is said which."""
    console = Console(width=80, file=StringIO(), force_terminal=True, no_color=True, color_system=None)
    rows = [record(f"A row with a long name {n}", metrics=METRICS) for n in (1, 2)]
    text = printed(tmp_path, *rows, console=console)
    table, said = text.split("no room for: ")
    assert max(map(len, table.splitlines())) <= 80
    assert table.count("A row with a long…") == 2
    assert table.count("torch/dopri5/adjoi…") == 2
    assert "225,034" in table
    assert "1.2e-4" not in table
    assert said.startswith("compile s, overhead, memory MB, peak MB, gradient error; the report has them\n"), said


def test_long_names_give_way_to_figures():
    """Names as long as a line, and figures as large as can be: 120 columns still, and every figure is whole."""
    large = {
        "test_error": 0.98765, "parameters": 12_345_678_901, "nfe_forward": 123_456, "vjps": 234_567,
        "forward_s": 345.6, "forward_backward_s": 4567.8, "compile_s": 3456.7, "overhead": 1234.5,
        "memory_bytes": 9.87e11, "peak_growth_bytes": 8.76e11, "gradient_error": 1e-100,
    }  # fmt: skip
    text = rendered([record("A row with a name " * 10, "library/" + "solver" * 20 + "/gradient", metrics=large)])
    assert max(map(len, text.splitlines())) <= WIDTH
    for figure in ("98.8%", "12,345,678,901", "123,456/234,567", "345600", "4567800", "3456.7", "1234.50", "9.87e+05"):
        assert figure in text


def marks(records):
    return [{word for word in line.split() if word.startswith("*")} for line in rendered(records).splitlines()[2:]]


def test_the_best_of_each_column_is_marked_once_per_best_value():
    """The smallest, twice where two tie, never where being small is no merit or all are alike."""
    metrics = [METRICS, METRICS | {"forward_s": 0.01, "parameters": 1}, METRICS | {"test_error": 0.5, "overhead": 0.9}]
    marked = marks([record(f"r{i}", metrics=m) for i, m in enumerate(metrics)])
    assert len(marked) == 3
    assert marked == [{"*1.2%"}, {"*1.2%", "*10"}, {"*0.90"}]


def test_tasks_do_not_compete():
    """Each task has its own best, whatever the order of its rows."""
    of_task = [("a", 3.0), ("b", 1.0), ("a", 2.0), ("b", 4.0)]
    records = [record(f"r{i}", task=task, metrics={"overhead": x}) for i, (task, x) in enumerate(of_task)]
    assert marks(records) == [set(), {"*1.00"}, {"*2.00"}, set()]


def test_an_error_below_what_the_reference_can_tell_is_shown_as_that_bound():
    """And such errors tie: which of them is smaller, the reference cannot say."""
    errors = [(1e-9, 1e-7), (5e-9, 1e-7), (3e-7, 1e-7)]
    metrics = [{"gradient_error": e, "reference_gradient_agreement": limit} for e, limit in errors]
    text = rendered([record(f"r{i}", metrics=m) for i, m in enumerate(metrics)])
    assert [line.split()[2] for line in text.splitlines()[2:]] == ["*<1.0e-7", "*<1.0e-7", "3.0e-7"]


@pytest.mark.parametrize("value", [nan, inf, -inf, None])
def test_what_is_no_number_is_a_dash_and_never_best(value):
    """Missing, NaN or infinite: shown as a dash, and the best of the others is marked."""
    odd = {} if value is None else {"overhead": value}
    text = rendered([record("odd", metrics=odd), record("fine", metrics={"overhead": 3.0})])
    odd_line, fine_line = text.splitlines()[-2:]
    assert "–" in odd_line
    assert "*" not in odd_line
    assert "*3.00" in fine_line


def test_a_column_of_nothing_but_nan_marks_nothing():
    """There is no best of them."""
    assert "*" not in rendered([record(metrics={"overhead": nan})])


def test_a_second_figure_that_is_missing():
    """NFE without VJPs is shown with a dash for them."""
    assert "26/–" in rendered([record(metrics={"nfe_forward": 26})])


def test_columns_without_figures_are_left_out():
    """A run that measured one thing shows one thing; one whose cells all failed, their status."""
    assert [c.header for c in table([record(metrics={"overhead": 1.0})]).columns] == [
        "\nrow", "\nbackend", "over-\nhead", "\nstatus",
    ]  # fmt: skip
    assert "crashed" in rendered([record(status=CellStatus.crashed)])


def test_a_device_that_is_not_the_cpu_is_named():
    """Beside the backend."""
    assert "torch/dopri5/adjoint cuda" in rendered([record(device="cuda")])


def test_reasons_are_printed_as_they_are(tmp_path):
    """Markup characters, brackets and colons unharmed; one line for each cell that did not end well."""
    reason = "ValueError: [red]shapes[/red] [1, 2] and [/] differ :smile: in 'https://x'"
    name = "[bold]Row[/bold] [/]"
    text = printed(tmp_path, record(name, status=CellStatus.error, reason=reason), record("fine", metrics=METRICS))
    assert f"\n{name} torch/dopri5/adjoint: error: {reason}\n" in text
    assert text.count(name) == 2
    assert text.endswith(f"* best of its column on its task. Results: {tmp_path}\n")


def test_markup_is_harmless_on_a_terminal_too(tmp_path):
    """With colours."""
    console = Console(file=StringIO(), force_terminal=True, width=WIDTH, color_system="truecolor")
    text = printed(tmp_path, record("[/red]", status=CellStatus.oom, reason="[/x]"), console=console)
    assert "[/red] torch/dopri5/adjoint: oom: [/x]" in text


def test_a_run_without_records(tmp_path):
    """Says where it is, and no more."""
    assert printed(tmp_path) == f"no records yet\n* best of its column on its task. Results: {tmp_path}\n"


def test_every_format_copes_with_zero():
    """And with what is tiny or huge."""
    for column in COLUMNS:
        for value in (0, 0.0, 5e-324, 1e308):
            assert column.format(value)


def of_columns(tmp_path, metrics, columns):
    store = Store.create(tmp_path, "s", ASKED | {"columns": columns})
    return printed(store.folder, record(metrics=metrics))


def test_a_metric_of_the_tasks_own_is_a_column(tmp_path):
    """Named in two lines, with four digits, marked as best of nothing, as nobody says which end is the good one."""
    text = of_columns(tmp_path, {"test_rmse": 0.123456, "kl": 2.0, "loss": 1.0}, ["kl", "test_rmse"])
    assert re.search(r"test\s+status|kl +rmse", text)
    assert "0.1235" in text
    assert "*0.1235" not in text
    assert "columns of the suite" not in text


def test_a_column_that_nothing_gives_is_said_once(tmp_path):
    """With the nearest metric that there is; not of a pass that the preset does not make."""
    text = of_columns(tmp_path, {"test_rmse": 0.5}, ["test_rsme", "test_rmse", "peak_growth_bytes"])
    assert "columns of the suite that no cell has: 'test_rsme': did you mean 'test_rmse'? valid: test_rmse\n" in text
    assert text.count("test_rsme") == 1
