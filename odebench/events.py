"""Events: where a function of the state first changes sign along a solution, with gradients by any gradient method.

The event is looked for without gradients on the solver's own path, then solved for again as a differentiable solve that
ends there, and mended by one step of Newton's method. With t* and the slope of g along the flow as constants, that
step ``t = t* - g(t*, y(t*)) / (dg/dt + dg/dy f)`` has the derivative of the implicit function theorem (Chen, Amos &
Nickel 2021, "Learning neural event functions for ordinary differential equations", §3.1), whatever differentiates
``y(t*)``, up to the distance of t* from the event: an error of the order of the tolerance.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any, Protocol

from odebench.contract import Array, Dynamics, OdeInt, PyTree, Stats, Unsupported
from odebench.descriptors import Framework, load

EventFunction = Callable[[Array, PyTree, PyTree], Array]
"""``g(t, y, params)``, a scalar that is differentiable; the event is where it changes sign."""
Dense = Callable[..., tuple[PyTree, Stats, Callable[[Array], PyTree]]]
"""``dense(f, y0, ts, params)``: :meth:`odebench.contract.DenseSolve.dense` with its options bound."""
Instrument = Callable[[Dynamics], Dynamics]

LOOKS = 128
"""Equal intervals that g is looked at the ends of."""


class Locate(Protocol):
    """What a framework brings for events; no gradient goes through it."""

    def __call__(
        self, dense: Dense, f: Dynamics, y0: PyTree, ts: Array, params: PyTree, g: EventFunction, direction: int
    ) -> Array:
        """The first time after ts[0] at which g has changed sign on the path, to the resolution of t, in ts's type.

        :raises SolveError: outside compiled code where it never does, or where the solve fails; inside it, it is NaN.
        """


class EventfulOdeInt:
    """An :class:`odebench.contract.EventOdeInt`: an ``odeint``, and its events.

    :param dense: the path that events are looked for on.
    :param see: what every dynamics is passed through first, as for counting.
    """

    def __init__(self, odeint: OdeInt, dense: Dense, framework: Framework, see: Instrument = lambda f: f) -> None:
        self._odeint, self._dense, self._framework, self._see = odeint, dense, framework, see

    def __call__(self, f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
        return self._odeint(self._see(f), y0, ts, params)

    def event(
        self, f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None, *, event: EventFunction, direction: int = 0
    ) -> tuple[Array, PyTree]:
        """See :meth:`odebench.contract.EventOdeInt.event`."""
        if direction not in (-1, 0, 1):
            raise ValueError(f"direction must be -1, 0 or 1, got {direction!r}")
        if not self._framework.locate:
            raise Unsupported(f"{self._framework.name} cannot look for events")
        xp, locate = import_module(self._framework.namespace), load(self._framework.locate)
        f = self._see(f)
        found = locate(self._dense, f, y0, ts, params, event, direction)
        return _crossing(xp, self._odeint, f, y0, ts, params, event, found)


def _crossing(
    xp: Any, odeint: OdeInt, f: Dynamics, y0: PyTree, ts: Array, params: PyTree, g: EventFunction, found: Array
) -> tuple[Array, PyTree]:
    """``(t, y)`` of the event near ``found``, differentiable; NaN, with NaN as gradients, where that is NaN."""
    exists = ~xp.isnan(found)
    near = xp.stop_gradient(xp.where(exists, found, ts[-1]))
    y = tree_map(lambda leaf: leaf[-1], odeint(f, y0, xp.stack([ts[0], near]), params))
    value = g(near, y, params)
    # Outputs are stopped, too: f and g may have captured what is differentiated.
    stopped = tree_map(xp.stop_gradient, y)
    rate = tree_map(xp.stop_gradient, f(near, stopped) if params is None else f(near, stopped, params))
    _, pull = xp.vjp(lambda t, y: g(t, y, params), near, stopped)
    along_t, along_y = pull(xp.ones_like(value))
    slope = along_t + sum(leaves(tree_map(lambda a, b: xp.sum(a * b), along_y, rate)))
    poison = xp.where(exists, xp.ones_like(near), xp.full_like(near, float("nan")))
    late = -poison * value / xp.stop_gradient(slope)
    return near + late, tree_map(lambda leaf, dy: leaf + dy * xp.astype(late, dy.dtype), y, rate)


def tree_map(function: Callable[..., Array], *trees: PyTree) -> PyTree:
    """Of trees as y0 may be one: an array, or a tuple, list or dict of such."""
    first = trees[0]
    if isinstance(first, dict):
        return {key: tree_map(function, *(tree[key] for tree in trees)) for key in first}
    if isinstance(first, list | tuple):
        return type(first)(tree_map(function, *parts) for parts in zip(*trees, strict=True))
    return function(*trees)


def leaves(tree: PyTree) -> list[Array]:
    """Of such a tree."""
    if isinstance(tree, dict | list | tuple):
        return [leaf for part in (tree.values() if isinstance(tree, dict) else tree) for leaf in leaves(part)]
    return [tree]
