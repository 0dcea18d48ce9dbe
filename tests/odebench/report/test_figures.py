"""Charts drawn by matplotlib."""

import pytest

from odebench.errors import UserError
from odebench.report.charts.model import Bar, BarChart, BarPanel, Chart, Guide, Line, Panel, Part, Point
from odebench.report.figure_bars import draw_bars
from odebench.report.figure_lines import draw_lines
from odebench.report.figures import draw, look, paler, written
from odebench.report.palette import styles

BACKENDS = [f"library/solver{i}/adjoint" for i in range(40)]
HOSTILE = ["$\\frac$", "$", "_x", "<b>&/é/c", "a\nb\tc", "\0\ud800", "😀", "x" * 10_000, "", " ", "^{", "\\"]


def line(backend, name="", factor=1.0):
    return Line(backend, name or backend, [Point(x, factor / x, {}) for x in (10.0, 20.0, 400.0)])


def chart(*panels, **changes):
    return Chart("c", "A title", "steps", "error", panels, **changes)


def words(figure):
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def bars(*panels, limit=None):
    return BarChart("b", "A title", "milliseconds", panels, limit)


def bar(backend, value=1.0):
    return Bar(backend, backend, [Part("forward", value, 0.9, 1.2), Part("backward", 2.0, float("nan"), 2.0)], {})


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_same_chart_makes_the_same_file(tmp_path, ending):
    """A picture that is committed changes with the records alone."""
    found = chart(Panel("t", [line(name) for name in BACKENDS[:3]], [Guide("half", 0.5, 1.0)]))
    for one in (found, bars(BarPanel("t", [bar(BACKENDS[0])]), limit=1.0)):
        files = [tmp_path / f"{i}.{ending}" for i in range(2)]
        for file in files:
            draw(one, styles(BACKENDS), file)
        assert files[0].read_bytes() == files[1].read_bytes()
        assert files[0].stat().st_size > 1000


def test_what_cannot_be_written_is_said(tmp_path):
    """A format that is none, no format, no such folder."""
    found = chart(Panel("t", [line(BACKENDS[0])]))
    for name, message in (("x.docx", r"x\.docx"), ("x", "its ending says"), ("absent/x.svg", "No such file")):
        with pytest.raises(UserError, match=message):
            draw(found, styles(BACKENDS), tmp_path / name)


def test_a_backend_keeps_its_colour_whatever_else_is_shown():
    """Its marker, too; a second line of it is paler, with another marker."""
    known = styles(BACKENDS)
    backend = BACKENDS[9]
    alone = draw_lines(chart(Panel("t", [line(backend), line(backend, "wide", 2.0)])), known).axes[0].lines
    among = draw_lines(chart(Panel("t", [line(name) for name in BACKENDS[5:12]])), known).axes[0].lines
    assert (alone[0].get_color(), alone[0].get_marker()) == (among[4].get_color(), among[4].get_marker())
    assert alone[0].get_color() == look(known[backend])["color"]
    assert alone[1].get_color() == paler(look(known[backend])["color"], 0.35)
    assert alone[0].get_marker() != alone[1].get_marker()


def test_the_first_forty_backends_are_told_apart():
    """By colour, marker and dash together."""
    looks = [look(style) for style in styles(BACKENDS).values()]
    assert len({tuple(sorted(one.items())) for one in looks}) == len(BACKENDS)


def test_a_legend_of_forty_backends_leaves_the_picture_its_room():
    """It stands below a panel as large as without it, and names each once however many lines it has."""
    few = draw_lines(chart(Panel("t", [line(BACKENDS[0])])), styles(BACKENDS))
    many = [line(name, f"{name} width={width}") for name in BACKENDS for width in (8, 16)]
    picture = draw_lines(chart(Panel("t", many)), styles(BACKENDS))
    assert words(picture) == BACKENDS
    sizes = []
    for figure in (few, picture):
        figure.draw_without_rendering()
        sizes.append(figure.axes[0].get_position().height * figure.get_figheight())
    assert sizes[1] > 0.9 * sizes[0]


def test_what_is_too_much_is_left_out_and_said():
    """Panels, names of backends, bars."""
    backends = [f"b{i}" for i in range(70)]
    picture = draw_lines(chart(*(Panel(f"t{i}", [line(b) for b in backends]) for i in range(14))), styles(backends))
    assert len(picture.axes) == 12
    assert "12 of 14 tasks are shown" in picture.get_suptitle()
    assert words(picture)[-1] == "and 10 more"
    picture = draw_bars(bars(*(BarPanel(f"t{i}", [bar(b) for b in backends]) for i in range(14))), styles(backends))
    assert "12 of 14 tasks are shown" in picture.get_suptitle()
    assert picture.axes[0].get_title() == "t0 (10 of 70 cells)"


def test_a_power_law_is_drawn_along_its_points_alone():
    """From the first to the last, with its exponent in the panel's legend; the points are not joined besides."""
    guide = Guide("a: ∝ steps^-1.00", 1.0, -1.0, BACKENDS[0], (20.0, 400.0), BACKENDS[0])
    (ax,) = draw_lines(chart(Panel("t", [line(BACKENDS[0])], [guide]), joined=False), styles(BACKENDS)).axes
    points, law = ax.lines
    assert points.get_linestyle() == "None"
    assert (law.get_xdata()[0], law.get_xdata()[-1]) == (pytest.approx(20), pytest.approx(400))
    assert law.get_ydata()[-1] == pytest.approx(1 / 400)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["∝ x^-1.00"]


def test_parts_have_colours_of_their_own_where_a_chart_says_so():
    """The same in every bar and in the legend, whatever parts a bar has; of a backend's colour there is none."""
    names = [f"part {i}" for i in range(6)]
    whole = Bar(BACKENDS[3], "whole", [Part(name, 1.0, float("nan"), float("nan")) for name in names], {})
    short = Bar(BACKENDS[4], "short", [whole.parts[0], whole.parts[5]], {})
    found = BarChart("b", "A title", "x", [BarPanel("t", [whole, short])], 1.0, by_part=True)
    picture = draw_bars(found, styles(BACKENDS))
    colours = [patch.get_facecolor() for patch in picture.axes[0].patches]
    assert len(set(colours[:6])) == 6
    assert colours[6:] == [colours[0], colours[5]]
    assert [patch.get_facecolor() for patch in picture.legends[0].get_patches()] == colours[:6]
    assert words(picture) == names


def test_bars_are_stacked_with_their_intervals():
    """Each part begins where the one before it ends; an interval that is not known is not drawn."""
    (ax,) = draw_bars(bars(BarPanel("t", [bar(BACKENDS[0], 3.0)]), limit=1.0), styles(BACKENDS)).axes
    assert [(p.get_x(), p.get_width()) for p in ax.patches] == [(0.0, 3.0), (3.0, 2.0)]
    interval, limit = ax.lines
    assert list(interval.get_xdata()) == [0.9, 1.2]
    assert list(limit.get_xdata()) == [1.0, 1.0]


@pytest.mark.parametrize("span", [(1.0, 1.0), (14.0, 22.0), (3.0, 90.0), (1e-12, 1e12), (1e-200, 1e200), (2e5, 3e5)])
def test_axes_of_any_span_have_numbers(tmp_path, span):
    """Of a point, of less than a decade, of hundreds."""
    found = Line("b", "b", [Point(x, x, {}) for x in span])
    (ax,) = draw_lines(chart(Panel("t", [found])), styles(["b"])).axes
    ax.figure.draw_without_rendering()
    low, high = ax.get_xlim()
    assert any(
        low <= tick <= high and label.get_text()
        for tick, label in zip(ax.get_xticks(), ax.get_xticklabels(), strict=True)
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_text_whatever_they_hold(tmp_path, name):
    """No letter is a command, none breaks the file, and a long name is shortened."""
    for i, one in enumerate((chart(Panel(name, [line(name)])), bars(BarPanel(name, [bar(name)])))):
        file = tmp_path / f"{i}.svg"
        draw(one, styles([name]), file)
        assert file.read_text(encoding="utf-8").rstrip().endswith("</svg>")
    assert len(written(name)) <= 62
