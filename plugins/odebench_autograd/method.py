"""The continuous adjoint through a black box (Chen et al. 2018, Appendix C), for the solvers of SciPy."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from autograd import make_vjp  # type: ignore[import-untyped]
from autograd.extend import defvjp_argnums, primitive  # type: ignore[import-untyped]
from autograd.tracer import isbox  # type: ignore[import-untyped]

from odebench.contract import Array, OdeInt, PyTree, Solve
from odebench_numpy.adapter import INDEPENDENT
from odebench_numpy.flow import Flow


def bind(
    solve: Solve,
    options: dict[str, Any],
    *,
    adjoint_solver: Solve | None = None,
    adjoint_rtol: float | None = None,
    adjoint_atol: float | None = None,
) -> OdeInt:
    """``odeint`` solves forwards as it is, and backwards ``(y, a, cotangent of t, *parameters' cotangents)`` as one
    vector of 2D + K + 1 numbers, with K the numbers of those parameters that are differentiated.

    What is not given is the forward solve's. y is reset to its stored value at every output time, from which each
    backward solve starts anew. Arrays that are differentiated must be y0, ts, or in ``params``.

    :raises RuntimeError: when f depends on another array that is differentiated, or a gradient is differentiated.
    """
    given = {"rtol": adjoint_rtol, "atol": adjoint_atol}
    backward = options | {key: value for key, value in given.items() if value is not None}
    method = _Method(solve, options, adjoint_solver or solve, backward)

    def odeint(f: Any, y0: PyTree, ts: Array, params: PyTree = None) -> PyTree:
        flow = Flow(f, y0, params)
        times = ts if isbox(ts) else np.asarray(ts)
        ys = _solved(method, flow, times, flow.layout.flat(y0), *flow.parameters)
        return flow.layout.outputs(ys, (len(times),))

    return odeint


@dataclass(frozen=True)
class _Method:
    solve: Solve
    options: dict[str, Any]
    backward_solve: Solve
    backward_options: dict[str, Any]


def _forward(method: _Method, flow: Flow, ts: Array, y0: Array, *parameters: Array) -> Array:
    ys, _ = method.solve(lambda t, y: flow(t, y, parameters), y0, ts, **method.options)
    return ys


def _vjp(argnums: Sequence[int], ys: Array, args: Sequence[Any], kwargs: Any) -> Callable[[Array], tuple[Array, ...]]:
    method, flow, ts, _, *parameters = args
    wanted = [argnum - 4 for argnum in argnums if argnum >= 4]

    def pull(g: Array) -> tuple[Array, ...]:
        if any(isbox(x) for x in (ys, g, ts, *parameters)):
            raise RuntimeError("a solve can be differentiated once: second derivatives are not supported")
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", INDEPENDENT, UserWarning)
            times, a, shares = _Sweep(method, flow, parameters, wanted).run(ts, ys, g)
        found = {2: times.astype(np.result_type(ts, np.float32)), 3: a}
        found |= {4 + i: share for i, share in zip(wanted, shares, strict=True)}
        return tuple(found[argnum] for argnum in argnums)

    return pull


_solved = primitive(_forward)
defvjp_argnums(_solved, _vjp)


class _Sweep:
    """The solve from the last output time back to the first.

    :param wanted: which of the parameters are differentiated.
    """

    def __init__(self, method: _Method, flow: Flow, parameters: Sequence[Array], wanted: Sequence[int]) -> None:
        self.method, self.flow, self.wanted = method, flow, wanted
        self.parameters = list(parameters)
        self.shapes = [np.shape(parameters[i]) for i in wanted]
        self.size = sum(int(np.prod(shape)) for shape in self.shapes)

    def run(self, ts: Array, ys: Array, g: Array) -> tuple[Array, Array, list[Array]]:
        """The cotangents of ts, y0 and the wanted parameters: at every output the cotangent of y jumps by ``g[i]``
        and that of t by ``-g[i]·f``, so that the latter ends as that of ts[0]."""
        d = self.flow.layout.size
        times, state = np.zeros(len(ts)), np.zeros(2 * d + 1 + self.size, self.flow.layout.dtype)
        for i in range(int(np.max(np.nonzero(g.any(axis=1))[0], initial=0)), 0, -1):
            times[i] = self.flow(state.dtype.type(ts[i]), ys[i], self.parameters) @ g[i]
            state[:d] = ys[i]
            state[d : 2 * d] += g[i]
            state[2 * d] -= times[i]
            solve, options = self.method.backward_solve, self.method.backward_options
            state = solve(self.augmented, state, ts[[i, i - 1]], **options)[0][-1]
        times[0] = state[2 * d]
        return times, state[d : 2 * d] + g[0], self._split(state[2 * d + 1 :])

    def augmented(self, t: Array, state: Array) -> Array:
        """``d/dt (y, a, ā_t, θ̄) = (f, -aᵀ ∂f/∂y, -aᵀ ∂f/∂t, -aᵀ ∂f/∂θ)``: one evaluation and one VJP."""
        d = self.flow.layout.size
        trained = tuple(self.parameters[i] for i in self.wanted)
        pull, dydt = make_vjp(self._of_tuple)((t, state[:d], *trained))
        t_share, y_share, *shares = pull(-state[d : 2 * d])
        return np.concatenate([dydt, y_share, np.reshape(t_share, 1), *map(np.ravel, shares)], dtype=state.dtype)

    def _of_tuple(self, inputs: Any) -> Array:
        parameters = list(self.parameters)
        for j, i in enumerate(self.wanted):
            parameters[i] = inputs[2 + j]
        return self.flow(inputs[0], inputs[1], parameters)

    def _split(self, vector: Array) -> list[Array]:
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        parts = np.split(vector, ends[:-1]) if self.shapes else []
        dtypes = [np.result_type(self.parameters[i]) for i in self.wanted]
        return [p.reshape(shape).astype(dtype) for p, shape, dtype in zip(parts, self.shapes, dtypes, strict=True)]
