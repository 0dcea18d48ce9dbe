"""From a suite to its cells: the matrix, what was asked for, and what cannot be run and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from typing import Any

from odebench.backends import BackendInfo, backends, find_backend
from odebench.cell import Cell
from odebench.descriptors import Task
from odebench.errors import UserError, choices, unknown
from odebench.registry import Registry
from odebench.suite import Matrix, Preset, Suite, Tolerance

FILTERS = ("task", "backend", "framework", "library", "solver", "gradient", "device", "dtype", "row", "seed")


@dataclass(frozen=True)
class Selection:
    """What the command line narrows or widens a suite's matrix by.

    :param backends: names or globs that replace the suite's backends in its ODE rows.
    :param only: ``key=glob`` filters on the cells.
    :param devices: devices to run on.
    """

    backends: Sequence[str] = ()
    only: Sequence[str] = ()
    devices: Sequence[str] = ("cpu",)


def plan(name: str, suite: Suite, preset: Preset, registry: Registry, selection: Selection) -> list[Cell]:
    """Every cell, in the suite's order, once, with the passes of all blocks that it is in.

    :raises UserError: for names and filters that match nothing.
    """
    planner = _Planner(name, suite, preset, registry, selection)
    cells: dict[str, Cell] = {}
    for matrix in suite.blocks(preset):
        for cell in planner.expand(matrix):
            first = cells.setdefault(cell.hash, cell)
            if set(cell.measure) - set(first.measure):
                both = {*first.measure, *cell.measure}
                cells[cell.hash] = replace(first, measure=tuple(p for p in preset.measure if p in both))
    if not cells:
        raise UserError(_why_none(planner))
    return _only(list(cells.values()), selection.only)


def _why_none(planner: _Planner) -> str:
    blocks = planner.suite.blocks(planner.preset)
    if not blocks:
        return "no cells: no block of the matrix is part of this preset"
    everything = planner.preset.model_copy(update={"tasks": ["*"], "backends": ["*"], "tightest": 0.0})
    if any(True for matrix in blocks for _ in replace(planner, preset=everything).expand(matrix)):
        narrow = {key: value for key, value in planner.preset if value != getattr(everything, key)}
        said = ", ".join(f"{key} = {value}" for key, value in narrow.items())
        return f"no cells: the preset's {said} leaves none of what there is"
    if planner.selection.backends:
        return f"--backend {', '.join(planner.selection.backends)}: no task of this suite runs with it"
    return "no cells: a task needs library/solver/gradient backends, or bare frameworks if without an ODE"


@dataclass(frozen=True)
class _Contender:
    """A backend, or the bare framework that runs a task without an ODE."""

    backend: str
    framework: str
    library: str
    solver: str
    gradient: str
    fixed: bool
    missing: tuple[str, ...]
    unlike: str = ""


@dataclass(frozen=True)
class _Planner:
    name: str
    suite: Suite
    preset: Preset
    registry: Registry
    selection: Selection

    def expand(self, matrix: Matrix) -> Iterator[Cell]:
        for task in _tasks(self.registry, matrix.tasks):
            if not _matches(task.name, self.preset.tasks):
                continue
            for contender in self._backends(matrix) if task.ode else self._frameworks(matrix):
                yield from self._cells(matrix, task, contender)

    def _cells(self, matrix: Matrix, task: Task, contender: _Contender) -> Iterator[Cell]:
        solves = list(_sweep(matrix.solve)) if task.ode else [{}]
        for (tolerance, num_steps), dtype, options, solve, device, seed in product(
            _accuracies(matrix, task, contender, self.preset.tightest),
            matrix.dtypes,
            _sweep(self._options(task) | matrix.options),
            solves,
            self.selection.devices,
            matrix.seeds or self.preset.seeds,
        ):
            yield Cell(
                suite=self.name,
                task=task.name,
                backend=contender.backend,
                framework=contender.framework,
                library=contender.library,
                solver=contender.solver,
                gradient=contender.gradient,
                device=device,
                dtype=dtype,
                rtol=tolerance.rtol if tolerance else None,
                atol=tolerance.atol if tolerance else None,
                num_steps=num_steps,
                seed=seed,
                options=options,
                solve=solve,
                row=self._row(task, contender),
                skip=_obstacle(task, contender),
                unlike=contender.unlike,
                measure=tuple(p for p in self.preset.measure if matrix.measure is None or p in matrix.measure),
            )

    def _options(self, task: Task) -> dict[str, Any]:
        options = dict(self.preset.options)
        for pattern, further in self.preset.options_for.items():
            options |= further if fnmatchcase(task.name, pattern) else {}
        return options

    def _row(self, task: Task, contender: _Contender) -> str:
        for row in self.suite.rows:
            if fnmatchcase(task.name, row.task) and fnmatchcase(contender.backend, row.backend):
                return row.name
        return task.title or task.name

    def _backends(self, matrix: Matrix) -> list[_Contender]:
        suite_and_named = [*matrix.backends, *_with_named_solvers(self.registry, matrix.backends)]
        found: dict[str, BackendInfo] = {}
        for pattern in self.selection.backends or suite_and_named:
            if pattern not in self.registry.frameworks:  # a bare framework is for tasks without an ODE
                found |= {info.name: info for info in _matching(self.registry, pattern)}
        return [
            _Contender(
                backend=info.name,
                framework=info.framework,
                library=info.solver.library,
                solver=info.solver.name,
                gradient=info.gradient.name,
                fixed=not info.solver.adaptive,
                missing=info.missing,
                unlike=info.unlike,
            )
            for info in found.values()
            if _matches(info.name, self.preset.backends)
        ]

    def _frameworks(self, matrix: Matrix) -> list[_Contender]:
        found = []
        for name in matrix.backends:
            if "/" in name:  # a backend is for tasks with an ODE
                continue
            if name not in self.registry.frameworks:
                raise unknown("framework", name, self.registry.frameworks)
            chosen = self.selection.backends
            if not chosen or any(fnmatchcase(name, pattern) for pattern in chosen):
                found.append(_Contender(name, name, name, "", "", False, self.registry.frameworks[name].missing))
        return found


def _accuracies(
    matrix: Matrix, task: Task, contender: _Contender, tightest: float
) -> list[tuple[Tolerance | None, int | None]]:
    """Tolerances and numbers of equal steps, in pairs: what a contender of this kind is run with."""
    if not task.ode:
        return [(None, None)]
    if matrix.equal_steps:
        return [(matrix.tolerances[0], n) for n in matrix.equal_steps]
    if contender.fixed:
        return [(matrix.tolerances[0], matrix.num_steps)]
    return [(tolerance, None) for tolerance in matrix.tolerances if tolerance.rtol >= tightest]


def _sweep(options: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Options with one value each: the product of those that are lists."""
    values = [value if isinstance(value, list) else [value] for value in options.values()]
    for chosen in product(*values):
        yield dict(zip(options, chosen, strict=True))


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _obstacle(task: Task, contender: _Contender) -> str:
    if contender.framework not in task.frameworks:
        return f"task {task.name} is not written in {contender.framework}"
    missing = tuple(dict.fromkeys(contender.missing + task.missing))
    return f"not installed: pip install {' '.join(missing)}" if missing else ""


def _tasks(registry: Registry, patterns: Sequence[str]) -> list[Task]:
    found: dict[str, Task] = {}
    for pattern in patterns:
        matches = {name: task for name, task in registry.tasks.items() if fnmatchcase(name, pattern)}
        if not matches:
            raise unknown("task", pattern, registry.tasks)
        found |= matches
    return list(found.values())


def _matching(registry: Registry, pattern: str) -> list[BackendInfo]:
    if not any(wildcard in pattern for wildcard in "*?["):
        return [find_backend(registry, pattern)]
    if matches := backends(registry, pattern):
        return matches
    libraries = ", ".join(sorted({info.solver.library for info in backends(registry)}))
    raise UserError(
        f"backend {pattern!r} matches nothing; valid libraries: {libraries}; "
        "for the rest see `odebench list solvers` and `odebench list methods`"
    )


def _with_named_solvers(registry: Registry, patterns: Sequence[str]) -> list[str]:
    """A solver that came with ``--plugin`` competes with every gradient method and library the suite asks for."""
    solvers = [name for name, entry in registry.tableaus.items() if entry.provider in registry.named]
    solvers += [s.name for s in registry.solvers.values() if s.provider in registry.named]
    swapped = []
    for name, pattern in product(solvers, patterns):
        library, _, rest = pattern.partition("/")
        candidate = f"{library}/{name}/{rest.rpartition('/')[2]}"
        if rest:
            swapped += [b.name for b in backends(registry, candidate) if b.solver.provider in registry.named]
    return swapped


def _only(cells: list[Cell], filters: Sequence[str]) -> list[Cell]:
    for text in filters:
        key, equals, pattern = text.partition("=")
        if not equals:
            raise UserError(f"--only {text}: write key=glob, as in framework=jax")
        if key not in FILTERS:
            raise UserError(f"--only {text}: unknown key {key!r}; {choices(key, FILTERS)}")
        kept = [cell for cell in cells if fnmatchcase(str(getattr(cell, key)), pattern)]
        if not kept:
            values = {str(getattr(cell, key)) for cell in cells} - {""}
            raise UserError(f"--only {text} matches no cell; {choices(pattern, values)}")
        cells = kept
    return cells
