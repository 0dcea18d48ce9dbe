"""What the harness asks of an array framework, so that every measurement is made by the same code."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from odebench.contract import Array, Dynamics, PyTree, Recipe

Loss = Callable[[dict[str, Array], PyTree], Array]


@dataclass
class Counts:
    """Calls of the dynamics, counted by the harness.

    :param f: evaluations of f, in whatever pass.
    :param vjp: vector–Jacobian products of f.
    :param jvp: Jacobian–vector products of f.
    :param earliest: the smallest t that f was called at.
    :param latest: the largest.
    """

    f: int = 0
    vjp: int = 0
    jvp: int = 0
    earliest: float = math.inf
    latest: float = -math.inf

    def clear(self) -> None:
        """Begin anew, in place: what is compiled holds this very object."""
        vars(self).update(vars(Counts()))


class Descent(Protocol):
    """A training under way.

    :ivar params: as they are now; valid until the next step.
    """

    params: dict[str, Array]

    def step(self, batch: PyTree, rate: float) -> Array:
        """One step of the optimizer. :returns: the loss before it."""

    def state(self) -> dict[str, Any]:
        """The optimizer's memory, as NumPy arrays by name."""

    def restore(self, params: dict[str, Array], state: dict[str, Any]) -> None:
        """Go on from what :attr:`params` and :meth:`state` were once, to the last bit."""


class Watch(Protocol):
    """A module of a framework whose operations Python calls one by one: what the profile sees of them."""

    def host_reads(self, call: Callable[[], object]) -> int:
        """How often Python read the values of an array during a call: it waits for a GPU each time."""

    def one_thread(self) -> AbstractContextManager[object]:
        """While it lasts, what Python does in a backward pass is done by the thread that asked for the gradient."""


class Adapter(Protocol):
    """One framework on one device in one dtype. Made in a worker; nothing else in the core touches a framework."""

    def __init__(self, device: str, dtype: str) -> None: ...

    @staticmethod
    def devices() -> list[str]:
        """The devices of this machine, ``cpu`` first."""

    @staticmethod
    def environment() -> dict[str, Any]:
        """Versions, threads, flags: whatever of the framework a number may depend on."""

    def activate(self) -> None:
        """Set global modes (precision, default device) for this adapter's dtype; called before each use."""

    def asarray(self, tree: PyTree) -> PyTree:
        """NumPy leaves to the framework's arrays on the device; floating ones in the adapter's dtype."""

    def numpy(self, tree: PyTree) -> PyTree:
        """The reverse of :meth:`asarray`."""

    def forward(self, function: Callable[..., PyTree]) -> Callable[..., PyTree]:
        """``function`` as a user runs it without gradients (compiled, where the framework compiles)."""

    def value_and_grad(self, loss: Loss) -> Callable[..., tuple[Array, dict[str, Array]]]:
        """``(params, batch) -> (loss, gradients)`` as a user runs it; a parameter that is not used has gradient 0."""

    def descent(self, loss: Loss, recipe: Recipe, params: dict[str, Array]) -> Descent:
        """The training of a loss by a recipe, from a copy of ``params``.

        :raises Unsupported: for an optimizer that the framework's libraries have not.
        """

    def prepare(self, function: Callable[..., PyTree], *args: PyTree) -> Callable[..., PyTree]:
        """``function`` ready to run on such arguments, without having run: compiled ahead of time, or as it is."""

    def zeros_like(self, tree: PyTree) -> PyTree: ...

    def leaves(self, tree: PyTree) -> list[Array]: ...

    def block(self, tree: PyTree) -> None:
        """Wait until the values are there."""

    def elapsed(self, call: Callable[[], PyTree]) -> float:
        """Seconds of one call, synchronised before and after; by the device's own clock where it has one."""

    def counted(self, f: Dynamics, counts: Counts) -> Dynamics:
        """f, with its run-time evaluations, VJPs and JVPs counted, and the times that it is called at."""

    def flush(self) -> None:
        """Wait until every count has arrived."""

    def device_peak(self) -> dict[str, float]:
        """``device_peak_bytes``: the most that this process has had allocated on a GPU; nothing on a CPU."""

    def bare_cost(self, f: Dynamics, t: float, y: PyTree, params: PyTree, seconds: float) -> tuple[float, float]:
        """Seconds of one bare evaluation of f and of one with its VJP, chained as a solver chains them."""

    def memory(self, loss: Loss, params: dict[str, Array], batch: PyTree) -> dict[str, float]:
        """Deterministic memory of one gradient: ``memory_bytes``, the peak of what it allocates beside its inputs,
        and whatever else the framework can tell (names end in ``_bytes``)."""
