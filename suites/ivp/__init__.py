"""Initial value problems with known truths: how wrong is a solve and its gradient, and what does it cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

TITLES = {
    "a1": "DETEST A1: decay",
    "a2": "DETEST A2: cubic decay",
    "a3": "DETEST A3: oscillation",
    "a4": "DETEST A4: logistic curve",
    "a5": "DETEST A5: spiral curve",
    "b1": "DETEST B1: two populations",
    "b2": "DETEST B2: linear reaction",
    "b3": "DETEST B3: nonlinear reaction",
    "b4": "DETEST B4: torus",
    "b5": "DETEST B5: rigid body",
    "c1": "DETEST C1: decay chain",
    "c2": "DETEST C2: decay chain, nine rates",
    "c3": "DETEST C3: diffusion",
    "c4": "DETEST C4: diffusion, 51 points",
    "c5": "DETEST C5: five planets",
    "d1": "DETEST D1: orbit, e = 0.1",
    "d2": "DETEST D2: orbit, e = 0.3",
    "d3": "DETEST D3: orbit, e = 0.5",
    "d4": "DETEST D4: orbit, e = 0.7",
    "d5": "DETEST D5: orbit, e = 0.9",
    "e1": "DETEST E1: Bessel",
    "e2": "DETEST E2: Van der Pol",
    "e3": "DETEST E3: Duffing",
    "e4": "DETEST E4: falling body",
    "e5": "DETEST E5: pursuit curve",
    "linear10": "Linear, 10 equations",
    "sine": "Forced sine",
    "exponential": "Exponential growth",
    "constant": "Constant slope",
    "lotka_volterra": "Lotka–Volterra",
    "vanderpol1": "Van der Pol, mu = 1",
    "vanderpol10": "Van der Pol, mu = 10",
    "vanderpol1000": "Van der Pol, mu = 1000",
    "robertson": "Robertson's reaction",
    "hires": "HIRES",
    "arenstorf": "Arenstorf orbit",
    "lorenz": "Lorenz, before chaos",
    "spiral": "Cubic spiral",
    "pendulum": "Damped pendulum",
    "euler": "Euler's method by hand",
}
"""What tables call the problems of :data:`.library.PROBLEMS`; here, so that registering imports no definition."""


@odebench.hookimpl
def odebench_register_tasks(register: Callable[[odebench.Task], None]) -> None:
    for name, title in TITLES.items():
        register(
            odebench.Task(
                name=f"ivp/{name}",
                code=f".task:{name}",
                truth=f".truth:{name}",
                frameworks=("numpy", "torch", "jax", "tensorflow"),
                title=title,
            )
        )
