"""A browser without a network, runs made for the page, and the committed ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from odebench.record import CellStatus, Record
from odebench.report.document import Document
from odebench.report.html import html
from odebench.store import Store
from odebench.stored import read_run

ROOT = Path(__file__).parents[4]
HOSTILE = {
    "script": "<script>alert('script')</script>",
    "end": "</script></title></style><img src=x onerror=alert('end')>",
    "attribute": """ x" onmouseover="alert('attribute')" ' autofocus onfocus='alert(1)""",
    "template": "{{ 7 * 7 }}{% raw %}${alert(1)}",
    "long": "<b>" + "long " * 2000,
    "emoji": "🧮 solver 👩🏽‍🔬",
    "reversed": "\u202egnp.exe\u202c \u2067rtl\u2069 \u200f",
    "surrogate": "half \ud83d of a pair, and a \x00 and a \x1b[31m",
}


@pytest.fixture(scope="session")
def chromium():
    """The system's own Chromium, through playwright."""
    executable = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chromium-browser"))), None)
    if executable is None:
        pytest.skip("there is no chromium on the PATH")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


class Opened:
    """A page in the browser, with all that it said and asked for."""

    def __init__(self, page):
        self.page = page
        self.said, self.asked, self.dialogs = [], [], []
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("dialog", lambda dialog: (self.dialogs.append(dialog.message), dialog.dismiss()))

    @property
    def elsewhere(self):
        """The requests for anything but the file and what is in it."""
        return [url for url in self.asked if url != self.page.url.partition("#")[0] and not url.startswith("data:")]

    @property
    def overflow(self):
        """By how many pixels the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")

    def rows(self, column=None):
        """The texts of the summary's visible rows, or of one of their cells."""
        rows = self.page.locator("#cells tbody tr:visible")
        return (rows if column is None else rows.locator(f":nth-child({column})")).all_inner_texts()


@pytest.fixture
def open_page(chromium, tmp_path):
    """Open a text, or a file, as a page: offline, in a window of a width, in the light or in the dark."""
    contexts = []

    def opened(text, width=1300, scheme="light"):
        file = text
        if isinstance(text, str):
            file = tmp_path / f"page-{len(contexts)}.html"
            file.write_text(text, encoding="utf-8", errors="replace")
        context = chromium.new_context(offline=True, viewport={"width": width, "height": 900}, color_scheme=scheme)
        contexts.append(context)
        found = Opened(context.new_page())
        found.page.goto(file.as_uri())
        return found

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def committed():
    """The page of a committed run, by its suite."""
    pages = {}

    def page(suite):
        if suite not in pages:
            pages[suite] = html(Document([read_run(ROOT / "results" / suite / "reference-quick-cpu")]))
        return pages[suite]

    return page


@pytest.fixture
def cells():
    """How many cells the quick run that is committed of a suite has."""
    return lambda suite: len(read_run(ROOT / "results" / suite / "reference-quick-cpu").records)


@pytest.fixture
def record():
    def make(i, task="t/one", backend="torch/dopri5/adjoint", status=CellStatus.ok, reason="", metrics=None, **more):
        config = {
            "suite": "s", "task": task, "backend": backend, "framework": "torch", "library": "torch",
            "solver": "dopri5", "gradient": "adjoint", "device": "cpu", "dtype": "float64", "rtol": 1e-3, "atol": 1e-6,
            "num_steps": None, "seed": 0, "options": {}, "solve": {},
        }  # fmt: skip
        figures = {"nfe_forward": 10.0 + i, "forward_s": 0.1 / (i + 1), "forward_error": 0.1 / (i + 1) ** 2}
        found = figures if metrics is None else metrics
        return Record(config | more, f"{i:012x}", f"Row {i}", status, reason, metrics=found if status == "ok" else {})

    return make


@pytest.fixture
def make_run(tmp_path):
    """Write a run, and read it again."""

    def make(records, name="made", environment=None, **request):
        folder = tmp_path / name
        folder.mkdir()
        asked = {"suite": "suites/s", "preset": "quick", "plugins": [], "strict": False, "selection": {}}
        asked |= {"cells": len(records), "command": ["odebench", "run", "suites/s"]}
        (folder / "run.json").write_text(json.dumps(asked | request))
        (folder / "environment.json").write_text(json.dumps(environment or {"cpu": "a processor"}))
        (folder / "records.jsonl").write_text("".join(json.dumps(record.to_dict()) + "\n" for record in records))
        return read_run(Store(folder).folder)

    return make


@pytest.fixture(scope="session")
def hostile():
    return HOSTILE


@pytest.fixture
def hostile_run(record, make_run):
    """What no name should be, wherever there is room for one."""
    records = []
    for i, text in enumerate(HOSTILE.values()):
        figures = {"nfe_forward": 3 + i, "forward_error": 0.1 / (i + 1), text: 0.5}
        records.append(record(i, text, f"a/{text}/b", options={text: text}, metrics=figures))
        records[-1].row = text
        records.append(record(100 + i, text, text, CellStatus.error, text))
    texts = list(HOSTILE.values())
    places = {"columns": ["nfe_forward", *texts], "command": texts, "preset": texts[1], "suite": texts[0]}
    return make_run(records, environment={"cpu": texts[1], texts[0]: texts, "packages": {texts[1]: texts[2]}}, **places)
