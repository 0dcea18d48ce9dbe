"""The conformance report: which checks there are to make, and what became of each."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from odebench.check.outcome import NotApplicable, Outcome, Row, one_line
from odebench.check.registration import light
from odebench.check.targets import Target, find
from odebench.contract import Unsupported
from odebench.errors import UserError, choices
from odebench.registry import Registry


@dataclass(frozen=True)
class Item:
    """A row that is still to be measured."""

    backend: str
    check: str
    measure: Callable[[], Outcome]

    def run(self) -> Row:
        """Whatever a check raises is a failure, and what it warns of is not."""
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                outcome = self.measure()
            except (NotApplicable, Unsupported) as reason:
                outcome = Outcome("n-a", note=" ".join(str(reason).split()))
            except (Exception, SystemExit) as error:
                outcome = Outcome("fail", note=one_line(error))
        return Row(self.backend, self.check, outcome)


def items(registry: Registry, reference: str, plugins: tuple[str, ...] = (), device: str = "cpu") -> list[Item]:
    """The rows of a plugin's report.

    :param reference: a file, a module, an installed plugin's name, or a glob of backends.
    :param plugins: files or modules that must be loaded before it.
    :raises UserError: when nothing can be checked, or a framework has no such device.
    """
    found = find(registry, reference)
    targets = [t for t in found.targets if not _missing(t)]
    if not targets:
        missing = sorted({name for target in found.targets for name in _missing(target)})
        raise UserError(f"{reference} is not available: pip install {' '.join(missing)}")
    for framework in dict.fromkeys(target.solver.framework for target in targets):
        devices = registry.frameworks[framework].load().devices()
        if device not in devices:
            raise UserError(f"--device {device}: {framework} has none here; {choices(device, devices)}")
    rows = [Item(name, "registration", partial(light, (*plugins, origin))) for name, origin in found.references.items()]
    for target in found.targets:
        rows += _items(registry, target, device)
    return rows


def _missing(target: Target) -> tuple[str, ...]:
    return target.solver.missing + (target.gradient.missing if target.gradient else ())


def _items(registry: Registry, target: Target, device: str) -> list[Item]:
    from odebench.check.checks import GRADIENT, SOLVER
    from odebench.check.subject import Subject

    subject = Subject(registry, target.solver, target.gradient, device)
    if subject.missing:
        reason = Outcome("n-a", note=f"not available: pip install {' '.join(subject.missing)}")
        return [Item(subject.name, "all", lambda: reason)]

    def measure(check: Callable[[Subject], Outcome]) -> Outcome:
        subject.adapter.activate()
        return check(subject)

    checks = (SOLVER if target.solves else {}) | GRADIENT
    return [Item(subject.name, name, partial(measure, check)) for name, check in checks.items()]
