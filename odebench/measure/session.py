"""A cell brought to life in a worker: task, backend and parameters, and the two functions that are measured."""

from __future__ import annotations

import inspect
import math
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from odebench.adapter import Adapter
from odebench.backends import Backend, find_backend
from odebench.cell import Cell
from odebench.contract import Array, Dynamics, OdeInt, PyTree, SolveError, TaskInstance
from odebench.errors import UserError, choices
from odebench.registry import Registry

if TYPE_CHECKING:
    from odebench.measure.overhead import Limit


class Diverged(ArithmeticError):
    """The solve or the training left the finite numbers."""


Problem = tuple[Dynamics, PyTree, Array, PyTree]


class _CapturedError(Exception):
    """Carries an initial value problem out of a task."""

    def __init__(self, *problem: Any) -> None:
        super().__init__()
        self.problem: Any = problem


class Session:
    """One cell's task on its framework, device and dtype.

    :ivar params: the task's parameters as the framework's arrays.
    :ivar constants: those that the gradient method gives no gradient for: constants of the loss.
    :ivar probe: the batch that is measured on.
    :ivar warm: the kinds of :meth:`sample` that have run before.
    :ivar limit: what the overhead pass has measured: the profile splits it.
    """

    def __init__(self, cell: Cell, registry: Registry) -> None:
        self.cell = cell
        self.registry = registry
        self.warm: set[str] = set()
        self.limit: Limit | None = None
        self.adapter: Adapter = registry.frameworks[cell.framework].load()(cell.device, cell.dtype)
        self.adapter.activate()
        self.task: TaskInstance = _make_task(cell, registry)
        self.backend = Backend(registry, find_backend(registry, cell.backend), cell.solve_options) if cell.ode else None
        self.params: dict[str, Array] = self.adapter.asarray(self.task.params)
        self.constants: dict[str, Array] = {name: self.params[name] for name in self._without() if name in self.params}
        self.probe: PyTree = self.adapter.asarray(self.task.probe())

    @cached_property
    def odeint(self) -> OdeInt:
        return _no_ode if self.backend is None else self.backend.odeint

    def _without(self) -> tuple[str, ...]:
        return () if self.backend is None else self.backend.info.gradient.without

    def loss(self, params: dict[str, Array], batch: PyTree) -> Array:
        return self.task.loss({**params, **self.constants}, batch, self.odeint)

    def predict(self, params: dict[str, Array], batch: PyTree) -> Array:
        return self.task.predict(params, batch, self.odeint)

    @cached_property
    def accuracy_probe(self) -> PyTree:
        return self.adapter.asarray(self.task.accuracy_probe())

    @cached_property
    def forward(self) -> Any:
        return self.adapter.forward(self.loss)

    @cached_property
    def value_and_grad(self) -> Any:
        return self.adapter.value_and_grad(self.loss)

    def sample(self, kind: str) -> float:
        """Seconds of one call of ``forward`` or ``forward_backward`` on the probe."""
        self.adapter.activate()
        call = self.forward if kind == "forward" else self.value_and_grad
        return self.adapter.elapsed(lambda: call(self.params, self.probe))

    def first_call(self) -> dict[str, float]:
        """The first gradient: tracing, compiling, warming, running.

        :raises Diverged: when the loss or a gradient is not finite.
        """
        found: list[tuple[Array, dict[str, Array]]] = []

        def call() -> PyTree:
            found.append(self.value_and_grad(self.params, self.probe))
            return found[-1]

        seconds = self.adapter.elapsed(call)
        value, grads = self.adapter.numpy(found[0])
        loss = float(value)
        if not math.isfinite(loss):
            raise Diverged(self.diagnose(loss))
        if broken := [name for name, grad in grads.items() if not np.all(np.isfinite(grad))]:
            raise Diverged(f"the gradient of {', '.join(broken)} is not finite")
        return {
            "first_call_s": seconds,
            "loss": loss,
            "parameters": sum(p.size for p in self.task.params.values()),
        }

    def memory(self, params: dict[str, Array]) -> dict[str, float]:
        """See :meth:`odebench.adapter.Adapter.memory`."""
        return self.adapter.memory(self.loss, params, self.probe)

    def problem(self, params: dict[str, Array]) -> Problem:
        """The first initial value problem of the task's loss on the probe: ``(f, y0, ts, parameters)``."""

        def odeint(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
            raise _CapturedError(f, y0, ts, params)

        def dense(*problem: Any) -> Any:
            raise _CapturedError(*problem)

        assert self.backend is not None
        try:
            self.task.loss(params, self.probe, self.backend.eventful(odeint, dense))
        except _CapturedError as captured:
            f, y0, ts, inputs = captured.problem
            return f, y0, ts, inputs
        raise TypeError(f"task {self.cell.task!r} is registered with ode=True but called no odeint")

    def like(self, tree: PyTree, leaves: list[Any]) -> PyTree:
        """A tree of that structure with these NumPy leaves, as the framework's arrays."""
        if isinstance(tree, dict):
            # In the order in which frameworks list a dict's leaves.
            parts = {key: self.like(tree[key], leaves) for key in sorted(tree)}
            return {key: parts[key] for key in tree}
        if isinstance(tree, list | tuple):
            return type(tree)(self.like(part, leaves) for part in tree)
        return self.adapter.asarray(leaves.pop(0))

    def diagnose(self, loss: float) -> str:
        """Why a loss is not finite, asked of the solver outside compiled code, where it raises."""
        if self.backend is not None:
            backend = self.backend

            def odeint(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
                return backend.solve(f, y0, ts, params)[0]

            try:
                self.task.loss(self.params, self.probe, backend.eventful(odeint))
            except SolveError as error:
                return str(error)
        return f"the loss is {loss}"


def _make_task(cell: Cell, registry: Registry) -> TaskInstance:
    """:raises UserError: for an option that the task does not have."""
    make = registry.tasks[cell.task].load()
    known = inspect.signature(make).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in known.values()):
        for name in set(cell.options) - set(known):
            valid = [p.name for p in known.values() if p.kind is p.KEYWORD_ONLY and p.name != "seed"]
            raise UserError(f"task {cell.task} has no option {name!r}; {choices(name, valid)}")
    return make(cell.framework, seed=cell.seed, **cell.options)  # type: ignore[no-any-return]


def _no_ode(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
    raise TypeError("a task registered with ode=False called odeint")
