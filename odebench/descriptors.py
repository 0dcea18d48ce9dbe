"""What plugins register: light descriptors that name code without importing it."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass, replace
from functools import cache
from importlib import metadata
from typing import Any, ClassVar, Self

from odebench.tableau import ExplicitRungeKutta, RungeKutta

PARTS = ("dynamics", "autograd", "stages", "norm", "control", "other")
"""What the profile divides the time of a solve's gradient into."""


@cache
def installed(distribution: str) -> bool:
    try:
        metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def load(path: str) -> Any:
    """Import the object that ``module:attribute`` names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _absolute(path: str, package: str) -> str:
    module, _, attribute = path.partition(":")
    return f"{importlib.util.resolve_name(module, package)}:{attribute}"


@dataclass(frozen=True, kw_only=True)
class Descriptor:
    """A name, where the code is, and what must be installed for it.

    :param name: what users type.
    :param code: ``module:attribute``; a leading dot is relative to the plugin that registers it.
    :param requires: distributions that the code imports; where one is missing, the entry is listed as unavailable.
    :param provider: the plugin that registered it; filled in by the registry.
    """

    kind: ClassVar[str]
    name: str
    code: str
    requires: tuple[str, ...] = ()
    provider: str = ""

    def __post_init__(self) -> None:
        module, _, attribute = self.code.partition(":")
        if not (self.name and module and attribute):
            raise ValueError(f"{self.kind} {self.name!r}: code must read 'module:attribute', got {self.code!r}")

    @property
    def key(self) -> str:
        return self.name

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name in self.requires if not installed(name))

    def provided_by(self, provider: str, package: str) -> Self:
        """The same descriptor with its plugin's name and an absolute code path."""
        return replace(self, provider=provider, code=_absolute(self.code, package))

    def load(self) -> Any:
        return load(self.code)


@dataclass(frozen=True, kw_only=True)
class Framework(Descriptor):
    """An array framework; ``code`` is its :class:`odebench.adapter.Adapter`.

    :param runge_kutta: ``module:attribute`` of a callable that makes an
        :class:`~odebench.tableau.ExplicitRungeKutta` into a :class:`~odebench.contract.Solve`.
    :param namespace: a module of the Array API's functions for its arrays; see :func:`odebench.tasks.namespace`.
    :param locate: ``module:attribute`` of a :class:`odebench.events.Locate`; empty where it can find no events.
    :param watch: a module, an :class:`odebench.adapter.Watch`; empty where compiled code lets nothing be seen.
    :param implicit_runge_kutta: as ``runge_kutta``, for a :class:`~odebench.tableau.DiagonallyImplicitRungeKutta`.
    """

    kind = "framework"
    runge_kutta: str = ""
    implicit_runge_kutta: str = ""
    namespace: str = ""
    locate: str = ""
    watch: str = ""

    def engine(self, tableau: RungeKutta) -> str:
        """The code that makes such a tableau a solver; empty where there is none."""
        return self.runge_kutta if isinstance(tableau, ExplicitRungeKutta) else self.implicit_runge_kutta


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Which code of a library is which part of a solve, for the profile pass.

    An entry is a module or ``module:qualified.name``, and stands for all that is in it: ``torchode`` for every module
    of torchode, ``m:Stepper`` for the methods of a class. Of several that fit, the longest counts. Code that none fits,
    as that of array frameworks, belongs to what called it.

    :param library: whose solves it is of; every library's when left out.
    :param autograd: what records graphs, and pulls back through them.
    :param stages: sums over stages, interpolation, and what moves states to and fro.
    :param norm: the error of a step and its size.
    :param control: which step to take, and the loop around the steps.
    :param other: none of these, wherever it is called from: what a plugin adds to a peer.
    :param provider: the plugin that registered it; filled in by the registry.
    """

    kind: ClassVar[str] = "parts"
    library: str = ""
    autograd: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    norm: tuple[str, ...] = ()
    control: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    provider: str = ""


@dataclass(frozen=True, kw_only=True)
class Solver(Descriptor):
    """A solver of one library; ``code`` is a :class:`~odebench.contract.Solve`.

    :param library: who provides it; ``torch``, ``jax`` and ``numpy`` are odebench's own.
    :param framework: what it runs on; the library itself when left out.
    :param unlike: what of its first step, norm, time type or output handling cannot be set as the others' is.
    """

    kind = "solver"
    library: str
    framework: str = ""
    order: int | None = None
    adaptive: bool = False
    implicit: bool = False
    unlike: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.framework:
            object.__setattr__(self, "framework", self.library)

    @property
    def key(self) -> str:
        return f"{self.library}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class GradientMethod(Descriptor):
    """A gradient method of one library; ``code`` is a :class:`~odebench.contract.BindGradient`.

    :param solvers: names of the solvers it goes with; every solver of its library when left out.
    :param summary: one line for ``odebench list methods``.
    :param unlike: what cannot be set as the others' is, as a solver's.
    :param without: names of a task's params (``ts``) that it gives no gradient for: the harness asks for none.
    """

    kind = "gradient method"
    library: str
    framework: str = ""
    solvers: tuple[str, ...] | None = None
    summary: str = ""
    unlike: str = ""
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.framework:
            object.__setattr__(self, "framework", self.library)

    @property
    def key(self) -> str:
        return f"{self.library}/{self.name}"


@dataclass(frozen=True, kw_only=True)
class Task(Descriptor):
    """A task; ``code`` is a callable ``make(framework, *, seed, **options)`` that returns a
    :class:`~odebench.contract.TaskInstance`.

    :param frameworks: the frameworks it is written in.
    :param ode: whether there is an ODE in it; a task without one is run by the bare framework.
    :param title: what tables call it.
    :param truth: ``module:attribute`` of a callable that knows independent ways to the truth; see
        :mod:`odebench.truth`. It is made absolute as ``code`` is.
    """

    kind = "task"
    frameworks: tuple[str, ...]
    ode: bool = True
    title: str = ""
    truth: str = ""

    def provided_by(self, provider: str, package: str) -> Self:
        found = super().provided_by(provider, package)
        return replace(found, truth=_absolute(self.truth, package)) if self.truth else found


@dataclass(frozen=True, kw_only=True)
class Figure(Descriptor):
    """A picture of a run; ``code`` is a callable ``draw(records, outputs)`` that returns a
    :class:`matplotlib.figure.Figure`.

    It is given the :class:`~odebench.record.Record` of every cell of its tasks that ended well, and
    ``outputs(record)``, the arrays that the task left there (:class:`odebench.contract.PicturedTask`).

    :param tasks: a glob.
    :param title: one line on what is to be seen.
    """

    kind = "figure"
    tasks: str
    title: str
    requires: tuple[str, ...] = ("matplotlib",)
