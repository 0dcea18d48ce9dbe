"""Every check, in the order of the report. One is a function of a :class:`~odebench.check.subject.Subject`."""

from __future__ import annotations

from collections.abc import Callable

from odebench.check import bad_input, counting, failures, gradients, order, states, times
from odebench.check.outcome import Outcome
from odebench.check.subject import Subject

Check = Callable[[Subject], Outcome]

SOLVER: dict[str, Check] = {
    "order": order.order,
    "dense output": order.dense_output,
    "embedded order": order.embedded_order,
    "error/tolerance": order.tolerance,
    "tolerance slope": order.tolerance_slope,
    "backwards": times.backwards,
    "first output": times.first_output,
    "many outputs": times.many_outputs,
    "few or many outputs": times.few_outputs,
    "one time": times.one_time,
    "landing": times.landing,
    "past end": times.past_end,
    "scalar": states.scalar,
    "vector": states.vector,
    "matrix": states.matrix,
    "tuple": states.tuple_,
    "dict": states.dict_,
    "float64": states.float64,
    "float32": states.float32,
    "repeatable": states.repeatable,
    "NFE": counting.nfe,
    "max_steps": failures.max_steps,
    "blow-up": failures.blow_up,
    "NaN": failures.turns_nan,
    "repeated times": bad_input.repeated_times,
    "unordered times": bad_input.unordered_times,
    "integer y0": bad_input.integer_state,
    "complex y0": bad_input.complex_state,
    "f of another shape": bad_input.other_shape,
    "f of another dtype": bad_input.other_dtype,
    "negative rtol": bad_input.negative_rtol,
}

GRADIENT: dict[str, Check] = {
    "gradient: y0": gradients.y0,
    "gradient: parameters": gradients.parameters,
    "gradient: t0": gradients.t0,
    "gradient: interior times": gradients.interior_times,
    "gradient: t1": gradients.t1,
    "gradient: unused parameter": gradients.unused,
    "gradient: backwards": gradients.backwards,
    "gradient: dict state": gradients.dict_state,
    "gradient: float32": gradients.float32,
    "gradient: repeatable": gradients.repeatable,
    "gradient: of the discrete map": gradients.discrete,
    "gradient: max_steps": failures.gradient_max_steps,
}
