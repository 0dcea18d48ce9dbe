"""A Butcher tableau as tensors, once for each dtype and device."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from odebench.tableau import ExplicitRungeKutta, Number


class Scheme:
    """The coefficients in the order in which one product needs them.

    :ivar a: for each stage its row of the tableau.
    :ivar transposed: for each stage what its cotangent is made of, going back from the last stage:
        ``(b_i, a_{s-1,i}, …, a_{i+1,i})``.
    """

    def __init__(self, tableau: ExplicitRungeKutta, dtype: torch.dtype, device: torch.device) -> None:
        def tensor(values: Sequence[Number] | Sequence[Sequence[Number]]) -> Tensor:
            rows = [[float(x) for x in v] if isinstance(v, Sequence) else float(v) for v in values]
            return torch.tensor(rows, dtype=dtype, device=device)

        s, a, b = tableau.stages, tableau.a, tableau.b
        self.stages, self.fsal = s, tableau.fsal
        self.stride = s - 1 if self.fsal else s
        self.a = [tensor(row) for row in a]
        self.b = tensor(b)
        self.b_error = None if tableau.b_error is None else tensor(tableau.b_error)
        self.transposed = [tensor([b[i], *(a[j][i] for j in range(s - 1, i, -1))]) for i in range(s)]
        # Measured from the end of the step, so that a stage at c = 1 is at its very time in float32, too.
        self.c = [float(c) for c in tableau.c]
        self._before_end = tensor([c - 1.0 for c in self.c] + [0.0])
        self.dense = None if tableau.dense is None else tensor(tableau.dense)

    def times(self, t1: float, h: float) -> Sequence[Tensor]:
        """The times of the stages of a step of size h that ends at t1, and t1 itself."""
        return self._before_end.mul(h).add_(t1).unbind()

    def dense_weights(self, thetas: Sequence[float]) -> Tensor:
        """``b_i(θ)``, a row for each θ."""
        assert self.dense is not None
        powers = [[theta ** (j + 1) for j in range(self.dense.shape[1])] for theta in thetas]
        return self.dense.new_tensor(powers) @ self.dense.T

    def dense_slopes(self, thetas: Sequence[float]) -> Tensor:
        """``b_i'(θ)``, a row for each θ."""
        assert self.dense is not None
        powers = [[(j + 1) * theta**j for j in range(self.dense.shape[1])] for theta in thetas]
        return self.dense.new_tensor(powers) @ self.dense.T
