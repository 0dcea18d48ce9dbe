"""Linear systems by products with their matrix alone."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


class NotFinite(ArithmeticError):
    """A product with the matrix, or the right-hand side, is not finite."""


def gmres(apply: Callable[[Tensor], Tensor], b: Tensor, rtol: float, restart: int = 40, limit: int = 400) -> Tensor:
    """x with ``|b - A x| ≤ rtol |b|``, or what ``limit`` products with A come to.

    Saad & Schultz 1986 (SIAM J. Sci. Stat. Comput. 7, 856–869), restarted, with Givens rotations on the host and
    every vector made orthogonal twice.

    :param apply: ``v -> A v``.
    :raises NotFinite: when a product is not.
    """
    x = torch.zeros_like(b)
    goal = rtol * torch.linalg.vector_norm(b).item()
    residual = b
    while limit > 0:
        size = torch.linalg.vector_norm(residual).item()
        if not math.isfinite(size):
            raise NotFinite
        if size <= goal or size == 0:
            break
        space = _Space(apply, residual / size, size)
        while len(space.columns) < min(restart, limit) and space.residual > goal and space.extend():
            pass
        x = x + space.correction()
        limit -= len(space.columns)
        if space.residual <= goal:
            break
        residual = b - apply(x)
    return x


class _Space:
    """A Krylov space, and the least squares problem on it.

    :ivar columns: of the triangular matrix.
    :ivar residual: how large the residual is.
    """

    def __init__(self, apply: Callable[[Tensor], Tensor], first: Tensor, size: float) -> None:
        self.apply, self.basis = apply, [first]
        self.columns: list[list[float]] = []
        self.rotations: list[tuple[float, float]] = []
        self.right = [size]

    @property
    def residual(self) -> float:
        return abs(self.right[-1])

    def extend(self) -> bool:
        """One product more; False where the space is exhausted."""
        w = self.apply(self.basis[-1])
        before = torch.linalg.vector_norm(w)
        basis = torch.stack(self.basis)
        along = basis @ w
        w = torch.addmv(w, basis.T, along, alpha=-1)
        again = basis @ w
        w = torch.addmv(w, basis.T, again, alpha=-1)
        *column, size, whole = torch.cat([along + again, torch.linalg.vector_norm(w)[None], before[None]]).tolist()
        if not math.isfinite(whole):
            raise NotFinite
        for i, (c, s) in enumerate(self.rotations):
            a, b = column[i], column[i + 1]
            column[i], column[i + 1] = c * a + s * b, c * b - s * a
        exhausted = size <= 10 * torch.finfo(w.dtype).eps * whole
        self._append(column, 0.0 if exhausted else size)
        if not exhausted:
            self.basis.append(w / size)
        return not exhausted

    def _append(self, column: list[float], size: float) -> None:
        length = math.hypot(column[-1], size) or 1.0
        c, s = column[-1] / length, size / length
        column[-1] = length
        self.columns.append(column)
        self.rotations.append((c, s))
        last = self.right.pop()
        self.right += [c * last, -s * last]

    def correction(self) -> Tensor:
        count = len(self.columns)
        y = [0.0] * count
        for i in reversed(range(count)):
            y[i] = (self.right[i] - sum(self.columns[j][i] * y[j] for j in range(i + 1, count))) / self.columns[i][i]
        basis = torch.stack(self.basis[:count])
        return basis.T @ basis.new_tensor(y)
