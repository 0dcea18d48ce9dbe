"""References: the float64 truth of a task, by two methods that must agree, made once a run."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from odebench.backends import find_backend
from odebench.errors import unknown
from odebench.executor import WorkerFailure, Workers
from odebench.measure.accuracy import Arrays, agree
from odebench.plan import Cell
from odebench.registry import Registry
from odebench.store import Store
from odebench.suite import Suite, Tolerance


class References:
    """The references of a run, in its folder.

    :param time_limit: seconds that each of the two methods may take.
    """

    def __init__(self, suite: Suite, registry: Registry, workers: Workers, store: Store, time_limit: float) -> None:
        self.suite, self.registry, self.workers, self.store = suite, registry, workers, store
        self.time_limit = time_limit
        self._files: dict[str, Path | None] = {}

    def file(self, cell: Cell) -> Path | None:
        """The file of the truth for a cell's task, made when first needed; None when two methods cannot be had."""
        key = f"{cell.task.replace('/', '-')}-{cell.seed}"
        if key not in self._files:
            file = self.store.folder / "references" / f"{key}.npz"
            if not file.exists() and not self._make(cell, file):
                self._files[key] = None
            else:
                self._files[key] = file
        return self._files[key]

    def _make(self, cell: Cell, file: Path) -> bool:
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
            return False
        file.parent.mkdir(exist_ok=True)
        partial = file.with_suffix(".partial.npz")
        np.savez(partial, allow_pickle=False, **agree(*truths))
        partial.replace(file)
        return True

    def judges(self, cell: Cell) -> list[Cell]:
        """The cells that can make a task's reference. :raises UserError: for a backend that there is not."""
        entry = next((r for r in self.suite.reference if fnmatchcase(cell.task, r.task)), None)
        found = [self._judge(cell, name, entry.tolerance) for name in entry.backends] if entry else []
        return [judge for judge in found if judge is not None]

    def _judge(self, cell: Cell, name: str, tolerance: Tolerance) -> Cell | None:
        """The cell that makes one of a reference's two truths, or None where its library is not installed."""
        judge = replace(cell, backend=name, device="cpu", dtype="float64", num_steps=None, skip="")
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
