"""The documentation is true: its commands and snippets are run as they stand there, and print what it says."""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest


def test_blocks(page, blocks_of, place, monkeypatch):
    """Every block of a page, in order: a file is written, what is shell or Python is run, and prints what is shown."""
    pytest.importorskip("torch")
    pytest.importorskip("jax")
    monkeypatch.chdir(place)
    names: dict[str, object] = {"__name__": "page"}
    printed = None
    for block in blocks_of(page):
        if block.language == "text":
            assert printed is not None, f"line {block.line}: of what is this the output?"
            assert _expected(block.text).fullmatch(printed), f"line {block.line} shows:\n{block.text}\nbut:\n{printed}"
        elif block.file:
            Path(block.file).parent.mkdir(parents=True, exist_ok=True)
            Path(block.file).write_text(block.text, encoding="utf-8")
        elif block.run and block.language == "sh":
            printed = _shell(block.run, block.line)
        elif block.run and block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.run, f"{page.name}, block at line {block.line}", "exec"), names)  # noqa: S102
            printed = out.getvalue()


def _shell(script: str, line: int) -> str:
    """What it prints; it must end with 0."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}
    bash = ["/bin/bash", "-euo", "pipefail", "-c", script]
    ended = subprocess.run(bash, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, f"line {line}: {script}\nended with {ended.returncode}:\n{ended.stdout}{ended.stderr}"
    return ended.stdout


def _expected(shown: str) -> re.Pattern[str]:
    """Runs of blanks are one; ``…`` is anything in a line, and on a line of its own any lines."""
    pattern = ""
    for line in shown.strip("\n").splitlines():
        words = [".*".join(map(re.escape, word.split("…"))) for word in line.split()]
        pattern += r"(?:.*\n)*?" if words == [".*"] else rf" *{' +'.join(words)} *\n"
    return re.compile(pattern)


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        ("a  b", "a b\n", True),
        ("a b", "a c\n", False),
        ("a … c", "a b b c\n", True),
        ("a\n…\nz", "a\nb\nc\nz\n", True),
        ("a\n…\nz", "a\nb\nc\n", False),
        ("a", "a\nb\n", False),
        ("1.5*", "1.5*\n", True),
    ],
)
def test_what_a_page_shows(shown, printed, fits):
    """An ellipsis stands for anything, and nothing else does."""
    assert bool(_expected(shown).fullmatch(printed)) is fits


def test_commands_that_are_not_run(page, blocks_of, commands_of, read_command, repository):
    """They have the options that they are shown with, and make has its targets."""
    makefile = (repository / "Makefile").read_text()
    for block in blocks_of(page):
        if block.language != "sh":
            continue
        for words in commands_of(block.text, "odebench"):
            _read(words, read_command, block.line)
        for target, *_ in commands_of(block.text, "make"):
            assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"line {block.line}: make {target}"


def test_commands_of_the_suites(repository, commands_of, read_command):
    """Those of the suites' own READMEs, which the site includes."""
    for file in repository.glob("suites/*/README.md"):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.lstrip().startswith("odebench "):
                for words in commands_of(line, "odebench"):
                    _read(words, read_command, f"{file.parent.name}/README.md: {number}")


def _read(words, read_command, where):
    try:
        read_command(words)
    except click.ClickException as error:
        pytest.fail(f"{where}: odebench {' '.join(words)}: {error.format_message()}")
