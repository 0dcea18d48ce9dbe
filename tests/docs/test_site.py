"""The site is built, and leaves nothing out."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import click
import pytest

from odebench.cli import cli
from odebench.suite import Fit, Matrix, Preset, Reference, Rivals, Row, Suite

pytest.importorskip("sphinx", reason="pip install 'odebench[docs]'")
pytest.importorskip("myst_parser", reason="pip install 'odebench[docs]'")
pytest.importorskip("furo", reason="pip install 'odebench[docs]'")
pytest.importorskip("sphinx_click", reason="pip install 'odebench[docs]'")


@pytest.fixture(scope="session")
def site(repository, tmp_path_factory):
    """The site, built as Read the Docs builds it, with a network that leads nowhere."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", str(folder / "trees")]
    nowhere = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin"}
    command += ["docs", str(folder / "html")]
    built = subprocess.run(command, cwd=repository, env=nowhere, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    return folder / "html"


def test_nothing_is_fetched(site):
    """No page loads anything from elsewhere: it can be read without a network."""
    loaded = re.compile(r"""<(?:script|img|iframe|source)[^>]*\bsrc=["'](?:https?:)?//|<link[^>]*stylesheet[^>]*//""")
    for page in site.rglob("*.html"):
        assert not loaded.search(page.read_text(encoding="utf-8")), page.name


def test_every_command_has_its_place(site):
    """The command line's reference has each command and each of its options, as click knows them."""
    text = (site / "reference" / "cli.html").read_text(encoding="utf-8")

    def look(command: click.Command, path: str) -> None:
        for parameter in command.params:
            for option in parameter.opts if isinstance(parameter, click.Option) else ():
                if option.startswith("--"):
                    assert f'id="cmdoption-{path}-{option.lstrip("-")}"' in text or option == "--help", (path, option)
        if isinstance(command, click.Group):
            for name, inner in command.commands.items():
                assert f'id="{path}-{name}"' in text, name
                look(inner, f"{path}-{name}")

    look(cli, "odebench")


@pytest.mark.parametrize(
    "model", [Suite, Matrix, Preset, Reference, Row, Fit, Rivals], ids=lambda model: model.__name__
)
def test_every_key_of_a_suite(site, model):
    """So has that of ``suite.toml`` each key."""
    text = (site / "reference" / "suite-toml.html").read_text(encoding="utf-8")
    for name in model.model_fields:
        assert f'<span class="pre">{name}</span>' in text, name


def test_every_suite_has_a_page(repository):
    """A suite that has a README is on the site."""
    known = {file.parent.name for file in repository.glob("suites/*/suite.toml")}
    assert {file.stem for file in (repository / "docs" / "suites").glob("*.md")} == known


def test_every_metric_is_explained(repository):
    """What any committed run has is in the metrics' reference, or in its own suite's README."""
    common = (repository / "docs" / "reference" / "metrics.md").read_text(encoding="utf-8")
    missing = set()
    for records in repository.glob("results/*/reference-*/records.jsonl"):
        suite = records.parts[-3]
        readme = repository / "suites" / suite / "README.md"
        text = common + (readme.read_text(encoding="utf-8") if readme.exists() else "")
        names = {name for line in records.read_text().splitlines() for name in json.loads(line)["metrics"]}
        missing |= {f"{suite}: {name}" for name in names if not _explained(name, text)}
    assert missing == set()


def _explained(name, text):
    """By its name, or by what its name begins or ends with, where that is explained for many."""
    first, last = name.partition("_")[0], name.rpartition("_")[2]
    whole = re.sub(r"(_error)_(y0|t0|t1|times|parameters)$", r"\1", name)
    parts = (f"`{first}_`", f"`_{last}`", *(f"`…{name[i:]}`" for i in range(len(name)) if name[i] == "_"))
    return (
        re.search(rf"\b{whole}\b", text) is not None
        or any(part in text for part in parts)
        or re.fullmatch(r"reference_\w+_agreement\w*", name) is not None
    )
