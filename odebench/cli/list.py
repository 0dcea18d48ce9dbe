"""``odebench list``: what is there, where it comes from, and what is unavailable and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from odebench.cli.options import plugin_options
from odebench.errors import UserError

if TYPE_CHECKING:
    from odebench.registry import Registry

Table = tuple[tuple[str, ...], Iterator[tuple[str, ...]]]


def _availability(missing: tuple[str, ...]) -> str:
    return f"unavailable: pip install {' '.join(missing)}" if missing else "available"


def _plugins(registry: Registry) -> Table:
    rows = ((p.name, p.origin, f"skipped: {p.error}" if p.error else "loaded") for p in registry.plugins)
    return ("plugin", "from", "status"), rows


def _solvers(registry: Registry) -> Table:
    from odebench.backends import solvers

    def rows() -> Iterator[tuple[str, ...]]:
        for s in sorted(solvers(registry), key=lambda s: (s.library, s.order or 0, s.name)):
            step = ("adaptive" if s.adaptive else "fixed step") + (", implicit" if s.implicit else "")
            yield s.key, str(s.order or "–"), step, s.provider, _availability(s.missing)

    return ("solver", "order", "steps", "plugin", "status"), rows()


def _methods(registry: Registry) -> Table:
    rows = ((g.key, g.summary, g.provider, _availability(g.missing)) for g in registry.gradients.values())
    return ("gradient method", "what it is", "plugin", "status"), rows


def _tasks(registry: Registry) -> Table:
    rows = (
        (
            t.name,
            t.title,
            ", ".join(t.frameworks),
            "yes" if t.ode else "no",
            t.provider,
            _availability(t.missing),
        )
        for t in registry.tasks.values()
    )
    return ("task", "title", "frameworks", "ODE", "plugin", "status"), rows


def _figures(registry: Registry) -> Table:
    rows = ((f.name, f.title, f.tasks, f.provider, _availability(f.missing)) for f in registry.figures.values())
    return ("figure", "title", "tasks", "plugin", "status"), rows


def _suites(registry: Registry) -> Table:
    from odebench.suite import read_suite

    def rows() -> Iterator[tuple[str, ...]]:
        for folder in _suite_folders():
            try:
                suite = read_suite(folder)
                yield str(folder), suite.title, ", ".join(suite.presets)
            except UserError as error:
                yield str(folder), f"invalid: {' '.join(str(error).split())}", ""

    return ("suite", "title", "presets"), rows()


def _suite_folders() -> list[Path]:
    return [file.parent for file in sorted(Path("suites").glob("*/suite.toml"))]


_KINDS: dict[str, Callable[[Registry], Table]] = {
    "plugins": _plugins,
    "solvers": _solvers,
    "methods": _methods,
    "tasks": _tasks,
    "figures": _figures,
    "suites": _suites,
}


@click.command("list")
@click.argument("kind", type=click.Choice(list(_KINDS)))
@plugin_options
def list_(kind: str, plugins: tuple[str, ...], strict: bool) -> None:
    """List plugins, solvers, gradient methods, tasks, figures or suites.

    Tasks, figures and plugins include those of the suites below ./suites.
    """
    from odebench.registry import load_registry

    registry = load_registry(plugins, _suite_folders(), strict=strict)
    header, rows = _KINDS[kind](registry)
    lines = [header, *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(header))]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    for plugin in registry.plugins:
        if plugin.error and kind != "plugins":
            click.echo(f"plugin {plugin.name} ({plugin.origin}) was skipped: {plugin.error}", err=True)
