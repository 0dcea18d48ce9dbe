"""What a report holds, before anybody decides how it looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from odebench.descriptors import Figure as Described
from odebench.report import pictures
from odebench.report.document import SVG_LIMIT, Document
from odebench.stored import read_run

RESULTS = Path(__file__).parents[3] / "results"


@pytest.fixture
def events():
    return read_run(RESULTS / "events" / "reference-quick-cpu")


@pytest.fixture
def picture(events, monkeypatch):
    """The picture of a run whose suite's plugin draws it by a function."""

    def of(draw, *runs):
        described = Described(name="own/one", title="its title", code="own:one", tasks="*", provider="own")
        monkeypatch.setattr(Described, "load", lambda self: draw)
        monkeypatch.setattr(pictures, "_figures", lambda store: {"own/one": described})
        return Document([events, *runs]).pictures

    return of


def points(n):
    def draw(records, outputs):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.subplots().plot(range(n), [i % 7 for i in range(n)], "o")
        return figure

    return draw


def test_a_picture_is_a_vector_until_it_is_a_cloud(picture):
    """Thousands of points are stored as pixels."""
    (few,), (many,) = picture(points(5)), picture(points(9000))
    assert few.source.startswith("data:image/svg+xml;base64,")
    assert many.source.startswith("data:image/png;base64,")
    assert len(many.source) < SVG_LIMIT


def test_a_picture_that_fails_says_why(picture):
    """In the plugin's code, or only when it is written, as with a formula that is none."""

    def formula(records, outputs):
        figure = points(3)(records, outputs)
        figure.axes[0].set_title("$\\nosuch$")
        return figure

    (found,) = picture(lambda records, outputs: 1 / 0)
    assert found.source == ""
    assert "ZeroDivisionError: division by zero" in found.reason
    (found,) = picture(formula)
    assert found.source == ""
    assert "nosuch" in found.reason


def test_a_title_says_whose_picture_it_is_where_there_are_several_runs(picture):
    """And not where there is one."""
    other = read_run(RESULTS / "mnist" / "reference-quick-cpu")
    assert [one.title for one in picture(points(3))] == ["its title"]
    titles = [one.title for one in picture(points(3), other)]
    assert titles == ["its title (events/reference-quick-cpu)", "its title (mnist/reference-quick-cpu)"]


def test_only_claims_that_the_runs_have_something_to_say_to(events):
    """Those of their suites and presets, judged by these runs alone."""
    claims = Document([events]).claims
    assert claims
    assert {one.filed.suite for one in claims} == {"events"}
    assert {row.run for one in claims for row in one.rows if row.run} == {str(events.folder)}
