"""Charts as the page's script reads them."""

from __future__ import annotations

import json
import math

from hypothesis import given
from hypothesis import strategies as st

from odebench.report.charts.model import Bar, BarChart, BarPanel, Chart, Guide, Line, Panel, Part, Point
from odebench.report.html.charts import plain
from odebench.report.palette import styles

STYLES = styles(["a", "b"])


def chart(points, **more):
    return Chart("c", "C", "x", "y", [Panel("task", [Line("a", "a 1e-3", points)])], **more)


def said(data, line, i):
    """What the script shows of a line's point: as its function ``about`` does."""
    words, about = data["words"], line["about"]
    flat = data["cells"][about[i]] if isinstance(about, list) else about["all"]
    pairs = {words[key]: words[word] for key, word in zip(flat[::2], flat[1::2], strict=True)}
    each = {} if isinstance(about, list) else about["each"]
    return pairs | {words[int(key)]: words[column[i]] for key, column in each.items() if column[i] >= 0}


abouts = st.lists(st.dictionaries(st.sampled_from("abcd"), st.text(max_size=3), max_size=4), min_size=1, max_size=5)


@given(abouts, st.booleans())
def test_nothing_that_is_said_of_a_point_is_lost(found, twice):
    """Whether its cell is in one chart, where what points share is said once a line, or in two, where a cell is."""
    one = chart([Point(i + 1, 1, about) for i, about in enumerate(found)])
    data = json.loads(json.dumps(plain([one, one] if twice else [one], STYLES)))
    line = data["charts"][0]["panels"][0]["lines"][0]
    assert [said(data, line, i) for i in range(len(found))] == found
    assert len(data["words"]) == len(set(data["words"]))
    assert bool(data["cells"]) == twice


def test_only_what_an_axis_can_show():
    """No infinity, and nothing that has no logarithm; its configuration goes with it."""
    values = [(1, 1), (0, 1), (1, -1), (math.nan, 1), (1, math.inf)]
    points = [Point(x, y, {"n": str(i)}) for i, (x, y) in enumerate(values)]
    log, linear = (plain([chart(points, log_x=log, log_y=log)], STYLES) for log in (True, False))
    line = log["charts"][0]["panels"][0]["lines"][0]
    assert (line["x"], line["y"], said(log, line, 0)) == ([1], [1], {"n": "0"})
    assert linear["charts"][0]["panels"][0]["lines"][0]["y"] == [1, 1, -1]


def test_a_line_without_a_point_is_no_error():
    """All of its points may be none that an axis can show."""
    data = plain([chart([Point(0, 1, {})])], STYLES)
    assert data["charts"][0]["panels"][0]["lines"][0]["x"] == []


def test_bars_and_guides():
    """An unknown interval is null, which JSON knows; a guide says whose it is, or -1."""
    bars = BarChart("b", "B", "s", [BarPanel("task", [Bar("b", "b", [Part("p", 2.5, math.nan, math.nan)], {})])], 1.0)
    lines = Chart("c", "C", "x", "y", [Panel("t", [], [Guide("g", 2.0, 1.0), Guide("h", 2.0, 1.0, "b", (1, 2), "n")])])
    data = json.loads(json.dumps(plain([bars, lines], STYLES), allow_nan=False))
    words = data["words"]
    (bar,) = data["charts"][0]["panels"][0]["bars"]
    assert data["charts"][0]["byPart"] is False
    assert (data["charts"][0]["limit"], bar["backend"], bar["parts"]) == (1, 1, [[words.index("p"), 2.5, None, None]])
    guides = data["charts"][1]["panels"][0]["guides"]
    assert [(guide["backend"], guide["span"]) for guide in guides] == [(-1, None), (1, [1, 2])]
    assert [words[place] for place, *_ in data["backends"]] == ["a", "b"]
