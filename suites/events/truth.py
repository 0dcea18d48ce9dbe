"""Two routes to the truth of the bouncing ball: see :mod:`odebench.truth`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .ball import RADIUS, impacts
from .impacts import end, parameters, weights

Prediction = Callable[[dict[str, Any]], Any]


def truth(seed: int, *, bounces: int = 4) -> dict[str, Callable[[], dict[str, Any]]]:
    """The closed form, differentiated by complex steps; and SciPy's event detection, by differences."""
    return {
        "closed form, complex steps": lambda: _differentiated(bounces, lambda p: _closed(p, bounces), _complex_step),
        "SciPy's DOP853 with its events, differences": lambda: _differentiated(
            bounces, lambda p: _followed(p, bounces), _difference
        ),
    }


def _differentiated(
    bounces: int, predict: Prediction, derivative: Callable[[Prediction, dict[str, Any], str, int], Any]
) -> dict[str, Any]:
    inputs = parameters()
    found = {"prediction": np.real(predict(inputs)).astype(np.float64)}
    for name, value in inputs.items():
        slopes = [weights(bounces) @ derivative(predict, inputs, name, i) for i in range(value.size)]
        found[f"gradient/{name}"] = np.reshape(slopes, value.shape)
    return found


def _moved(inputs: dict[str, Any], name: str, i: int, by: complex) -> dict[str, Any]:
    value = inputs[name].astype(np.result_type(inputs[name], by))
    value.flat[i] += by
    return {**inputs, name: value}


def _complex_step(predict: Prediction, inputs: dict[str, Any], name: str, i: int) -> Any:
    return np.imag(predict(_moved(inputs, name, i, 1e-30j))) / 1e-30


def _difference(predict: Prediction, inputs: dict[str, Any], name: str, i: int) -> Any:
    fine, coarse = (
        (predict(_moved(inputs, name, i, h)) - predict(_moved(inputs, name, i, -h))) / (2 * h) for h in (1e-3, 2e-3)
    )
    return (4 * fine - coarse) / 3


def _closed(p: dict[str, Any], bounces: int) -> Any:
    times, speeds = impacts(p["y0"], p["gravity"], p["absorption"], bounces)
    since = end(bounces) - times[-1]
    height = RADIUS + speeds[-1] * since - p["gravity"] * since**2 / 2
    return np.array([*times, height, speeds[-1] - p["gravity"] * since])


def _followed(p: dict[str, Any], bounces: int) -> Any:
    from scipy.integrate import solve_ivp

    def fall(t: float, y: Any) -> Any:
        return [y[1], -p["gravity"]]

    def ground(t: float, y: Any) -> Any:
        return y[0] - RADIUS

    vars(ground).update(terminal=True, direction=-1)
    tight: dict[str, Any] = {"method": "DOP853", "rtol": 1e-12, "atol": 1e-12}
    t, y, times = 0.0, p["y0"], []
    for _ in range(bounces):
        solution: Any = solve_ivp(fall, (t, t + 20.0), y, events=ground, **tight)
        t, y = solution.t_events[0][0], solution.y_events[0][0]
        y = [RADIUS, -(1 - p["absorption"]) * y[1]]
        times.append(t)
    return np.array([*times, *solve_ivp(fall, (t, float(end(bounces))), y, **tight).y[:, -1]])
