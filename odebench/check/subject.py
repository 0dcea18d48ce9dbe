"""What is checked: one solver, with a gradient method, in one dtype; and the runs that its checks share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from numpy.typing import NDArray

from odebench.adapter import Adapter, Counts
from odebench.backends import SolverInfo, load_solve
from odebench.check.outcome import NotApplicable
from odebench.check.problems import SPAN, TIMES, Problem, weighted_sum
from odebench.check.trees import leaves
from odebench.contract import Array, OdeInt, PyTree, Solve, SolveError, Stats, Status
from odebench.descriptors import GradientMethod
from odebench.registry import Registry
from odebench.tableau import RungeKutta

_STEPS = {1: 400, 2: 150, 3: 75}


class Solved(NamedTuple):
    """:ivar ys: NumPy arrays. :ivar raw: the same as the framework's."""

    ys: PyTree
    stats: Stats
    raw: PyTree


class Gradient(NamedTuple):
    """The derivative of the weighted sum of ys with respect to the inputs, as NumPy arrays, and that sum."""

    value: float
    found: dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Subject:
    """
    :param gradient: None where the library has no gradient method.
    """

    registry: Registry
    solver: SolverInfo
    gradient: GradientMethod | None
    device: str = "cpu"
    dtype: str = "float64"

    @property
    def name(self) -> str:
        return self.solver.key + (f"/{self.gradient.name}" if self.gradient else "")

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.solver.missing + (self.gradient.missing if self.gradient else ())))

    @cached_property
    def _single(self) -> Subject:
        return replace(self, dtype="float32")

    def single(self) -> Subject:
        """The same in float32. The framework is in that mode when this returns."""
        self._single.adapter.activate()
        return self._single

    @cached_property
    def adapter(self) -> Adapter:
        return self.registry.frameworks[self.solver.framework].load()(self.device, self.dtype)  # type: ignore[no-any-return]

    @cached_property
    def solve(self) -> Solve:
        return load_solve(self.registry, self.solver)

    @property
    def tableau(self) -> RungeKutta | None:
        """None where the solver is not made of one."""
        entry = None if self.solver.key in self.registry.solvers else self.registry.tableaus.get(self.solver.name)
        return None if entry is None else entry.tableau

    def odeint(self, **options: Any) -> OdeInt:
        """:raises NotApplicable: when there is no gradient method."""
        if self.gradient is None:
            raise NotApplicable(f"{self.solver.library} has no gradient method for it")
        return self.gradient.load()(self.solve, options)  # type: ignore[no-any-return]

    def takes(self, option: str) -> bool:
        known = inspect.signature(self.solve).parameters
        return option in known or any(p.kind is p.VAR_KEYWORD for p in known.values())

    # What a solver is asked for where the number itself is not what is checked: enough of its own kind of accuracy.

    @property
    def tolerance(self) -> float:
        order = self.solver.order or 4
        fine = 1e-5 if order <= 2 else 1e-7 if order == 3 else 1e-8
        return fine if self.dtype == "float64" else 1e-4

    @property
    def options(self) -> dict[str, Any]:
        if self.solver.adaptive:
            return {"rtol": self.tolerance, "atol": self.tolerance}
        return self.fixed

    @property
    def fixed(self) -> dict[str, Any]:
        """Fixed steps. :raises NotApplicable: when the solver has none."""
        if not self.takes("num_steps"):
            raise NotApplicable("takes no fixed steps")
        return {"num_steps": _STEPS.get(self.solver.order or 1, 50)}

    @property
    def accuracy(self) -> float:
        """The relative error that such options must stay below."""
        if self.solver.adaptive:
            return 100 * self.tolerance
        order = self.solver.order or 1
        h = (SPAN[1] - SPAN[0]) / _STEPS.get(order, 50)
        return float(max(20 * h**order, 1e-7 if self.dtype == "float64" else 1e-3))

    @property
    def slack(self) -> float:
        """The relative error that what is merely mishandled must exceed, and what is merely inaccurate must not."""
        return min(20 * self.accuracy, 0.1)

    @cached_property
    def _runs(self) -> dict[Any, Any]:
        return {}

    def once(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """What ``make`` returns or raises, made once: a compiled function, a gradient, or the reason there is none."""
        if key not in self._runs:
            try:
                self._runs[key] = make()
            except Exception as error:
                self._runs[key] = error
        if isinstance(found := self._runs[key], Exception):
            raise found
        return found

    def run(self, problem: Problem, ts: NDArray[Any] = TIMES, y0: PyTree = None, **options: Any) -> Solved:
        """A solve as a user runs it: compiled, where the framework compiles, once for each problem and options.

        :raises SolveError: when the status says so.
        """
        options = options or self.options
        solve = self.once(
            ("run", problem, *sorted(options.items())),
            lambda: self.adapter.forward(lambda y0, ts, params: self.solve(problem.f, y0, ts, params, **options)),
        )
        y0 = problem.y0 if y0 is None else y0
        raw, stats = solve(*self._arrays(y0, ts, problem.params))
        self.adapter.block(raw)
        if int(stats.status) != Status.ok:
            raise SolveError(int(stats.status))
        return Solved(self.adapter.numpy(raw), stats, raw)

    def direct(self, problem: Problem, ts: NDArray[Any] = TIMES, y0: PyTree = None, **options: Any) -> Solved:
        """A solve outside compiled code, where what goes wrong is raised."""
        y0 = problem.y0 if y0 is None else y0
        raw, stats = self.solve(problem.f, *self._arrays(y0, ts, problem.params), **(options or self.options))
        return Solved(self.adapter.numpy(raw), stats, raw)

    def counted(self, problem: Problem, ts: NDArray[Any] = TIMES) -> tuple[Counts, Stats]:
        """A solve with :attr:`options`, counted."""

        def make() -> tuple[Counts, Stats]:
            counts, options = Counts(), self.options
            f = self.adapter.counted(problem.f, counts)
            solve = self.adapter.forward(lambda y0, ts, params: self.solve(f, y0, ts, params, **options))
            raw, stats = solve(*self._arrays(problem.y0, ts, problem.params))
            self.adapter.block(raw)
            self.adapter.flush()
            return counts, stats

        return self.once(("counted", problem), make)  # type: ignore[no-any-return]

    def loss(self, problem: Problem, **options: Any) -> Callable[..., Array]:
        """``(inputs, batch) -> the weighted sum of ys``, where the batch has the weights and the other inputs."""
        odeint = self.odeint(**options)

        def loss(inputs: dict[str, Array], batch: dict[str, dict[str, Array]]) -> Array:
            ys = problem.outputs(inputs | batch["inputs"], odeint)
            return weighted_sum(list(batch["weights"].values()), ys)

        return loss

    def arguments(self, problem: Problem, ts: NDArray[Any] = TIMES, *, times: bool = True) -> list[PyTree]:
        """Of such a loss. :param times: whether ts is an input rather than in the batch."""
        inputs = problem.inputs(ts)
        rest = {} if times else {"ts": inputs.pop("ts")}
        weights = {str(i): w for i, w in enumerate(leaves(problem.weights(ts)))}
        return self._arrays(inputs, {"weights": weights, "inputs": rest})

    def _arrays(self, *trees: PyTree) -> list[PyTree]:
        return [self.adapter.asarray(tree) for tree in trees]

    def differentiate(
        self, problem: Problem, ts: NDArray[Any] = TIMES, *, times: bool = True, **options: Any
    ) -> Gradient:
        """:param times: whether with respect to ts too."""
        options = options or self.options
        run = self.once(
            ("gradient", problem, times, *sorted(options.items())),
            lambda: self.adapter.value_and_grad(self.loss(problem, **options)),
        )
        value, found = run(*self.arguments(problem, ts, times=times))
        self.adapter.block(found)
        return Gradient(float(self.adapter.numpy(value)), self.adapter.numpy(found))

    def gradient_of(self, problem: Problem, times: bool) -> Gradient:
        """:meth:`differentiate` at :data:`TIMES`, made once. Where times cannot be differentiated, the rest can."""
        return self.once(("made", problem, times), lambda: self.differentiate(problem, times=times))  # type: ignore[no-any-return]
