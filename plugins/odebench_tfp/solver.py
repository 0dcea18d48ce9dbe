"""TensorFlow Probability's solvers: see :class:`odebench.contract.Solve`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import tensorflow as tf  # type: ignore[import-untyped, import-not-found, unused-ignore]
from tensorflow_probability import math as tfm  # type: ignore[import-untyped, import-not-found, unused-ignore]

from odebench.contract import Dynamics, PyTree, Stats, Status, Unsupported
from odebench.control import DEFAULTS, check_options
from odebench_tfp.failures import MAX_STEPS, NON_FINITE, NOT_MONOTONE, explained
from odebench_tfp.state import State, Tensor, check_times, is_tensor

Field = Callable[[Tensor, PyTree, tuple[Tensor, ...]], PyTree]
"""dy/dt as a function of t, y and the parameters that can be differentiated."""

Integrate = Callable[[Callable[..., Any], Field, PyTree, Tensor, tuple[Tensor, ...]], Any]
"""``(make, field, y0, ts, parameters) -> results``, where ``make(**options)`` is a solver of TFP's, and ts ascends."""


def by_adjoint(make: Callable[..., Any], field: Field, y0: PyTree, ts: Tensor, parameters: tuple[Tensor, ...]) -> Any:
    """TFP's ``solve``, whose gradient is its adjoint."""

    def with_constants(t: Tensor, y: PyTree, parameters: tuple[Tensor, ...] = ()) -> PyTree:
        return field(t, y, parameters)

    constants = {"parameters": parameters} if parameters else {}
    return make().solve(with_constants, ts[0], y0, ts[1:], constants=constants)


def by_operations(
    make: Callable[..., Any], field: Field, y0: PyTree, ts: Tensor, parameters: tuple[Tensor, ...]
) -> Any:
    """What ``solve`` calls, and every solver must have, whose gradient is that of its operations.

    :raises Unsupported: when a later TFP calls it otherwise.
    """
    solver = make()
    if not hasattr(solver, "_solve"):
        raise Unsupported("this version of tensorflow-probability has no solve without its adjoint")
    return solver._solve(lambda t, y: field(t, y, parameters), ts[0], y0, ts[1:])


class StrictBDF(tfm.ode.BDF):  # type: ignore[misc, unused-ignore]
    """BDF that fails as Dormand–Prince does: TFP's hands out zeros where it gave up, and half a gradient."""

    def _solve(self, *args: Any, **keywords: Any) -> Any:
        results = super()._solve(*args, **keywords)
        finished = tf.debugging.assert_non_negative(results.diagnostics.status, MAX_STEPS)
        with tf.control_dependencies([finished]):
            return results._replace(states=tf.nest.map_structure(tf.identity, results.states))


class Method:
    """One method of TFP, which always runs in a graph: outside of one, it is traced for each call."""

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name, self._make = name, make

    def __call__(
        self,
        f: Dynamics,
        y0: PyTree,
        ts: Tensor,
        params: PyTree = None,
        *,
        rtol: float = DEFAULTS["rtol"],
        atol: float = DEFAULTS["atol"],
        step: float | None = None,
        num_steps: int | None = None,
        max_steps: int = int(DEFAULTS["max_steps"]),
        min_step: float = DEFAULTS["min_step"],
        first_step: float | None = None,
        norm: Callable[[PyTree], Tensor] | None = None,
        integrate: Integrate = by_adjoint,
    ) -> tuple[PyTree, Stats]:
        """See :class:`odebench.contract.Solve`. ``max_steps`` bounds the adjoint's solve of every interval, too.

        :raises ValueError: for an option or times that make no sense, or an option that TFP does not have.
        :raises TypeError: when y0 or what f returns is not real and floating-point.
        :raises SolveError: when the last time is not reached; in a graph, when that is run by the adapter.
        """
        check_options(rtol, atol, step, num_steps, max_steps, min_step, first_step)
        lacks = {"step": step, "num_steps": num_steps, "min_step": min_step or None, "norm": norm}
        for option, value in lacks.items():
            if value is not None:
                raise Unsupported(f"tfp/{self.name} has no option {option}")
        ts, state = tf.convert_to_tensor(ts), State(y0)
        check_times(ts)
        if ts.shape[0] == 1:
            return tf.nest.map_structure(lambda y: y[None], y0), Stats(0, 0, 0, Status.ok, 0.0)
        options = {"rtol": rtol, "atol": atol, "max_num_steps": max_steps}
        if first_step is not None:
            options["first_step_size"] = first_step
        make = partial(self._make, **options)
        bind, parameters = _split(f, params)

        def run(y0: PyTree, ts: Tensor, parameters: tuple[Tensor, ...]) -> tuple[PyTree, Tensor, Tensor]:
            ts = tf.cast(ts, state.dtype)
            direction = tf.sign(tf.stop_gradient(ts[-1] - ts[0]))
            ascending = direction * ts
            with tf.control_dependencies([tf.debugging.assert_less(ascending[:-1], ascending[1:], NOT_MONOTONE)]):
                ascending = tf.identity(ascending)
            field = _ascending(bind, state, direction)
            results = integrate(make, field, y0, ascending, parameters)
            ys = tf.nest.map_structure(lambda y, later: tf.concat([y[None], later], 0), y0, results.states)
            return ys, results.diagnostics.num_ode_fn_evaluations, results.solver_internal_state.step_size

        if tf.executing_eagerly():
            run = explained(tf.function(run, autograph=False))
        ys, nfe, next_step = run(y0, ts, parameters)
        return ys, Stats(nfe, 0, 0, 0, next_step)


def _split(f: Dynamics, params: PyTree) -> tuple[Field, tuple[Tensor, ...]]:
    """f as a function of those parameters that are floating-point tensors, and these."""
    if params is None:
        return lambda t, y, _: f(t, y), ()
    leaves = tf.nest.flatten(params)
    trained = [i for i, leaf in enumerate(leaves) if is_tensor(leaf) and leaf.dtype.is_floating]

    def bound(t: Tensor, y: PyTree, parameters: tuple[Tensor, ...]) -> PyTree:
        given = list(leaves)
        for i, parameter in zip(trained, parameters, strict=True):
            given[i] = parameter
        return f(t, y, tf.nest.pack_sequence_as(params, given))

    return bound, tuple(tf.convert_to_tensor(leaves[i]) for i in trained)


def _ascending(bind: Field, state: State, direction: Tensor) -> Field:
    """The field in ``direction`` · t, which TFP can only increase. A step that is NaN stays so, and TFP goes on until
    it has used up ``max_steps``: here it ends."""

    def field(s: Tensor, y: PyTree, parameters: tuple[Tensor, ...]) -> PyTree:
        with tf.control_dependencies([tf.debugging.check_numerics(tf.stop_gradient(s), NON_FINITE)]):
            t = direction * s
        dydt = state.derivative(bind(t, y, parameters))
        return tf.nest.map_structure(lambda k: direction * k, dydt)

    return field


DORMAND_PRINCE = Method("dormand_prince", tfm.ode.DormandPrince)
BDF = Method("bdf", StrictBDF)
