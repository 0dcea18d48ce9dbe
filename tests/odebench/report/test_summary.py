"""The summary of a run as rows."""

from odebench.record import CellStatus
from odebench.report.columns import KNOWN, chosen
from odebench.report.summary import summary


def test_the_best_is_of_its_task_and_ended_well(cell):
    """Each task has its own; a failed cell competes for nothing; of a column where less is not better there is none."""
    records = [
        cell(metrics={"forward_s": 0.2, "vjps": 1.0}),
        cell(metrics={"forward_s": 0.1, "vjps": 2.0}),
        cell(metrics={"forward_s": 0.01}, status=CellStatus.diverged),
        cell(metrics={"forward_s": 9.0}, task="u"),
    ]
    found = summary(records, chosen(["forward_s", "vjps"]))
    assert [[figure.best for figure in row.figures] for row in found.rows] == [
        [False, False], [True, False], [False, False], [True, False],
    ]  # fmt: skip
    assert [row.figures[0].text for row in found.rows] == ["200", "100", "10", "9000"]
    assert [row.figures[1].value for row in found.rows] == [1.0, 2.0, None, None]


def test_no_rival_is_the_best_where_all_are_alike(cell):
    """A mark on every row says nothing; some that share the smallest figure are marked all, and so is who is alone."""
    values = {"t": (0.0, 0.0), "u": (1.0, 1.0, 2.0), "v": (3.0,)}
    records = [cell(metrics={"past_end": value}, task=task) for task, some in values.items() for value in some]
    marked = [row.figures[0].best for row in summary(records, chosen(["past_end"])).rows]
    assert marked == [False, False, True, True, False, True]


def test_columns_that_nothing_gives_are_left_out(cell):
    """And the accuracy is worth a column where there are several."""
    found = summary([cell(metrics={"vjps": 1.0})], chosen(["forward_s", "vjps"]))
    assert [column.title for column in found.columns] == ["VJPs"]
    assert not found.several_accuracies
    assert summary([cell(), cell(rtol=1e-6), cell(rtol=None)], []).several_accuracies


def test_an_error_below_its_references_agreement_is_said_to_be(cell):
    """And competes as that."""
    metrics = {"gradient_error": 1e-12, "reference_gradient_agreement": 1e-9}
    (row,) = summary([cell(metrics=metrics)], chosen(["gradient_error"])).rows
    assert (row.figures[0].text, row.figures[0].value) == ("<1.0e-9", 1e-9)


def test_every_title_has_its_heading_on_a_line():
    """No two of them alike, and no word is left in halves."""
    headings = [column.heading for column in KNOWN.values()]
    assert len(set(headings)) == len(headings)
    assert not any("\n" in heading or "- " in heading for heading in headings)
    assert KNOWN["reconstruction_error"].heading == "reconstruction"
    assert chosen(["test_rmse"])[0].heading == "test rmse"
