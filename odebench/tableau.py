"""Runge–Kutta methods as data: one Butcher tableau serves every framework."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Number = float | int | Fraction
_TOLERANCE = 1e-12


@dataclass(frozen=True)
class RungeKutta:
    """What explicit and diagonally implicit tableaus share: see :class:`ExplicitRungeKutta`."""

    _diagonal: ClassVar[int]
    """Entries of a row of ``a`` beyond those left of the diagonal."""

    name: str
    order: int
    c: Sequence[Number]
    a: Sequence[Sequence[Number]]
    b: Sequence[Number]
    b_hat: Sequence[Number] | None = None
    b_hat_order: int | None = None
    dense: Sequence[Sequence[Number]] | None = None
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        self._freeze()
        s = len(self.b)
        if not (len(self.c) == len(self.a) == s) or s == 0:
            raise ValueError(f"tableau {self.name!r}: c, a and b have {len(self.c)}, {len(self.a)} and {s} stages")
        for i, row in enumerate(self.a):
            if len(row) != i + self._diagonal:
                raise ValueError(
                    f"tableau {self.name!r}: row {i} of a has {len(row)} entries, expected {i + self._diagonal}"
                )
            self._same(sum(row), self.c[i], f"row {i} of a sums to {{}}, but c[{i}] is {{}}")
        self._same(sum(self.b), 1, "the weights b sum to {}, expected {}")
        if self.b_hat is not None:
            if len(self.b_hat) != s:
                raise ValueError(f"tableau {self.name!r}: b_hat has {len(self.b_hat)} weights, expected {s}")
            self._same(sum(self.b_hat), 1, "the weights b_hat sum to {}, expected {}")
        if self.dense is not None:
            if len(self.dense) != s or len({len(row) for row in self.dense}) != 1:
                raise ValueError(f"tableau {self.name!r}: dense needs {s} rows of equal length")
            for i, row in enumerate(self.dense):
                self._same(sum(row), self.b[i], f"dense row {i} sums to {{}} at θ=1, but b[{i}] is {{}}")

    def _freeze(self) -> None:
        """Make tuples of the coefficients, so that a tableau can be hashed (a static argument in jax)."""
        for name in ("c", "b", "b_hat"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(value))
        for name in ("a", "dense"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, tuple(map(tuple, value)))

    def _same(self, value: Number, expected: Number, message: str) -> None:
        if not abs(float(value - expected)) <= _TOLERANCE:
            raise ValueError(f"tableau {self.name!r}: {message.format(float(value), float(expected))}")

    @property
    def stages(self) -> int:
        return len(self.b)

    @property
    def adaptive(self) -> bool:
        return self.b_hat is not None

    @cached_property
    def error_order(self) -> int:
        """k in ``error estimate = O(h^k)``: one more than the lower order (HNW II.4, eq. 4.13)."""
        b_hat_order = self.order - 1 if self.b_hat_order is None else self.b_hat_order
        return min(self.order, b_hat_order) + 1

    @cached_property
    def b_error(self) -> tuple[float, ...] | None:
        """Weights of the error estimate, ``b - b_hat``."""
        if self.b_hat is None:
            return None
        return tuple(float(x - y) for x, y in zip(self.b, self.b_hat, strict=True))


@dataclass(frozen=True)
class ExplicitRungeKutta(RungeKutta):
    """An explicit Runge–Kutta method given by its Butcher tableau (Hairer, Nørsett & Wanner, II.1).

    :param name: the solver's name, the middle part of ``library/solver/gradient``.
    :param order: order of the solution that is carried on, from the weights ``b``.
    :param c: the ``s`` nodes, ``c[0] == 0``.
    :param a: ``s`` rows, row ``i`` with the ``i`` coefficients left of the diagonal.
    :param b: the ``s`` weights of the solution.
    :param b_hat: the ``s`` weights of the embedded solution; with them the method is adaptive.
    :param b_hat_order: order of the embedded solution; ``order - 1`` when left out.
    :param dense: the continuous weights, one polynomial a stage: ``b_i(θ) = Σ_j dense[i][j] θ^(j+1)``
        for ``θ`` in [0, 1] (II.6). Give it only where it keeps the method's global order, i.e. where it
        is of order ``order - 1`` at least; a method without one steps exactly onto every output time.
    :param source: where the coefficients are from.
    :raises ValueError: when the shapes do not fit, a row sum differs from its node, or weights do
        not sum to 1.
    """

    _diagonal = 0

    @cached_property
    def fsal(self) -> bool:
        """First same as last: the last stage is f at the new point, so the next step has it for free."""
        return self.stages > 1 and self.c[-1] == 1 and self.a[-1] == self.b[:-1] and self.b[-1] == 0


@dataclass(frozen=True)
class DiagonallyImplicitRungeKutta(RungeKutta):
    """A Runge–Kutta method whose stages are solved for one after the other (Hairer & Wanner, IV.6): SDIRK, ESDIRK.

    The parameters are those of :class:`ExplicitRungeKutta`, but that row ``i`` of ``a`` has the ``i + 1`` coefficients
    up to the diagonal. A stage whose diagonal is 0 is explicit.
    """

    _diagonal = 1

    @cached_property
    def stiffly_accurate(self) -> bool:
        """The last stage is the new point, so an A-stable method with a regular matrix ``a`` is L-stable."""
        return tuple(self.a[-1]) == tuple(self.b)
