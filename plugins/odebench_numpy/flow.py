"""Dynamics with a flat state and a flat list of parameters, as a gradient method differentiates them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from odebench.contract import Array, Dynamics, PyTree
from odebench_numpy import spaces as spaces  # repairs autograd
from odebench_numpy.layout import Layout
from odebench_numpy.tree import flatten, unflatten, value_of


class Flow:
    """``(t, y, parameters) -> dy/dt`` with y and dy/dt vectors, differentiable by autograd in all three.

    :ivar layout: of y0.
    :ivar parameters: the floating-point leaves of ``params``; the others are constants.
    """

    def __init__(self, f: Dynamics, y0: PyTree, params: PyTree) -> None:
        self._f, self._without = f, params is None
        self.layout = Layout(y0)
        self._leaves, self._structure = flatten(params)
        self._trained = [i for i, leaf in enumerate(self._leaves) if np.result_type(value_of(leaf)).kind == "f"]
        self.parameters = [self._leaves[i] for i in self._trained]

    def __call__(self, t: Array, y: Array, parameters: Sequence[Array]) -> Array:
        state = self.layout.tree(y)
        if self._without:
            return self.layout.derivative(self._f(t, state))
        leaves = list(self._leaves)
        for i, parameter in zip(self._trained, parameters, strict=True):
            leaves[i] = parameter
        return self.layout.derivative(self._f(t, state, unflatten(self._structure, leaves)))
