"""The command line. Each command is in a file of its own and imports what it needs when it runs."""

from __future__ import annotations

import sys

import click

import odebench
from odebench.cli.asv import asv
from odebench.cli.check import check
from odebench.cli.claims import claims, coverage
from odebench.cli.compare import compare
from odebench.cli.list import list_
from odebench.cli.plot import plot
from odebench.cli.precision import precision
from odebench.cli.reference import reference
from odebench.cli.report import report
from odebench.cli.run import resume, run
from odebench.cli.show import show
from odebench.errors import UserError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(odebench.__version__, prog_name="odebench")
def cli() -> None:
    """Which solver and which gradient method should a Neural ODE use, and what does each cost?"""


for command in (run, resume, show, report, compare, precision, plot, claims, coverage, check, reference, asv, list_):
    cli.add_command(command)


def main() -> None:
    """Entry point. Exit codes: 0 done, 1 a cell ended in error or crashed, 2 bad input, 130 interrupted."""
    try:
        code = cli.main(standalone_mode=False)
    except UserError as error:
        click.echo(f"Error: {error}", err=True)
        code = 2
    except click.ClickException as error:
        error.show()
        code = 2
    except (KeyboardInterrupt, click.Abort):
        code = 130
    sys.exit(code)
