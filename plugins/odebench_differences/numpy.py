"""Central differences of whole solves, in NumPy: the baseline that knows nothing of f."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd.extend import defvjp_argnums, primitive  # type: ignore[import-untyped]
from autograd.tracer import isbox  # type: ignore[import-untyped]

from odebench.contract import Array, Dynamics, OdeInt, PyTree, Solve
from odebench_numpy.flow import Flow


def bind(solve: Solve, options: dict[str, Any], *, difference_step: float | None = None) -> OdeInt:
    """``odeint`` whose gradient costs two solves for every number that is differentiated.

    :param difference_step: by which a number x is moved, times max(1, abs(x)); the cube root of the resolution of y0's
        dtype when left out. Times are moved by a quarter of the shortest interval at most. An adaptive solver's errors
        differ between the two solves: the gradient is no better than its tolerance over this.
    :raises ValueError: for a step that is not positive and finite.
    :raises RuntimeError: when a gradient is differentiated.
    """
    if difference_step is not None and not 0 < difference_step < math.inf:
        raise ValueError(f"difference_step must be positive and finite, got {difference_step!r}")
    method = _Method(solve, options, difference_step)

    def odeint(f: Dynamics, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
        flow = Flow(f, y0, params)
        times = ts if isbox(ts) else np.asarray(ts)
        ys = _solved(method, flow, times, flow.layout.flat(y0), *flow.parameters)
        return flow.layout.outputs(ys, (len(times),))

    return odeint


@dataclass(frozen=True)
class _Method:
    solve: Solve
    options: dict[str, Any]
    difference_step: float | None


def _forward(method: _Method, flow: Flow, ts: Array, y0: Array, *parameters: Array) -> Array:
    ys, _ = method.solve(lambda t, y: flow(t, y, parameters), y0, ts, **method.options)
    return ys


def _vjp(argnums: Sequence[int], ys: Array, args: Sequence[Any], kwargs: Any) -> Callable[[Array], Iterator[Array]]:
    method, flow, *inputs = args
    step = method.difference_step or float(np.cbrt(np.finfo(flow.layout.dtype).eps))

    def along(argnum: int, g: Array) -> Array:
        """The cotangent of one input, entry by entry."""
        x = np.array(inputs[argnum], dtype=np.result_type(inputs[argnum], np.float32))
        most = np.abs(np.diff(x)).min(initial=np.inf) / 4 if argnum == 0 else np.inf
        found = np.empty_like(x)
        for i in np.ndindex(x.shape):
            h = min(step * max(1.0, abs(float(x[i]))), most)
            (low, below), (high, above) = (_moved(method, flow, inputs, argnum, x, i, by) for by in (-h, h))
            found[i] = np.vdot(g, above - below) / (high - low)
        return found

    def pull(g: Array) -> Iterator[Array]:
        if any(isbox(x) for x in (ys, g, *inputs)):
            raise RuntimeError("a solve can be differentiated once: second derivatives are not supported")
        return (along(argnum - 2, g.astype(np.float64)) for argnum in argnums)

    return pull


def _moved(
    method: _Method, flow: Flow, inputs: Sequence[Array], argnum: int, x: Array, i: tuple[int, ...], by: float
) -> tuple[float, Array]:
    """The entry as it is after rounding, and the solution, in float64."""
    moved = x.copy()
    moved[i] += by
    ys = _forward(method, flow, *inputs[:argnum], moved, *inputs[argnum + 1 :])
    return float(moved[i]), ys.astype(np.float64)


_solved = primitive(_forward)
defvjp_argnums(_solved, _vjp)
