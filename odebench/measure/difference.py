"""The gradient against the discrete map that was run: central differences of the very same loss."""

from __future__ import annotations

import math

import numpy as np

from odebench.measure.session import Session

DIRECTIONS = 3
STEP = 1e-5


def difference(session: Session) -> dict[str, float]:
    """``discrete_error``: how far the gradient's products with random directions are from central differences of the
    loss as this backend computes it, relative; and ``discrete_agreement``, how far two step sizes of those differences
    are apart: an error below that means nothing.

    Of cells with equal steps only, where the differences are the exact derivative of the discrete map: a controller
    that chooses other steps for other parameters makes noise of them. In float64 only: differences of rounded numbers
    tell nothing.
    """
    cell = session.cell
    if cell.dtype != "float64" or cell.num_steps is None or session.backend is None:
        return {}
    rng = np.random.default_rng(cell.seed)
    params = {name: np.asarray(p, np.float64) for name, p in session.task.params.items()}
    _, grads = session.value_and_grad(session.params, session.accuracy_probe)
    grads = session.adapter.numpy(grads)

    def loss(direction: dict[str, np.ndarray], h: float) -> float:
        moved = {name: p + h * direction[name] for name, p in params.items()}
        value = session.forward(session.adapter.asarray(moved), session.accuracy_probe)
        return float(session.adapter.numpy(value))

    apart, spread, size = 0.0, 0.0, 0.0
    for _ in range(DIRECTIONS):
        direction = {name: _scale(p) * rng.standard_normal(p.shape) for name, p in params.items()}
        fine, coarse = ((loss(direction, h) - loss(direction, -h)) / (2 * h) for h in (STEP, 2 * STEP))
        slope = (4 * fine - coarse) / 3
        product = sum(float(np.sum(grads[name] * direction[name])) for name in params)
        apart += (product - slope) ** 2
        spread += (fine - coarse) ** 2
        size += slope**2
    if not size:
        return {"discrete_error": math.sqrt(apart), "discrete_agreement": math.sqrt(spread)}
    return {"discrete_error": math.sqrt(apart / size), "discrete_agreement": math.sqrt(spread / size)}


def _scale(p: np.ndarray) -> float:
    """The size that a parameter's entries have, so that one step fits all; 1 for zeros."""
    return float(np.sqrt(np.mean(p**2))) or 1.0 if p.size else 1.0
