"""Errors against a float64 reference that independent methods agree on."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.measure.session import Session

Arrays = dict[str, NDArray[Any]]
"""``prediction``, ``gradient/<parameter>`` for each parameter, and in a reference ``agreement/<quantity>``."""

_PREDICTION = "prediction"
_GRADIENT = "gradient/"
_AGREEMENT = "agreement/"
_ROUNDING = 2.0**-53  # what two truths in float64 can agree to


def truth(session: Session) -> Arrays:
    """The probe's prediction and the loss's gradient with respect to every parameter, by this session's backend."""
    probe = session.adapter.asarray(session.task.accuracy_probe())
    prediction = session.adapter.forward(session.predict)(session.params, probe)
    _, grads = session.value_and_grad(session.params, probe)
    found = {_PREDICTION: session.adapter.numpy(prediction)}
    gradient = session.adapter.numpy({name: g for name, g in grads.items() if name not in session.constants})
    return found | {_GRADIENT + name: g for name, g in gradient.items()}


def quantities(arrays: Arrays) -> dict[str, list[NDArray[Any]]]:
    """What errors are told apart for: ``forward``, ``gradient`` and, of a task whose parameters include ``y0`` or
    ``ts`` (see :class:`odebench.contract.TaskInstance`), the gradient's parts ``gradient_y0``, ``gradient_t0``,
    ``gradient_t1``, ``gradient_times`` (those between) and ``gradient_parameters``."""
    gradient = {name.removeprefix(_GRADIENT): g for name, g in sorted(arrays.items()) if name.startswith(_GRADIENT)}
    found = {"forward": [arrays[_PREDICTION]], "gradient": list(gradient.values())}
    if not gradient.keys() & {"y0", "ts"}:
        return found
    if "y0" in gradient:
        found["gradient_y0"] = [gradient["y0"]]
    if "ts" in gradient:
        ts = gradient["ts"]
        found |= {"gradient_t0": [ts[:1]], "gradient_t1": [ts[-1:]], "gradient_times": [ts[1:-1]]}
    found["gradient_parameters"] = [g for name, g in gradient.items() if name not in ("y0", "ts")]
    return {name: parts for name, parts in found.items() if any(part.size for part in parts)}


def relative_errors(value: Arrays, reference: Arrays) -> dict[str, float]:
    """‖value − reference‖ / ‖reference‖ of every quantity, one norm over all of its arrays, in float64; ‖value‖ where
    the reference is zero."""
    found = quantities(value)
    return {name: _relative_error(found[name], parts) for name, parts in quantities(reference).items()}


def _relative_error(value: list[NDArray[Any]], reference: list[NDArray[Any]]) -> float:
    pairs = [(v.astype(np.float64), r.astype(np.float64)) for v, r in zip(value, reference, strict=True)]
    difference = np.sqrt(sum(float(np.sum((v - r) ** 2)) for v, r in pairs))
    size = np.sqrt(sum(float(np.sum(r**2)) for _, r in pairs))
    return float(difference / size) if size else float(difference)


def agree(first: Arrays, *others: Arrays) -> Arrays:
    """The first of several truths, with how far the nearest of the others is from it in each quantity: errors below
    that mean nothing."""
    differences = [relative_errors(other, first) for other in others]
    # A difference that is not a number is no agreement, and must not be lost in min and max.
    nearest = {name: min(math.inf if math.isnan(d[name]) else d[name] for d in differences) for name in differences[0]}
    return first | {_AGREEMENT + name: np.asarray(max(_ROUNDING, value)) for name, value in nearest.items()}


def agreement(reference: Arrays) -> dict[str, float]:
    """By quantity, how far two truths are apart."""
    return {name.removeprefix(_AGREEMENT): float(x) for name, x in reference.items() if name.startswith(_AGREEMENT)}


def errors(session: Session, reference_file: Path) -> dict[str, float]:
    """``forward_error``, ``gradient_error`` and the gradient's parts (``gradient_error_y0``…), all relative; and the
    agreement of the references that limits each (``reference_gradient_agreement_y0``…)."""
    with np.load(reference_file) as stored:
        reference = dict(stored)
    without = {_GRADIENT + name for name in session.constants}
    wanted = {name: array for name, array in reference.items() if name not in without}
    found = {_named(name, "error"): error for name, error in relative_errors(truth(session), wanted).items()}
    limits = {"reference_" + _named(name, "agreement"): value for name, value in agreement(reference).items()}
    return found | limits


def _named(quantity: str, what: str) -> str:
    """``gradient_y0`` and ``error`` make ``gradient_error_y0``."""
    whole, _, part = quantity.partition("_")
    return f"{whole}_{what}_{part}" if part else f"{whole}_{what}"
