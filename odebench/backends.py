"""Backends: ``library/solver/gradient`` names, resolved to a differentiable ``odeint``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property
from typing import Any

from odebench.contract import Array, Dynamics, OdeInt, PyTree, Solve, Stats, Unsupported
from odebench.descriptors import Framework, GradientMethod, Solver, load
from odebench.errors import UserError, choices, unknown
from odebench.events import Dense, EventfulOdeInt, Instrument
from odebench.registry import Registered, Registry, load_registry
from odebench.tableau import DiagonallyImplicitRungeKutta

SOLVE_OPTIONS = ("rtol", "atol", "step", "num_steps", "max_steps", "min_step", "first_step", "norm", "compile")


@dataclass(frozen=True)
class SolverInfo:
    """A solver as one library has it."""

    library: str
    name: str
    framework: str
    order: int | None
    adaptive: bool
    implicit: bool
    missing: tuple[str, ...]
    provider: str
    unlike: str = ""

    @property
    def key(self) -> str:
        return f"{self.library}/{self.name}"


def solvers(registry: Registry) -> Iterator[SolverInfo]:
    """Every solver of every library; a tableau counts once for each framework that has an engine for it."""
    for framework in registry.frameworks.values():
        for entry in registry.tableaus.values():
            if framework.engine(entry.tableau):
                yield _of_tableau(framework, entry)
    for solver in registry.solvers.values():
        yield _of_library(solver)


def find_solver(registry: Registry, library: str, name: str) -> SolverInfo | None:
    """The solver that a library has by that name."""
    if solver := registry.solvers.get(f"{library}/{name}"):
        return _of_library(solver)
    framework, entry = registry.frameworks.get(library), registry.tableaus.get(name)
    return _of_tableau(framework, entry) if framework and entry and framework.engine(entry.tableau) else None


def _of_tableau(framework: Framework, entry: Registered) -> SolverInfo:
    t = entry.tableau
    return SolverInfo(
        library=framework.name,
        name=t.name,
        framework=framework.name,
        order=t.order,
        adaptive=t.adaptive,
        implicit=isinstance(t, DiagonallyImplicitRungeKutta),
        missing=framework.missing,
        provider=entry.provider,
    )


def _of_library(s: Solver) -> SolverInfo:
    return SolverInfo(s.library, s.name, s.framework, s.order, s.adaptive, s.implicit, s.missing, s.provider, s.unlike)


@dataclass(frozen=True)
class BackendInfo:
    """One contender: a library's solver with one of its gradient methods."""

    solver: SolverInfo
    gradient: GradientMethod

    @property
    def name(self) -> str:
        return f"{self.solver.library}/{self.solver.name}/{self.gradient.name}"

    @property
    def framework(self) -> str:
        return self.solver.framework

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.solver.missing + self.gradient.missing))

    @property
    def unlike(self) -> str:
        """What of this backend cannot be set as the others' is."""
        return "; ".join(filter(None, (self.solver.unlike, self.gradient.unlike)))


def backends(registry: Registry, pattern: str = "*") -> list[BackendInfo]:
    """The backends whose names match a glob, in alphabetical order."""
    found = []
    for solver in solvers(registry):
        for gradient in registry.gradients.values():
            if _goes_with(gradient, solver):
                info = BackendInfo(solver, gradient)
                if fnmatchcase(info.name, pattern):
                    found.append(info)
    return sorted(found, key=lambda info: info.name)


def _goes_with(gradient: GradientMethod, solver: SolverInfo) -> bool:
    return gradient.library == solver.library and (gradient.solvers is None or solver.name in gradient.solvers)


def find_backend(registry: Registry, name: str) -> BackendInfo:
    """:raises UserError: naming the part of the name that is wrong and its valid choices."""
    parts = name.split("/")
    if len(parts) != 3:
        raise UserError(f"backend {name!r} does not read library/solver/gradient, as in 'torch/dopri5/adjoint'")
    library, solver, gradient = parts
    found, method = find_solver(registry, library, solver), registry.gradients.get(f"{library}/{gradient}")
    if found and method and _goes_with(method, found):
        return BackendInfo(found, method)
    libraries = {s.library for s in solvers(registry)}
    if library not in libraries:
        raise UserError(f"backend {name!r}: unknown library {library!r}; {choices(library, libraries)}")
    names = {s.name for s in solvers(registry) if s.library == library}
    if solver not in names:
        raise UserError(f"backend {name!r}: {library} has no solver {solver!r}; {choices(solver, names)}")
    methods = {g.name for g in registry.gradients.values() if g.library == library}
    raise UserError(
        f"backend {name!r}: {library}/{solver} has no gradient method {gradient!r}; {choices(gradient, methods)}"
    )


def load_solve(registry: Registry, solver: SolverInfo) -> Solve:
    """Import the code of a solver."""
    if solver.key in registry.solvers:
        return registry.solvers[solver.key].load()  # type: ignore[no-any-return]
    tableau = registry.tableaus[solver.name].tableau
    return load(registry.frameworks[solver.library].engine(tableau))(tableau)  # type: ignore[no-any-return]


class _Watched:
    """A solve with whatever else it offers, and a listener."""

    def __init__(self, solve: Solve, watch: Callable[[PyTree], None]) -> None:
        self._solve, self._watch = solve, watch
        self.__signature__ = inspect.signature(solve)

    def __call__(self, f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None, **options: Any) -> tuple[PyTree, Stats]:
        self._watch(y0)
        return self._solve(f, y0, ts, params, **options)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._solve, name)


@dataclass(frozen=True)
class Backend:
    """A bound backend. Its framework is imported when ``odeint`` or ``solve`` is first touched.

    :param options: solver options (:class:`odebench.contract.Solve`) and the gradient method's own
        (``adjoint_rtol``, ``adjoint_solver``…).
    """

    registry: Registry = field(repr=False)
    info: BackendInfo
    options: dict[str, Any]

    @property
    def name(self) -> str:
        return self.info.name

    @cached_property
    def _solve(self) -> Solve:
        if self.info.missing:
            raise UserError(f"backend {self.name!r} is not available: pip install {' '.join(self.info.missing)}")
        return load_solve(self.registry, self.info.solver)

    @cached_property
    def _solve_options(self) -> dict[str, Any]:
        found = {key: value for key, value in self.options.items() if key in SOLVE_OPTIONS}
        if not found.get("compile"):
            found.pop("compile", None)
        elif "compile" not in inspect.signature(self._solve).parameters:
            raise Unsupported(f"{self.name} has no option 'compile': the solver compiles always, or cannot")
        return found

    def watched(self, watch: Callable[[PyTree], None]) -> Backend:
        """The same backend, but that ``watch`` is told the y0 of every solve that its gradient method asks for."""
        other = replace(self)
        vars(other)["_solve"] = _Watched(self._solve, watch)
        return other

    def solve(self, f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None) -> tuple[PyTree, Stats]:
        """``(ys, stats)`` of the bare solver."""
        return self._solve(f, y0, ts, params, **self._solve_options)

    def dense(
        self, f: Dynamics, y0: PyTree, ts: Any, params: PyTree = None
    ) -> tuple[PyTree, Stats, Callable[[Array], PyTree]]:
        """See :meth:`odebench.contract.DenseSolve.dense`.

        :raises Unsupported: of a solver that has none.
        """
        if not hasattr(self._solve, "dense"):
            raise Unsupported(f"{self.name}: the solver has no dense output, which events are looked for on")
        return self._solve.dense(f, y0, ts, params, **self._solve_options)  # type: ignore[no-any-return]

    @cached_property
    def odeint(self) -> EventfulOdeInt:
        """``odeint(f, y0, ts, params=None) -> ys`` of shape (len(ts), *y0.shape), differentiable in y0, ts, params; and
        ``odeint.event``, see :meth:`odebench.contract.EventOdeInt.event`."""
        return self.eventful()

    def eventful(
        self, odeint: OdeInt | None = None, dense: Dense | None = None, see: Instrument = lambda f: f
    ) -> EventfulOdeInt:
        """An ``odeint`` (this backend's where it is left out) with events that are found by this backend's solver.

        :param dense: in place of :meth:`dense`.
        :param see: what every dynamics is passed through first.
        """
        framework = self.registry.frameworks[self.info.framework]
        return EventfulOdeInt(odeint or self._gradient, dense or self.dense, framework, see)

    @cached_property
    def _gradient(self) -> OdeInt:
        own = {key: value for key, value in self.options.items() if key not in SOLVE_OPTIONS}
        if isinstance(name := own.get("adjoint_solver"), str):
            known = {s.name: s for s in solvers(self.registry) if s.library == self.info.solver.library}
            if name not in known:
                raise unknown("adjoint_solver", name, known)
            own["adjoint_solver"] = load_solve(self.registry, known[name])
        bind = self.info.gradient.load()
        known_options = inspect.signature(bind).parameters
        for option in set(own) - set(known_options):
            raise Unsupported(f"{self.name} has no option {option!r}; {choices(option, _keywords(known_options))}")
        return bind(self._solve, self._solve_options, **own)  # type: ignore[no-any-return]


def _keywords(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    own = [name for name, p in parameters.items() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    return [*SOLVE_OPTIONS, *own]


@cache
def default_registry() -> Registry:
    return load_registry()


def backend(name: str, *, registry: Registry | None = None, **options: Any) -> Backend:
    """Bind a backend by its name, as ``odebench.backend("torch/dopri5/adjoint", rtol=1e-6, atol=1e-8)``.

    :raises UserError: for an unknown name or a backend whose library is not installed.
    """
    registry = registry or default_registry()
    return Backend(registry, find_backend(registry, name), options)
