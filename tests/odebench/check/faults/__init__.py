"""A library on torch that goes wrong where ``odebench check`` looks: each in one way, beside one that is sound."""

from __future__ import annotations

from fractions import Fraction

import odebench


@odebench.hookimpl
def odebench_register_solvers(register):
    for name in ("sound", "overshoots", "lies", "gives_up", "drifts"):
        register(odebench.Solver(name=name, library="faults", framework="torch", order=4, code=f".code:{name}"))
    register(
        odebench.ExplicitRungeKutta(
            "skewed",  # the classical method, with two weights that are interchanged
            order=4,
            c=[0, Fraction(1, 2), Fraction(1, 2), 1],
            a=[[], [Fraction(1, 2)], [0, Fraction(1, 2)], [0, 0, 1]],
            b=[Fraction(1, 3), Fraction(1, 6), Fraction(1, 3), Fraction(1, 6)],
        )
    )
    register(
        odebench.ExplicitRungeKutta(
            "guesses",  # Bogacki & Shampine's, with a fourth part of a weight of b_hat moved
            order=3,
            c=[0, Fraction(1, 2), Fraction(3, 4), 1],
            a=[[], [Fraction(1, 2)], [0, Fraction(3, 4)], [Fraction(2, 9), Fraction(1, 3), Fraction(4, 9)]],
            b=[Fraction(2, 9), Fraction(1, 3), Fraction(4, 9), 0],
            b_hat=[Fraction(7, 24), Fraction(1, 4), Fraction(1, 3) - Fraction(1, 12), Fraction(1, 8) + Fraction(1, 12)],
        )
    )


@odebench.hookimpl
def odebench_register_gradients(register):
    for name in ("backprop", "timeless", "halves"):
        register(odebench.GradientMethod(name=name, library="faults", framework="torch", code=f".code:{name}"))
