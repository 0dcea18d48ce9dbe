"""``odebench reference``: make and verify the references that are stored with a suite's tasks."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import click

from odebench.cli.options import plugin_options
from odebench.errors import UserError

if TYPE_CHECKING:
    from odebench.descriptors import Task
    from odebench.truth import Key

AGREED = 1e-8

Wanted = list[tuple["Task", "Key"]]


@click.group()
def reference() -> None:
    """Make and verify references: predictions and gradients that independent routes agree on."""


only_option = click.option("--only", default="*", metavar="GLOB", help="Tasks, with or without the suite's name.")


@reference.command()
@click.argument("suite")
@only_option
@plugin_options
def make(suite: str, only: str, plugins: tuple[str, ...], strict: bool) -> None:
    """Make the references of a SUITE's tasks anew. Exit code 1 when one has fewer than two routes that end, or that
    agree to 1e-8."""
    from odebench import truth

    lacking = 0
    for label, begin, task, key in _progress(_wanted(suite, only, plugins, strict)):
        try:
            made = truth.make(task, key)
        except truth.NoAgreement as error:
            click.echo(f"{label}: {error}")
            lacking += 1
            continue
        truth.write(made, truth.file(task, key))
        click.echo(f"{label}: {_digits(made.agreement)}; {time.monotonic() - begin:.1f} s")
        if poor := {name: error for name, error in made.agreement.items() if not error <= AGREED}:
            click.echo(f"  no two routes agree to {AGREED:.0e}: " + ", ".join(f"{k} {v:.1e}" for k, v in poor.items()))
            lacking += 1
        for route, reason in made.failed.items():
            click.echo(f"  {route}: {reason}")
    sys.exit(1 if lacking else 0)


@reference.command()
@click.argument("suite")
@only_option
@plugin_options
def verify(suite: str, only: str, plugins: tuple[str, ...], strict: bool) -> None:
    """Make the references of a SUITE's tasks anew and compare them with what is stored. Exit code 1 when one
    differs by more than it was known to, or is not stored."""
    from odebench import truth

    wrong = 0
    for label, begin, task, key in _progress(_wanted(suite, only, plugins, strict)):
        verdict = "not stored"
        if stored := truth.read(truth.file(task, key), key):
            try:
                differing = truth.differing(stored, truth.make(task, key))
            except truth.NoAgreement as error:
                verdict = str(error)
            else:
                verdict = ", ".join(f"{name} differs by {error:.1e}" for name, error in differing.items())
        wrong += bool(verdict)
        click.echo(f"{label}: {verdict or 'as stored'}; {time.monotonic() - begin:.1f} s")
    sys.exit(1 if wrong else 0)


def _wanted(suite: str, only: str, plugins: tuple[str, ...], strict: bool) -> Wanted:
    """The references that the cells of any preset need, once each. :raises UserError: when there is none."""
    from odebench import truth
    from odebench.plan import Selection, plan
    from odebench.registry import load_registry
    from odebench.suite import find_suite, plugin_folders, read_suite

    folder = find_suite(suite)
    registry = load_registry(plugins, plugin_folders(folder), strict=strict)
    for plugin in registry.plugins:
        if plugin.error:
            click.echo(f"plugin {plugin.name} ({plugin.origin}) was skipped: {plugin.error}", err=True)
    model = read_suite(folder)
    found: dict[str, tuple[Task, Key]] = {}
    for preset in model.presets.values():
        for cell in plan(folder.resolve().name, model, preset, registry, Selection()):
            task = registry.tasks[cell.task]
            if task.truth and (fnmatchcase(task.name, only) or fnmatchcase(task.name.rpartition("/")[2], only)):
                key = truth.key(task, cell.seed, cell.options)
                found.setdefault(f"{task.name} {key.file_name}", (task, key))
    if not found:
        raise UserError(f"{folder}: no task that matches {only!r} knows a way to its truth")
    return list(found.values())


def _progress(wanted: Wanted) -> Iterator[tuple[str, float, Task, Key]]:
    for i, (task, key) in enumerate(wanted):
        options = "" if key.default else f" {key.options} seed {key.seed}"
        yield f"[{i + 1}/{len(wanted)}] {task.name}{options}", time.monotonic(), task, key


def _digits(agreement: dict[str, float]) -> str:
    """The agreed digits, as ``forward 15.9, gradient 14.2``, the parts of the gradient by the worst of them."""
    shown = {name: -math.log10(error) for name, error in agreement.items()}
    parts = [name for name in shown if name.startswith("gradient_")]
    worst = min(parts, key=lambda name: shown[name], default=None)
    names = ["forward", "gradient", *([worst] if worst else [])]
    return "agreed digits: " + ", ".join(f"{name} {shown[name]:.1f}" for name in names)
