"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def plugin_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--plugin`` and ``--strict``."""
    command = click.option(
        "--strict", is_flag=True, help="Stop at the first plugin that fails to load, instead of skipping it."
    )(command)
    return click.option(
        "--plugin", "plugins", multiple=True, metavar="FILE|MODULE", help="Load a plugin; may be repeated."
    )(command)
