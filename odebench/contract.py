"""The protocols that solvers and gradient methods fulfil, in whatever framework they are written."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Literal, NamedTuple, Protocol

Array = Any
PyTree = Any
Dynamics = Callable[..., PyTree]
"""``f(t, y, params) -> dy/dt``; ``f(t, y)`` where ``params`` is left out."""


class Status(IntEnum):
    """How a solve ended. An IntEnum, so that it can live in an array inside compiled code."""

    ok = 0
    max_steps = 1
    underflow = 2
    non_finite = 3
    no_event = 4


_REASONS = {
    Status.max_steps: "the solver used up max_steps before it reached the last time",
    Status.underflow: "the step size fell below the minimum (min_step, or the resolution of t)",
    Status.non_finite: "the dynamics or the state became non-finite",
    Status.no_event: "the event function changed its sign nowhere before the last time",
}


class SolveError(ArithmeticError):
    """A solve that did not reach its last time. ``status`` says how, ``t`` (where known) how far it came."""

    def __init__(self, status: Status | int, t: float | None = None) -> None:
        self.status = Status(status)
        self.t = t
        where = "" if t is None else f" at t={t:.9g}"
        super().__init__(f"{self.status.name}{where}: {_REASONS[self.status]}")

    def __reduce__(self) -> tuple[type[SolveError], tuple[Status, float | None]]:
        return type(self), (self.status, self.t)


class Unsupported(ValueError):
    """A backend is asked for what it cannot do, and says so: the cell is skipped, with this as its reason."""


class Stats(NamedTuple):
    """What a solver says of itself. Plain numbers, or scalars of a compiled framework.

    A count of −1 is one that the solver does not tell: it is recorded nowhere.

    :param nfe: evaluations of f, by the solver's own count.
    :param accepted: accepted steps.
    :param rejected: rejected steps.
    :param status: a :class:`Status`.
    :param next_step: the step that the controller would try next, unsigned; 0 if there is no controller.
    """

    nfe: Any
    accepted: Any
    rejected: Any
    status: Any
    next_step: Any


class Solve(Protocol):
    """Integrate ``dy/dt = f(t, y, params)`` from ``y(ts[0]) = y0`` and return y at every time of ``ts``.

    ``y0`` is an array of any shape, or a tuple/list/dict of arrays. ``ts`` has shape (T,), T ≥ 1, strictly
    ascending or descending. ``ys`` has y0's structure, each leaf of shape (T, *leaf.shape), ``ys[0] == y0``.

    Options: ``rtol``, ``atol``; ``step`` (fixed step size) or ``num_steps`` (fixed number of equal steps between
    ts[0] and ts[-1]) switch adaptivity off; a method that is not adaptive and is given neither takes one step an
    output interval. ``max_steps`` bounds attempts, ``min_step`` the adaptive step, ``first_step`` sets it.
    ``norm`` replaces the error norm: a callable on a tree like y0 that returns a scalar; the default is the
    largest of the leaves' root mean squares. Where a framework compiles only what it is told to, a solver may have
    ``compile``.

    :raises SolveError: outside compiled code; inside it, outputs that were not reached are NaN and
        ``stats.status`` says why.
    """

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Array,
        params: PyTree = None,
        *,
        rtol: float = ...,
        atol: float = ...,
        step: float | None = ...,
        num_steps: int | None = ...,
        max_steps: int = ...,
        min_step: float = ...,
        first_step: float | None = ...,
        norm: Callable[[PyTree], Array] | None = ...,
    ) -> tuple[PyTree, Stats]: ...


class ReplayedSolve(Solve, Protocol):
    """A solve that can keep states in place of activations, for its derivative: what checkpointing is made of.

    ``checkpoints`` is how many states at accepted steps are kept; the steps between them are taken again, as they
    were, in the backward pass, which holds the graph of one step at a time. ``"all"`` keeps the state of every
    accepted step. The gradient is that of the discrete map, whatever the number. None leaves it to the solver.
    """

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Array,
        params: PyTree = None,
        *,
        checkpoints: int | Literal["all"] | None = None,
        **options: Any,
    ) -> tuple[PyTree, Stats]: ...


class DenseSolve(Solve, Protocol):
    """A solve that can hand out its path, y as a function of t."""

    def dense(
        self, f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None, **options: Any
    ) -> tuple[PyTree, Stats, Callable[[Array], PyTree]]:
        """``(ys, stats, path)``, not differentiable; ``path(t)`` is y for a t between ts[0] and ts[-1], by the
        method's own dense output, or by a Hermite polynomial through the accepted steps."""


class OdeInt(Protocol):
    """A differentiable solve: ``ys`` can be differentiated with respect to y0, ts and params."""

    def __call__(self, f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree: ...


class EventOdeInt(OdeInt, Protocol):
    """A differentiable solve that can end at an event: what a backend's ``odeint`` is."""

    def event(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Array,
        params: PyTree = None,
        *,
        event: Callable[[Array, PyTree, PyTree], Array],
        direction: int = 0,
    ) -> tuple[Array, PyTree]:
        """``(t, y)`` where ``event(t, y, params)``, a scalar, first changes sign after ts[0], and before or at ts[-1].

        Both can be differentiated with respect to y0, ts[0] and params, by whatever gradient method; t is a scalar and
        y as y0. The flow is integrated to ts[-1] to find the event. An event at ts[0] itself is none, nor is a zero
        without a change of sign, nor two changes within a 128th of the times' span.

        :param direction: −1 for falls alone, in the order of ts, 1 for rises alone: a solve that starts at an event, as
            a ball that bounces, is not ended by a rounding there.
        :raises SolveError: outside compiled code, with ``Status.no_event`` where there is no event; inside it, t and y
            are NaN, and so are the gradients.
        :raises Unsupported: of a solver that has no dense output.
        """


class BindGradient(Protocol):
    """A gradient method: turns a ``solve`` and its options into an ``odeint``.

    Further keyword-only parameters are the method's own options (``adjoint_rtol``…), given to
    :func:`odebench.backend` by the same names.
    """

    def __call__(self, solve: Solve, options: dict[str, Any], **gradient_options: Any) -> OdeInt: ...


class Recipe(NamedTuple):
    """How a task is trained: an optimizer of its framework's own library and a stepwise learning rate.

    :param optimizer: ``sgd`` with ``momentum``; ``adam`` with its usual decays of 0.9 and 0.999; ``rmsprop`` with 0.99.
    :param weight_decay: added to the gradient, times the parameters.
    :param milestones: training steps at which the rate is multiplied by ``decay``.
    """

    steps: int
    learning_rate: float
    momentum: float = 0.0
    optimizer: Literal["sgd", "adam", "rmsprop"] = "sgd"
    weight_decay: float = 0.0
    milestones: tuple[int, ...] = ()
    decay: float = 0.1

    def rate(self, step: int) -> float:
        return self.learning_rate * self.decay ** sum(step >= m for m in self.milestones)


class TaskInstance(Protocol):
    """A task in one framework. Its data and its parameters are NumPy's, so that every framework starts alike.

    ``params`` holds everything that is differentiated: a dict of named float32 or float64 arrays. Two names are
    special: ``y0`` and ``ts`` are where and when an initial value problem starts and is looked at, and errors of the
    gradient are told apart for y0, t0 (the first of ts), t1 (its last), the times between, and all other parameters.
    Methods that take framework arrays are pure, so that a harness can compile, instrument or repeat them.
    """

    params: dict[str, Any]
    recipe: Recipe | None

    def probe(self) -> PyTree:
        """The batch (NumPy) that counting, memory and timing are made on."""

    def accuracy_probe(self) -> PyTree:
        """The batch (NumPy) that errors are measured on: small enough for a reference at a far tighter tolerance."""

    def batch(self, step: int) -> PyTree:
        """The training batch (NumPy) of a step; the same for every framework, and for a resumed run."""

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """The scalar loss of a batch."""

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """What the forward pass is for: logits of a classifier, the states of an initial value problem."""

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """Metrics on held-out data; ``predict`` takes a batch and returns NumPy predictions."""


class PicturedTask(TaskInstance, Protocol):
    """A task that leaves more than numbers: what the suite's own figures are drawn from."""

    def outputs(self, predict: Callable[[PyTree], Any]) -> dict[str, Any]:
        """Named NumPy arrays, small enough to be committed (100 kB or so); ``predict`` as in :meth:`evaluate`."""
