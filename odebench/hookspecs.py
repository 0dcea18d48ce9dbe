"""Every extension point of odebench.

A plugin is a module (or a suite's folder) with functions of these names, marked with ``@odebench.hookimpl``. It
is found through the entry point group ``odebench``, through ``--plugin FILE|MODULE``, or beside a ``suite.toml``.
The ``register`` hooks are called once, when the plugin is loaded, with a callback that takes one descriptor at a
time. Registering must cost nothing: a descriptor names code, and only the worker that runs it imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from odebench.cell import Cell
    from odebench.descriptors import Figure, Framework, GradientMethod, Parts, Solver, Task
    from odebench.record import Record
    from odebench.tableau import RungeKutta

PROJECT = "odebench"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec(historic=True)
def odebench_register_frameworks(register: Callable[[Framework], None]) -> None:
    """Register array frameworks.

    :param register: takes a :class:`~odebench.descriptors.Framework`, whose code is the
        :class:`~odebench.adapter.Adapter` through which the harness measures.
    """


@hookspec(historic=True)
def odebench_register_solvers(register: Callable[[Solver | RungeKutta], None]) -> None:
    """Register solvers.

    :param register: takes an :class:`~odebench.tableau.ExplicitRungeKutta` or a
        :class:`~odebench.tableau.DiagonallyImplicitRungeKutta`, which is a solver in every framework that has an engine
        for it, or a :class:`~odebench.descriptors.Solver` of one library.
    """


@hookspec(historic=True)
def odebench_register_gradients(register: Callable[[GradientMethod], None]) -> None:
    """Register gradient methods.

    :param register: takes a :class:`~odebench.descriptors.GradientMethod`, whose code binds a solver into a
        differentiable ``odeint``.
    """


@hookspec(historic=True)
def odebench_register_tasks(register: Callable[[Task], None]) -> None:
    """Register tasks.

    :param register: takes a :class:`~odebench.descriptors.Task`.
    """


@hookspec(historic=True)
def odebench_register_figures(register: Callable[[Figure], None]) -> None:
    """Register pictures of a suite's own: samples, densities, trajectories.

    :param register: takes a :class:`~odebench.descriptors.Figure`.
    """


@hookspec(historic=True)
def odebench_register_parts(register: Callable[[Parts], None]) -> None:
    """Register which code is which part of a solve: what the profile of a run names.

    :param register: takes a :class:`~odebench.descriptors.Parts`, one a library.
    """


@hookspec
def odebench_cell_started(cell: Cell) -> None:
    """A cell is about to be measured. Called in the process that schedules cells, in the order of execution.

    :param cell: its configuration.
    """


@hookspec
def odebench_cell_finished(cell: Cell, record: Record) -> None:
    """A cell ended, in whatever way, and its record is stored.

    :param cell: its configuration.
    :param record: the result; ``record.status`` says how it ended.
    """
