"""The page in a real browser, without a network: it asks for nothing, says no error, and answers to mouse and keys."""

from __future__ import annotations

import pytest

from odebench.report.document import Document
from odebench.report.html import html

expect = pytest.importorskip("playwright.sync_api", reason="playwright is not installed").expect
SUITES = ("mnist", "error_control")


def charts(opened, name):
    """A chart's section, once it is drawn."""
    section = opened.page.locator(".chart", has=opened.page.get_by_role("heading", name=name, exact=True))
    section.scroll_into_view_if_needed()
    section.locator("svg").first.wait_for()
    return section


def sees_all(opened):
    """Go through the page from top to bottom, so that everything is drawn."""
    for element in opened.page.locator("main > section, .chart").all():
        element.scroll_into_view_if_needed()
    expect(opened.page.locator(".drawing:empty")).to_have_count(0)


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize(("width", "scheme"), [(1300, "light"), (1300, "dark"), (390, "dark")])
def test_a_committed_run_opens(committed, open_page, suite, width, scheme):
    """Without a word on the console or a request beyond the file, wide and on a phone, and never wider than its
    window; in the dark it is dark."""
    opened = open_page(committed(suite), width, scheme)
    sees_all(opened)
    assert (opened.said, opened.elsewhere, opened.dialogs) == ([], [], [])
    assert opened.overflow <= 0
    red = opened.page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
    assert (int(red) < 60) == (scheme == "dark")


def test_a_column_sorts_by_its_numbers(committed, open_page):
    """Up, down and back, the figures that are missing at the end both times; the header says so to a screen reader."""
    opened = open_page(committed("mnist"))
    header = opened.page.locator("#cells thead th", has_text="overhead")
    before = opened.rows(11)
    found = []
    for direction in ("ascending", "descending", "none"):
        header.get_by_role("button").click()
        assert header.get_attribute("aria-sort") == direction
        found.append(opened.rows(11))
    figures = [float(word.removeprefix("★ ")) for word in before if word != "–"]
    missing = ["–"] * (len(before) - len(figures))
    plain = [[word.removeprefix("★ ") for word in column] for column in found]
    assert plain[0] == [f"{figure:.2f}" for figure in sorted(figures)] + missing
    assert plain[1] == [f"{figure:.2f}" for figure in sorted(figures, reverse=True)] + missing
    assert found[2] == before


def test_figures_sort_by_value_and_not_by_text(record, make_run, open_page):
    """10 after 9, though it comes before it in a dictionary; failed cells at the end."""
    cells = [record(i, metrics={"nfe_forward": n}) for i, n in enumerate((10.0, 9.0, 2000.0))]
    cells.insert(0, record(7, status="timeout", reason="too slow"))
    opened = open_page(html(Document([make_run(cells, columns=["nfe_forward"])])))
    opened.page.locator("#cells").get_by_role("button", name="NFE").click()
    assert [row.split("\t")[-1] for row in opened.rows()] == ["9/–", "10/–", "2,000/–", "too slow"]


def test_filters_narrow_the_table(committed, cells, open_page):
    """By words of a row, by status and by backend, together; what is left is counted, and one button clears."""
    opened = open_page(committed("error_control"))
    page = opened.page
    page.get_by_label("find").fill("lotka DOPRI8")
    assert 0 < len(opened.rows()) < cells("error_control")
    assert all("torch/dopri8" in row for row in opened.rows())
    page.locator(".controls").get_by_label("status").select_option("diverged")
    assert all("diverged" in row for row in opened.rows())
    n = len(opened.rows())
    assert page.locator("#shown").inner_text() == f"{n} of {cells('error_control')} cells"
    page.get_by_role("button", name="clear").click()
    assert len(opened.rows()) == cells("error_control")
    page.locator(".controls").get_by_label("backend").select_option("scipy/lsoda/autograd")
    assert {row.split("\t")[2] for row in opened.rows()} == {"scipy/lsoda/autograd"}
    page.get_by_label("find").fill("no such words")
    assert opened.rows() == []


@pytest.mark.parametrize("suite", SUITES)
def test_pointing_at_a_mark_shows_its_configuration(committed, open_page, suite):
    """The tip names the backend, its tolerance and its figures; away from all marks there is none."""
    opened = open_page(committed(suite))
    section = charts(opened, "Gradient error against evaluations")
    tip = opened.page.locator("#tip")
    expect(tip).to_be_hidden()
    section.locator("[aria-label=dot] path, [aria-label=dot] circle").first.hover(force=True)
    expect(tip).to_be_visible()
    words = tip.inner_text()
    assert "torch/dopri5" in words
    assert all(key in words for key in ("tolerance", "seed", "gradient"))
    section.get_by_role("heading").hover()
    expect(tip).to_be_hidden()


def test_the_keyboard_reaches_every_mark(committed, open_page):
    """One Tab a drawing; arrows go along a line and between lines, and the tip follows; Escape puts it away. The
    other lines fade meanwhile."""
    opened = open_page(committed("error_control"))
    section = charts(opened, "Error against evaluations")
    tip, ring = opened.page.locator("#tip"), section.locator(".cursor").nth(1)
    opened.page.locator("#legend button").last.focus()
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Tab")
    assert ring.evaluate("(ring) => ring === document.activeElement")
    expect(section.locator(".pointed [class^=line-]:not(.on)").first).to_have_css("opacity", "0.2")
    first = tip.inner_text()
    assert "ivp/lotka_volterra" in first
    seen = {first}
    for key in ("ArrowRight", "End", "ArrowDown", "Home"):
        opened.page.keyboard.press(key)
        seen.add(tip.inner_text())
    assert len(seen) >= 4
    assert "ivp/lotka_volterra" in ring.get_attribute("aria-label")
    opened.page.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_a_name_hides_its_backend_in_every_chart(committed, open_page):
    """And shows it again; the button says which."""
    opened = open_page(committed("mnist"))
    names = ("Gradient error against time", "Overhead: time over that of the evaluations alone")
    button = opened.page.locator("#legend").get_by_role("button", name="jax/dopri5/adjoint")
    for pressed, n in (("true", 4), ("false", 3), ("true", 4)):
        assert button.get_attribute("aria-pressed") == pressed
        for name in names:
            expect(charts(opened, name).locator("[aria-label=dot], [aria-label=bar]")).to_have_count(n)
        button.click()


def test_hostile_names_are_shown_and_not_run(hostile_run, hostile, open_page):
    """No dialog, no element out of a name, no request; long ones are folded and whole, and nothing widens the page."""
    for width in (1300, 390):
        opened = open_page(html(Document([hostile_run])), width)
        sees_all(opened)
        assert (opened.said, opened.elsewhere, opened.dialogs) == ([], [], [])
        assert (
            opened.page.evaluate("document.querySelectorAll('img, [onerror], [onmouseover], [autofocus]').length") == 0
        )
        assert opened.overflow <= 0
    tasks = opened.page.locator("#cells tbody td:first-child")
    shown = {words.split("…")[0] for words in tasks.all_inner_texts()}
    assert {hostile["script"], hostile["end"], hostile["emoji"]} <= shown
    (long,) = tasks.locator("details.long").all()[:1]
    assert hostile["long"].strip() in long.evaluate("(details) => details.textContent")
    opened.page.locator(".cursor").first.focus()
    expect(opened.page.locator("#tip")).to_be_visible()
    assert opened.dialogs == []


def test_a_large_run_is_shown_in_parts(record, make_run, open_page):
    """200 rows and six panels of each chart at first, all when asked; a filter looks through all."""
    cells = [record(i, f"t/{i // 40}", f"torch/s{i % 4}/adjoint", rtol=10.0 ** -(i % 10)) for i in range(400)]
    opened = open_page(html(Document([make_run(cells)])))
    page = opened.page
    assert len(opened.rows()) == 200
    page.get_by_label("find").fill("Row 399")
    assert len(opened.rows()) < 5
    assert any("Row 399" in row for row in opened.rows())
    page.get_by_label("find").fill("")
    page.get_by_role("button", name="show all 400").click()
    assert len(opened.rows()) == 400
    section = charts(opened, "Error against evaluations")
    assert section.locator(".panel").count() == 6
    section.get_by_role("button", name="show all 10 panels").click()
    assert section.locator(".panel").count() == 10
    assert opened.said == []


def test_on_paper(committed, cells, open_page):
    """Everything is visible: all charts drawn, all that folds unfolded, no control, and no table that scrolls."""
    opened = open_page(committed("error_control"))
    page = opened.page
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator(".drawing:empty").count() == 0
    assert page.locator("details:not([open])").count() == 0
    assert not any(page.locator(name).first.is_visible() for name in (".controls", ".contents", "#tip"))
    assert len(opened.rows()) == cells("error_control")
    assert page.locator(".box").evaluate_all("(boxes) => boxes.every((box) => box.clientHeight === box.scrollHeight)")
    buttons = page.locator("#cells thead button")
    assert (
        buttons.first.evaluate("(button) => getComputedStyle(button).display") == "contents"
    )  # the header is repeated
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")


def test_without_a_script_the_table_is_there(committed, cells, chromium, tmp_path):
    """All of it: it comes with the page."""
    file = tmp_path / "page.html"
    file.write_text(committed("mnist"))
    context = chromium.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert page.locator("#cells tbody tr:visible").count() == cells("mnist")
    expect(page.locator(".controls")).to_be_hidden()
    assert "drawn by the page's own script" in page.locator("noscript").inner_text()
    context.close()


def test_the_lines_of_nobody_are_seen_and_told_apart(committed, open_page):
    """As many evaluations backward as forward, and half as many: both within the axes, in two kinds of dashes."""
    section = charts(open_page(committed("mnist")), "Evaluations, backward against forward")
    section.scroll_into_view_if_needed()
    expect(section.locator("svg").first).to_be_visible()
    drawn = section.locator(".panel svg g[stroke-dasharray]").evaluate_all(
        "(marks) => marks.map((mark) => [mark.getAttribute('stroke-dasharray'), mark.getBBox().width > 100])"
    )
    assert len({dash for dash, _ in drawn}) == 2
    assert all(wide for _, wide in drawn)


def test_every_tick_says_its_figure(committed, open_page):
    """Be the axis of half a decade or of ten."""
    opened = open_page(committed("ivp"))
    for title in ("Error against evaluations", "Error against time", "Gradient error against time"):
        section = charts(opened, title)
        section.scroll_into_view_if_needed()
        expect(section.locator("svg").first).to_be_visible()
        ticks = section.locator("g[aria-label$='axis tick label'] text").all_text_contents()
        assert len(ticks) > 8
        assert all(ticks)


def test_lines_of_one_backend_are_told_apart(record, make_run, open_page):
    """By their markers, which a list below the panel names; a panel with a line a backend has no such list."""
    records = [record(i, options={"width": i // 2}, rtol=(1e-3, 1e-6)[i % 2]) for i in range(4)]
    records += [record(i, "t/two", f"l/s{i}/g") for i in (4, 5)]
    section = charts(open_page(html(Document([make_run(records)]))), "Error against evaluations")
    panels = section.locator(".panel")
    names = panels.first.locator(".guides li")
    assert names.all_inner_texts() == ["torch/dopri5/adjoint width=0", "torch/dopri5/adjoint width=1"]
    shapes = names.locator("path").evaluate_all("(paths) => paths.map((path) => path.getAttribute('d'))")
    assert len(set(shapes)) == 2
    assert panels.nth(1).locator(".guides").count() == 0
