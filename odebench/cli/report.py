"""``odebench report``: everything that stored runs have to show, as a page or as text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odebench.errors import UserError

if TYPE_CHECKING:
    from odebench.report.document import Document
    from odebench.stored import StoredRun

FORMATS = ("html", "markdown", "latex", "csv")
PAGE = "report.html"


@click.command()
@click.argument("runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN...")
@click.option("--format", "form", type=click.Choice(FORMATS), default="html", show_default=True,
              help="A page; or text for a pull request, a paper (booktabs) or a spreadsheet.")  # fmt: skip
@click.option("--output", "-o", type=click.Path(path_type=Path),
              help="The file; left out, a page of one RUN is RUN/report.html, and text is printed.")  # fmt: skip
@click.option("--open", "opened", is_flag=True, help="Open the file that was written.")
def report(runs: tuple[Path, ...], form: str, output: Path | None, opened: bool) -> None:
    """Write all that one or more RUNs have to show, from their files alone: the table, the charts, the claims, the
    suite's own pictures, where and by which command it was made. The page needs no network.

    Exit codes: 0, everything is shown. 1, it was written, but there is something to know first, which is said on
    stderr and at its top: a RUN is unfinished, damaged, resumed on another processor, or no cell of it ended well.
    2, a RUN is none, cannot be read or is of a newer schema: it is named once the others were written, and nothing is
    written when there are no others.
    """
    from odebench.report.document import Document

    if form == "html" and output is None and len(runs) > 1:
        raise UserError("several runs in one page: say where, with --output FILE")
    if opened and form != "html" and output is None:
        raise UserError("--open needs a file: say where, with --output FILE")
    found, problems = _read(runs)
    if not found:
        raise UserError("\n".join(problems))
    document = Document(found, problems)
    if form == "html" or output is not None:
        output = output or found[0].folder / PAGE
        write(document, form, output)
        click.echo(str(output))
        if opened:
            open_file(output)
    else:
        click.echo(_text(document, form), nl=False)
    notes = [f"{run.name}: {note}" for run in found for note in run.notes]
    for line in [f"Warning: {note}" for note in notes] + [f"Error: {problem}" for problem in problems]:
        click.echo(line, err=True)
    sys.exit(2 if problems else 1 if notes else 0)


def write(document: Document, form: str, file: Path) -> None:
    """:raises UserError: when the file cannot be written."""
    text = _text(document, form)
    try:
        file.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror}") from error


def open_file(file: Path) -> None:
    """In whatever opens such files here; a line on stderr where nothing does."""
    import webbrowser

    if not webbrowser.open(file.resolve().as_uri()):
        click.echo(f"there is nothing here to open {file} with", err=True)


def _read(runs: tuple[Path, ...]) -> tuple[list[StoredRun], list[str]]:
    """Those that can be read, and what is wrong with the others."""
    from odebench.stored import read_run

    found, problems = [], []
    for run in runs:
        try:
            found.append(read_run(run))
        except UserError as error:
            problems.append(str(error))
    return found, problems


def _text(document: Document, form: str) -> str:
    if form == "html":
        from odebench.report.html import html

        return html(document)
    if form == "markdown":
        from odebench.report.markdown import markdown

        return markdown(document)
    if form == "latex":
        from odebench.report.latex import latex

        return latex(document)
    from odebench.report.table_csv import csv

    return csv(document)
