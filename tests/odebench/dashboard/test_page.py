"""The published dashboard in a browser that has no network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import asv
import pytest
from click.testing import CliRunner

from odebench.cli.asv import asv as command
from odebench.dashboard.offline import LOCAL, VENDOR, make_local
from tests.odebench.dashboard.conftest import History, record


def test_every_url_of_the_page_has_a_copy(tmp_path: Path) -> None:
    """What the installed asv's page loads is all here, whole; nothing is left in it that needs a network."""
    shutil.copy(Path(asv.__file__).parent / "www" / "index.html", tmp_path)
    assert make_local(tmp_path) == []
    page = (tmp_path / "index.html").read_text()
    assert not re.findall(r'(?:src|href)="https?://[^"]+\.(?:js|css)', page)
    assert set(re.findall(r'"vendor/([^"]+)"', page)) == set(LOCAL.values())
    assert set(LOCAL.values()) == {p.name for p in VENDOR.iterdir() if p.suffix in (".js", ".css")}
    assert all((tmp_path / "vendor" / name).stat().st_size > 1000 for name in LOCAL.values())


def test_a_url_without_a_copy_is_named(tmp_path: Path) -> None:
    """A page of another asv works as far as it did before."""
    text = '<script src="https://example.org/new.js" integrity="x"></script>'
    (tmp_path / "index.html").write_text(text)
    assert make_local(tmp_path) == ["https://example.org/new.js"]
    assert (tmp_path / "index.html").read_text() == text


@pytest.fixture
def published(history: History) -> Iterator[str]:
    """A dashboard of 12 commits, the last four of which take more evaluations, as it is served."""
    runs = [history.run(record(metrics={"nfe_forward": n}), commit=history.commit()) for n in [20] * 8 + [30] * 4]
    CliRunner().invoke(command, ["export", *(str(run.folder) for run in runs)], catch_exceptions=False)
    subprocess.run([sys.executable, "-m", "asv", "publish"], check=True, capture_output=True)

    class Quiet(SimpleHTTPRequestHandler):
        def log_request(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory="html"))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_page_shows_a_series(published: str) -> None:
    """Without a network and without an error: the grid, the list with its value, and a line through every commit."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(published) else wrong.append(request.url))
        page.goto(published)
        page.wait_for_selector("#summarygrid-display .benchmark-text", state="attached")
        page.goto(f"{published}#/summarylist")
        page.wait_for_selector("text=30.0 evaluations")
        page.click("th:has-text('Value')")
        page.goto(f"{published}#/regressions")
        page.wait_for_selector("#regressions-display >> text=s.spiral.nfe_forward")
        page.goto(f"{published}#s.spiral.nfe_forward")
        page.wait_for_selector("#main-graph canvas")
        page.wait_for_function("$('#main-graph').data('plot') && $('#main-graph').data('plot').getData().length")
        series = page.evaluate("$('#main-graph').data('plot').getData().map(s => s.data)")
        browser.close()
    assert wrong == []
    assert [y for _, y in series[0]] == [20] * 8 + [30] * 4, json.dumps(series)
