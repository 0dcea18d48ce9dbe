"""Errors against a float64 reference that two independent methods agree on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from odebench.measure.session import Session

Arrays = dict[str, NDArray[Any]]
_PREDICTION = "prediction"
_GRADIENT = "gradient/"
_AGREEMENT = "agreement/"


def truth(session: Session) -> Arrays:
    """The probe's prediction and the loss's gradient with respect to every parameter, by this session's backend."""
    probe = session.adapter.asarray(session.task.accuracy_probe())
    prediction = session.adapter.forward(session.predict)(session.params, probe)
    _, grads = session.value_and_grad(session.params, probe)
    found = {_PREDICTION: session.adapter.numpy(prediction)}
    return found | {_GRADIENT + name: g for name, g in session.adapter.numpy(grads).items()}


def relative_error(value: Arrays, reference: Arrays, prefix: str) -> float:
    """‖value − reference‖ / ‖reference‖ over all arrays whose name starts with ``prefix``, in float64."""
    names = [name for name in reference if name.startswith(prefix)]
    difference = sum(float(np.sum((value[n].astype(np.float64) - reference[n]) ** 2)) for n in names)
    size = sum(float(np.sum(reference[n].astype(np.float64) ** 2)) for n in names)
    return float(np.sqrt(difference / size)) if size else float(np.sqrt(difference))


def agree(first: Arrays, second: Arrays) -> Arrays:
    """The first of two truths, with how far the second is from it: errors below that mean nothing."""
    return first | {
        f"{_AGREEMENT}{name}": np.asarray(relative_error(second, first, prefix))
        for name, prefix in (("forward", _PREDICTION), ("gradient", _GRADIENT))
    }


def errors(session: Session, reference_file: Path) -> dict[str, float]:
    """``forward_error`` and ``gradient_error``, relative, and the agreement of the references that limits them."""
    with np.load(reference_file) as stored:
        reference = dict(stored)
    found = truth(session)
    return {
        "forward_error": relative_error(found, reference, _PREDICTION),
        "gradient_error": relative_error(found, reference, _GRADIENT),
        "reference_forward_agreement": float(reference[f"{_AGREEMENT}forward"]),
        "reference_gradient_agreement": float(reference[f"{_AGREEMENT}gradient"]),
    }
