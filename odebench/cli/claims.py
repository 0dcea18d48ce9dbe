"""``odebench claims`` and ``odebench coverage``: what the literature says, and what the stored runs say to it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from odebench.errors import UserError, choices


@click.command()
@click.argument("results", nargs=-1, type=click.Path(path_type=Path), metavar="[RESULTS]...")
@click.option("--only", default="*", metavar="GLOB", help="Claims by number or as suite/name.")
@click.option("--format", "form", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True,
              help="How to write it.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="Show the figure of every seed in the table.")
def claims(results: tuple[Path, ...], only: str, form: str, verbose: bool) -> None:
    """Judge every claim in suites/*/claims by the runs at or below RESULTS (default: results).

    Each holds, does not hold, or is not decided; the exit code is 0 whichever, and 2 for a file that is no claim
    or no run, which is named once the others are judged.
    """
    from fnmatch import fnmatchcase

    from rich.console import Console

    from odebench.claims.model import read_claims
    from odebench.claims.runs import find_runs
    from odebench.claims.table import as_json, markdown, print_claims
    from odebench.claims.verdict import judge

    filed, wrong = read_claims()
    runs, unread = find_runs(results or [Path("results")])
    chosen = [one for one in filed if fnmatchcase(one.name, only) or str(one.claim.number) == only]
    if not filed and not wrong:
        raise UserError("there is no claim in suites/*/claims")
    if not chosen and not wrong:
        raise UserError(f"--only {only} matches no claim; {choices(only, [one.name for one in filed])}")
    judged = [judge(one, runs) for one in chosen]
    if form == "table":
        print_claims(judged, Console(), verbose)
    else:
        click.echo(markdown(judged) if form == "markdown" else as_json(judged))
    if wrong or unread:
        click.echo("\n".join(f"Error: {problem}" for problem in wrong + unread), err=True)
        sys.exit(2)


@click.command()
@click.option("--output", "-o", type=click.Path(path_type=Path), help="A file, in place of the terminal.")
def coverage(output: Path | None) -> None:
    """Write as Markdown where each item of the documents that the project started from runs, and by which command."""
    from odebench.claims.coverage import table

    text = table()
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UserError(f"cannot write {output}: {error.strerror}") from error
    click.echo(str(output))
