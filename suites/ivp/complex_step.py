"""Derivatives by complex steps: an input is moved along the imaginary axis by so little that the imaginary part of what
comes of it is the derivative to the last digit, since nothing is subtracted (Squire & Trapp 1998, SIAM Rev. 40(1))."""

from __future__ import annotations

import numpy as np

from .problem import Array, Problem

STEP = np.longdouble(2.0**-120)  # its square is nothing beside one


def perturbed(problem: Problem) -> dict[str, Array]:
    """The inputs, each with a leading axis: in row r the r-th of all their numbers is moved by i·STEP."""
    rows = sum(value.size for value in problem.inputs.values())
    found, first = {}, 0
    for name, value in problem.inputs.items():
        moved = np.zeros((rows, value.size), np.clongdouble)
        moved[first + np.arange(value.size), np.arange(value.size)] = 1j * STEP
        found[name] = value + moved.reshape(rows, *value.shape)
        first += value.size
    return found


def jacobian(problem: Problem, ys: Array) -> tuple[Array, dict[str, Array]]:
    """``ys`` (T, n) and its derivative with respect to each input, (T, n, *input.shape), from perturbed ``ys``."""
    columns = np.moveaxis(ys.imag / STEP, 0, -1)
    found, first = {}, 0
    for name, value in problem.inputs.items():
        found[name] = columns[..., first : first + value.size].reshape(*ys.shape[1:], *value.shape)
        first += value.size
    return ys[0].real, found
