"""``odebench compare``: what became better and what worse between two runs."""

from __future__ import annotations

import sys

import click


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--format", "form", type=click.Choice(["table", "markdown", "json"]), default="table", show_default=True,
              help="How to write it; Markdown is for a pull request.")  # fmt: skip
@click.option("--all", "everything", is_flag=True, help="List what is the same, too.")
@click.option("--fail-on", "conditions", multiple=True, metavar="VERDICT[:METRIC[=N%]]",
              help="Exit with 1 when a cell is regressed, gone or not-comparable; may be repeated.")  # fmt: skip
def compare(a: str, b: str, form: str, everything: bool, conditions: tuple[str, ...]) -> None:
    """Say of every cell that A and B both have what improved, what regressed and what is the same.

    A and B are a run's folder, its records.jsonl, a git revision (main: the runs in results that were made there, else
    those that are committed there), or a run that is committed at one (main:results/mnist/reference-quick-cpu).

    Counters, errors, bytes and statuses are compared exactly. Times are compared on one machine only, with its drift
    between the two runs taken out, and advise: --fail-on regressed heeds all but times and peaks, which fail where they
    are named, as in --fail-on 'regressed:forward_s=20%'. METRIC is a glob; N is how much worse is still allowed. A cell
    that no longer ends well fails each of them.

    \b
    Exit codes: 0 done, whatever differs;
                1 a cell is what --fail-on names (each is said on stderr);
                2 bad input, no cell in common, or a METRIC that no cell has.
    """
    from odebench.compare.comparison import compare as compared
    from odebench.compare.gate import failures, parse
    from odebench.compare.sides import find_side
    from odebench.errors import UserError

    gates = [parse(condition) for condition in conditions]
    found = compared(find_side(a), find_side(b))
    failed = failures(found, gates)
    if form == "table":
        from rich.console import Console

        from odebench.compare.terminal import print_comparison

        print_comparison(found, Console(), everything)
    else:
        from odebench.compare.written import as_json, markdown

        click.echo(markdown(found, failed) if form == "markdown" else as_json(found, failed, everything))
    if not found.joined.pairs:
        raise UserError(f"{a} and {b} have no cell in common")
    for failure in failed:
        click.echo(f"failed: {failure}", err=True)
    sys.exit(1 if failed else 0)
