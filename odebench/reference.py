"""References: the float64 truth of a task, by methods that must agree: stored with it, or made once a run."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from odebench import truth
from odebench.backends import find_backend
from odebench.cell import Cell
from odebench.errors import unknown
from odebench.executor import WorkerFailure, Workers
from odebench.measure.accuracy import Arrays, agree, agreement
from odebench.registry import Registry
from odebench.store import Store
from odebench.suite import Suite, Tolerance

_AGREED = 0.5  # relative: what is further apart is not one truth seen twice


class References:
    """The references of a run, in its folder: as they are stored beside a task; else by the routes that the task
    knows (:mod:`odebench.truth`); else by two backends that the suite names.

    :param time_limit: seconds that each of two backends may take, or all routes together.
    """

    def __init__(self, suite: Suite, registry: Registry, workers: Workers, store: Store, time_limit: float) -> None:
        self.suite, self.registry, self.workers, self.store = suite, registry, workers, store
        self.time_limit = time_limit
        self._files: dict[str, Path | None] = {}

    def file(self, cell: Cell) -> Path | None:
        """The file of the truth for a cell's task, made when first needed; None when two methods cannot be had
        that agree."""
        name = f"{cell.task.replace('/', '-')}-{cell.seed}"
        if cell.options:
            name += "-" + hashlib.sha256(json.dumps(cell.options, sort_keys=True).encode()).hexdigest()[:8]
        if name not in self._files:
            file = self.store.folder / "references" / f"{name}.npz"
            self._files[name] = file if file.exists() or self._make(cell, file) else None
        return self._files[name]

    def _make(self, cell: Cell, file: Path) -> bool:
        arrays = self._of_task(cell) or self._of_backends(cell)
        if arrays is None:
            return False
        file.parent.mkdir(exist_ok=True)
        partial = file.with_suffix(".partial.npz")
        np.savez(partial, allow_pickle=False, **arrays)
        partial.replace(file)
        return True

    def _of_task(self, cell: Cell) -> Arrays | None:
        task = self.registry.tasks[cell.task]
        if not task.truth:
            return None
        key = truth.key(task, cell.seed, cell.options)
        if stored := truth.read(truth.file(task, key), key):
            return stored.arrays
        self.workers.about = cell.task
        try:
            made: truth.Truth = self.workers.ask_fresh(cell.framework, "cpu", self.time_limit, "routes", cell)
        except WorkerFailure as failure:
            self.store.log(f"reference for {cell.task}: {failure}")
            return None
        return made.arrays

    def _of_backends(self, cell: Cell) -> Arrays | None:
        truths: list[Arrays] = []
        for judge in self.judges(cell):
            if len(truths) == 2:
                break
            self.workers.about = f"{judge.task} · {judge.backend}"
            try:
                truths.append(self.workers.ask(judge.framework, "cpu", self.time_limit, "truth", judge))
            except WorkerFailure as failure:
                self.store.log(f"reference {judge.backend} for {cell.task}: {failure}")
        if len(truths) < 2:
            return None
        arrays = agree(*truths)
        # Of the wholes: a part of the gradient may be zero, and what is computed for it rounding alone.
        apart = {name: error for name, error in agreement(arrays).items() if name in ("forward", "gradient")}
        if all(error <= _AGREED for error in apart.values()):
            return arrays
        figures = ", ".join(f"{name} {error:.1e}" for name, error in apart.items())
        self.store.log(f"reference for {cell.task}: the backends do not agree: {figures}")
        return None

    def judges(self, cell: Cell) -> list[Cell]:
        """The cells that can make a task's reference. :raises UserError: for a backend that there is not."""
        entry = next((r for r in self.suite.reference if fnmatchcase(cell.task, r.task)), None)
        found = [self._judge(cell, name, entry.tolerance) for name in entry.backends] if entry else []
        return [judge for judge in found if judge is not None]

    def _judge(self, cell: Cell, name: str, tolerance: Tolerance) -> Cell | None:
        """The cell that makes one of a reference's two truths, or None where its library is not installed."""
        judge = replace(cell, backend=name, device="cpu", dtype="float64", num_steps=None, solve={}, skip="")
        if not cell.ode:
            if name not in self.registry.frameworks:
                raise unknown("framework", f"{name} (a reference of {cell.task})", self.registry.frameworks)
            missing = self.registry.frameworks[name].missing
            return None if missing else replace(judge, framework=name, library=name)
        info = find_backend(self.registry, name)
        if info.missing:
            return None
        return replace(
            judge,
            framework=info.framework,
            library=info.solver.library,
            solver=info.solver.name,
            gradient=info.gradient.name,
            rtol=tolerance.rtol,
            atol=tolerance.atol,
        )
