"""The documentation's blocks, and a place like a checkout to run them in.

The convention, which a reader sees: blocks of ``sh`` and ``python`` are run, page by page, from top to bottom. A block
whose first line is a comment with a file's name is that file. ``text`` is what the block before it prints, where ``…``
is anything, on a line of its own any lines. What is not run says why: ``# not run here: REASON``, after a command or as
the first line of its block. Such commands, and those of ``make``, are held against what there is.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from odebench.cli import cli

REPOSITORY = Path(__file__).parents[2]
NOT_RUN = re.compile(r"# not run here: \w.*")
FENCE = re.compile(r"^( *)```(\S*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w./-]+\.\w+)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    :param line: of the page, where its text begins.
    """

    line: int
    language: str
    text: str

    @property
    def file(self) -> str:
        """The file that it is; empty where it is none."""
        found = FILE.fullmatch(self.text.partition("\n")[0])
        return found[1] if found else ""

    @property
    def run(self) -> str:
        """The part of it that is run; empty where none is."""
        if NOT_RUN.match(self.text):
            return ""
        lines = self.text.splitlines(keepends=True)
        return "".join(line for line in lines if not (NOT_RUN.search(line) or line.startswith("make ")))


def pages() -> list[Path]:
    return [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in FENCE.finditer(text):
        indent, language, body = fence.groups()
        line = text[: fence.start(3)].count("\n") + 1
        found.append(Block(line, language, re.sub(rf"^{indent}", "", body, flags=re.MULTILINE)))
    return found


def commands(script: str, name: str) -> Iterator[list[str]]:
    """The words that follow the name of a command, wherever a shell script calls it."""
    for line in script.replace("\\\n", " ").splitlines():
        called = re.search(rf"(?:^|[|&;!]|=\S*)\s*{name}\s", line)
        words = shlex.split(line, comments=True) if called else []
        for i, word in enumerate(words):
            if word == name and (i == 0 or words[i - 1] in ("|", "&&", "||", ";", "!") or "=" in words[i - 1]):
                following = words[i + 1 :]
                ends = [j for j, w in enumerate(following) if w in ("|", "&&", "||", ";", ">", ">>", "2>&1")]
                yield following[: min(ends, default=len(following))]


def parse(words: list[str]) -> None:
    """Have our command line read a command without doing it.

    :raises click.UsageError: where it is none of ours.
    """
    command: click.Command = cli
    context = click.Context(cli)
    while isinstance(command, click.Group):
        name, found, words = command.resolve_command(context, words)
        assert found is not None
        command, context = found, click.Context(found, parent=context, info_name=name)
    command.parse_args(context, list(words))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "page" in metafunc.fixturenames:
        metafunc.parametrize("page", pages(), ids=lambda page: str(page.relative_to(REPOSITORY)))


@pytest.fixture
def blocks_of():
    return blocks


@pytest.fixture
def commands_of():
    return commands


@pytest.fixture
def read_command():
    return parse


@pytest.fixture(scope="session")
def repository():
    return REPOSITORY


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """The suites, the committed runs and, as ``results/SUITE/RUN``, one of each suite; all in a git repository with a
    branch ``main``. Nothing that is written there is written here."""
    place = tmp_path_factory.mktemp("place")
    (place / "suites").mkdir()
    for folder in REPOSITORY.glob("suites/*/__init__.py"):
        (place / "suites" / folder.parent.name).symlink_to(folder.parent)
    for run in REPOSITORY.glob("results/*/reference-*"):
        shutil.copytree(run, place / run.relative_to(REPOSITORY), ignore=shutil.ignore_patterns("logs", "checkpoints"))
    git = ["git", "-c", "user.name=docs", "-c", "user.email=docs@example.org", "-C", str(place)]
    for line in ("init --quiet --initial-branch main", "add results", "commit --quiet --message runs"):
        subprocess.run([*git, *line.split()], check=True)
    for suite in (place / "results").iterdir():
        first, *_ = sorted(suite.glob("reference-quick-*")) or sorted(suite.glob("reference-*"))
        first.rename(suite / "RUN")
        shutil.copytree(suite / "RUN", first)
    return place
