"""Every implicit method is of the order it claims, tree by tree, and as stable as its file says.

The conditions ``Σ b_i Φ_i(t) = 1/γ(t)`` over rooted trees t are HNW II.2, Theorem 2.13; with ``b_i(θ)`` and
``θ^|t|/γ(t)`` they are those of a continuous extension (II.6). Trees are tuples of their subtrees.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from odebench_implicit import TABLEAUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from odebench import DiagonallyImplicitRungeKutta

Tree = tuple[Any, ...]

# Of a coefficient that is a rounded decimal or root.
ROUNDING = Fraction(1, 10**15)
# Whoever is not of an order misses it by far more than that.
MISS = Fraction(1, 10**4)
THETAS = [Fraction(k, 6) for k in range(7)]

METHODS = {tableau.name: tableau for tableau in TABLEAUS}
ORDERS = {"backward_euler": 1, "implicit_midpoint": 2, "trapezoid": 2, "sdirk2": 2, "trbdf2": 2}
ORDERS |= {"kvaerno3": 3, "kvaerno4": 4, "kencarp4": 4, "kvaerno5": 5}
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
each_pair = pytest.mark.parametrize("method", [m for m in METHODS.values() if m.adaptive], ids=lambda m: m.name)


def size(t: Tree) -> int:
    return 1 + sum(map(size, t))


@cache
def trees(n: int) -> list[Tree]:
    """The rooted trees of n nodes: a root with every multiset of smaller trees that has n - 1 nodes."""
    smaller = [t for m in range(1, n) for t in trees(m)]
    found: list[Tree] = []
    for count in range(n):
        found += [s for s in combinations_with_replacement(smaller, count) if sum(map(size, s)) == n - 1]
    return found


def density(t: Tree) -> int:
    """γ(t)."""
    return size(t) * prod(map(density, t))


def stage_weights(method: DiagonallyImplicitRungeKutta, t: Tree) -> list[Fraction]:
    """Φ_i(t) of every stage i."""
    phi = [Fraction(1)] * method.stages
    for subtree in t:
        inner = stage_weights(method, subtree)
        phi = [
            p * sum(Fraction(x) * y for x, y in zip(row, inner, strict=False))
            for p, row in zip(phi, method.a, strict=True)
        ]
    return phi


def defect(
    method: DiagonallyImplicitRungeKutta, weights: Sequence[Any], n: int, theta: Fraction = Fraction(1)
) -> Fraction:
    """The largest ``|Σ b_i Φ_i(t) - θ^n/γ(t)|`` over the trees of n nodes."""
    b = [Fraction(x) for x in weights]
    return max(
        abs(sum(x * y for x, y in zip(b, stage_weights(method, t), strict=True)) - theta**n / density(t))
        for t in trees(n)
    )


def dense_weights(method: DiagonallyImplicitRungeKutta, theta: Fraction) -> Iterator[Fraction]:
    assert method.dense is not None
    for row in method.dense:
        yield sum((Fraction(w) * theta ** (j + 1) for j, w in enumerate(row)), Fraction(0))


def at_infinity(method: DiagonallyImplicitRungeKutta, weights: Sequence[Any]) -> float:
    """|R(-10⁸)| of ``R(z) = 1 + z bᵀ (I - z A)⁻¹ 1`` (HW IV.3, eq. 3.2)."""
    s, z = method.stages, -1e8
    a = np.zeros((s, s))
    for i, row in enumerate(method.a):
        a[i, : i + 1] = [float(x) for x in row]
    b = np.array([float(x) for x in weights])
    return abs(1 + z * b @ np.linalg.solve(np.eye(s) - z * a, np.ones(s)))


def test_the_generator_finds_every_tree() -> None:
    """The trees are as many as is known (HNW II.2, Table 2.1)."""
    assert [len(trees(n)) for n in range(1, 7)] == [1, 1, 2, 4, 9, 20]


@each_method
def test_the_solution_is_of_its_order_and_no_higher(method: DiagonallyImplicitRungeKutta) -> None:
    """All conditions up to ``order`` hold and one of the next order does not."""
    assert method.order == ORDERS[method.name]
    for n in range(1, method.order + 1):
        assert defect(method, method.b, n) <= ROUNDING
    assert defect(method, method.b, method.order + 1) > MISS


@each_pair
def test_the_embedded_solution_is_of_its_order_and_no_higher(method: DiagonallyImplicitRungeKutta) -> None:
    """The same of ``b_hat``."""
    assert method.b_hat is not None
    order = method.order - 1 if method.b_hat_order is None else method.b_hat_order
    for n in range(1, order + 1):
        assert defect(method, method.b_hat, n) <= ROUNDING
    assert defect(method, method.b_hat, order + 1) > MISS


@each_method
def test_dense_output_keeps_the_global_order(method: DiagonallyImplicitRungeKutta) -> None:
    """The continuous weights satisfy the conditions up to ``order - 1`` as identities in θ; only kvaerno5 has none."""
    if method.dense is None:
        assert method.name == "kvaerno5"
        return
    for n in range(1, max(method.order, 2)):
        assert max(defect(method, list(dense_weights(method, theta)), n, theta) for theta in THETAS) <= ROUNDING


@each_method
def test_stability_at_infinity(method: DiagonallyImplicitRungeKutta) -> None:
    """R(∞) is 0 for all but the midpoint and trapezoidal rules, where it is -1; A-stability is tested beside it."""
    neutral = method.name in {"implicit_midpoint", "trapezoid"}
    assert at_infinity(method, method.b) == pytest.approx(float(neutral), abs=1e-6)
    assert method.stiffly_accurate == (method.name != "implicit_midpoint")


@each_method
def test_a_stability(method: DiagonallyImplicitRungeKutta) -> None:
    """|R(iy)| ≤ 1 on the imaginary axis; R has no pole to the left of it, so the same holds in the half-plane."""
    s = method.stages
    a = np.zeros((s, s))
    for i, row in enumerate(method.a):
        a[i, : i + 1] = [float(x) for x in row]
    assert (np.diag(a) >= 0).all()
    b = np.array([float(x) for x in method.b])
    for z in 1j * np.logspace(-3, 6, 400):
        assert abs(1 + z * b @ np.linalg.solve(np.eye(s) - z * a, np.ones(s))) <= 1 + 1e-9


@each_pair
def test_the_error_estimate_needs_a_filter(method: DiagonallyImplicitRungeKutta) -> None:
    """No embedded solution vanishes at infinity, so that of a stiff component the estimate b - b_hat stays: an engine
    multiplies it by ``(I - hγJ)⁻¹`` (HW IV.8, eq. 8.20)."""
    assert method.b_hat is not None
    assert at_infinity(method, method.b_hat) > 0.05


@pytest.mark.parametrize(("i", "j"), [(i, j) for i in range(2, 7) for j in range(1, i)])
def test_a_wrong_coefficient_is_caught(i: int, j: int) -> None:
    """A coefficient of kvaerno5 off by 1e-6, its row sum kept: the constructor cannot see it, the trees do."""
    method = METHODS["kvaerno5"]
    rows = [list(row) for row in method.a]
    rows[i][j] = float(rows[i][j]) + 1e-6
    rows[i][0] = float(rows[i][0]) - 1e-6
    wrong = replace(method, a=rows, b=rows[6], b_hat=[*rows[5], 0])
    assert wrong.b_hat is not None
    worst = max(
        *(defect(wrong, wrong.b, n) for n in range(1, 6)),
        *(defect(wrong, wrong.b_hat, n) for n in range(1, 5)),
    )
    assert worst > Fraction(1, 10**9)
