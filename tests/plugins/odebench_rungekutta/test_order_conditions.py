"""Every method is of the order it claims: the order conditions, tree by tree, in exact arithmetic.

The conditions ``Σ b_i Φ_i(t) = 1/γ(t)`` over rooted trees t are HNW II.2, Theorem 2.13; with ``b_i(θ)`` and
``θ^|t|/γ(t)`` they are those of a continuous extension (II.6). Trees are tuples of their subtrees.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement, product
from math import factorial, prod
from typing import TYPE_CHECKING, Any

import pytest

from odebench_rungekutta import TABLEAUS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from odebench import ExplicitRungeKutta

Tree = tuple[Any, ...]

# The largest defect allowed: none, save where the coefficients are published as approximations.
ROUNDING = {"tsit5": Fraction(1, 10**14), "dopri8": Fraction(2, 10**17)}
# Whoever is not of an order misses it by far more than that.
MISS = Fraction(1, 10**6)
# Enough points that a polynomial of the degrees in use that vanishes on them is zero.
THETAS = [Fraction(k, 6) for k in range(7)]

METHODS = {tableau.name: tableau for tableau in TABLEAUS}
HEUN3, DOPRI5 = METHODS["heun3"], METHODS["dopri5"]
each_method = pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
each_pair = pytest.mark.parametrize("method", [m for m in METHODS.values() if m.adaptive], ids=lambda m: m.name)
each_dense = pytest.mark.parametrize("method", [m for m in METHODS.values() if m.dense], ids=lambda m: m.name)


def partitions(n: int, largest: int) -> Iterator[tuple[int, ...]]:
    if n == 0:
        yield ()
    for first in range(min(n, largest), 0, -1):
        for rest in partitions(n - first, first):
            yield (first, *rest)


@cache
def trees(n: int) -> list[Tree]:
    """The rooted trees of n nodes."""
    found: list[Tree] = []
    for sizes in partitions(n - 1, n - 1):
        forests = [combinations_with_replacement(trees(k), count) for k, count in Counter(sizes).items()]
        found += [sum(choice, ()) for choice in product(*forests)]
    return found


def size(t: Tree) -> int:
    return 1 + sum(map(size, t))


def density(t: Tree) -> int:
    """γ(t)."""
    return size(t) * prod(map(density, t))


def symmetry(t: Tree) -> int:
    """σ(t)."""
    return prod(factorial(count) * symmetry(s) ** count for s, count in Counter(t).items())


@cache
def elementary_weights(method: ExplicitRungeKutta, t: Tree) -> list[Fraction]:
    """Φ_i(t) of every stage i."""
    a = [[Fraction(x) for x in row] for row in method.a]
    phi = [Fraction(1)] * method.stages
    for subtree in t:
        inner = elementary_weights(method, subtree)
        phi = [p * sum(x * y for x, y in zip(row, inner, strict=False)) for p, row in zip(phi, a, strict=True)]
    return phi


def defect(method: ExplicitRungeKutta, weights: Sequence[Any], n: int, theta: Fraction = Fraction(1)) -> Fraction:
    """The largest ``|Σ b_i Φ_i(t) - θ^n/γ(t)|`` over the trees of n nodes."""
    b = [Fraction(x) for x in weights]
    return max(
        abs(sum(x * y for x, y in zip(b, elementary_weights(method, t), strict=True)) - theta**n / density(t))
        for t in trees(n)
    )


def dense_weights(method: ExplicitRungeKutta, theta: Fraction) -> list[Fraction]:
    assert method.dense is not None
    return [sum((Fraction(w) * theta ** (j + 1) for j, w in enumerate(row)), Fraction(0)) for row in method.dense]


def dense_defect(method: ExplicitRungeKutta, n: int) -> Fraction:
    return max(defect(method, dense_weights(method, theta), n, theta) for theta in THETAS)


def assert_exact_order(method: ExplicitRungeKutta, weights: Sequence[Any], order: int) -> None:
    for n in range(1, order + 1):
        assert defect(method, weights, n) <= ROUNDING.get(method.name, 0), f"{method.name} misses order {n}"
    assert defect(method, weights, order + 1) > MISS, f"{method.name} is of order {order + 1}"


def test_the_generator_finds_every_tree() -> None:
    """The trees are as many as is known (HNW II.2, Table 2.1), and their n!/(γσ) labellings number (n-1)!."""
    assert [len(trees(n)) for n in range(1, 10)] == [1, 1, 2, 4, 9, 20, 48, 115, 286]
    for n in range(1, 10):
        assert all(size(t) == n for t in trees(n))
        assert sum(Fraction(factorial(n), density(t) * symmetry(t)) for t in trees(n)) == factorial(n - 1)


@each_method
def test_the_solution_is_of_its_order_and_no_higher(method: ExplicitRungeKutta) -> None:
    """All conditions up to ``order`` hold and one of the next order does not."""
    assert_exact_order(method, method.b, method.order)


@each_pair
def test_the_embedded_solution_is_of_its_order_and_no_higher(method: ExplicitRungeKutta) -> None:
    """The same of ``b_hat``; the error estimate is then one order above the lower of the two."""
    assert method.b_hat is not None
    order = method.order - 1 if method.b_hat_order is None else method.b_hat_order
    assert_exact_order(method, method.b_hat, order)
    assert method.error_order == min(order, method.order) + 1


@each_dense
def test_dense_output_keeps_the_global_order(method: ExplicitRungeKutta) -> None:
    """The continuous weights satisfy the conditions up to ``order - 1`` as identities in θ."""
    for n in range(1, max(method.order, 2)):
        assert dense_defect(method, n) <= ROUNDING.get(method.name, 0), f"{method.name} misses order {n}"


@pytest.mark.parametrize(
    ("name", "order"),
    (
        {"euler": 1, "midpoint": 2, "heun2": 2, "ralston": 2, "heun3": 2, "rk4": 3, "rk4_38": 3}
        | {"bosh3": 3, "dopri5": 4, "tsit5": 4}
    ).items(),
)
def test_dense_output_is_of_the_order_that_is_documented(name: str, order: int) -> None:
    """The continuous extension has exactly the order that its file states."""
    method = METHODS[name]
    assert dense_defect(method, order) <= ROUNDING.get(name, 0)
    assert dense_defect(method, order + 1) > MISS


def test_methods_without_dense_output() -> None:
    """The pairs without a cheap extension of order ``order - 1`` step onto the outputs."""
    assert {name for name, method in METHODS.items() if method.dense is None} == {"fehlberg45", "dopri8"}


@pytest.mark.parametrize("name", ["bosh3", "dopri5", "tsit5"])
def test_dense_output_is_continuously_differentiable(name: str) -> None:
    """At both ends of a step the interpolant's slope is f there: the first stage's, and the last's."""
    method = METHODS[name]
    assert method.dense is not None
    last = method.stages - 1
    for i, row in enumerate(method.dense):
        assert float(row[0]) == pytest.approx(float(i == 0), abs=1e-15)
        assert float(sum((j + 1) * w for j, w in enumerate(row))) == pytest.approx(float(i == last), abs=1e-13)


def test_dense_output_of_heun3_is_the_best_of_order_2() -> None:
    """Along the one direction that keeps order 2, the third-order error can only grow, at every θ."""

    def error(theta: Fraction, shift: Fraction) -> Fraction:
        b = dense_weights(HEUN3, theta)
        b = [x + shift * y for x, y in zip(b, (1, -2, 1), strict=True)]
        assert defect(HEUN3, b, 1, theta) == defect(HEUN3, b, 2, theta) == 0
        phi = [sum(x * y for x, y in zip(b, elementary_weights(HEUN3, t), strict=True)) for t in trees(3)]
        return sum(
            (((p - theta**3 / density(t)) / symmetry(t)) ** 2 for p, t in zip(phi, trees(3), strict=True)),
            Fraction(0),
        )

    for theta in THETAS[1:-1]:
        assert error(theta, Fraction(0)) < min(error(theta, Fraction(s, 10**6)) for s in (-1, 1))


@each_method
def test_nodes_are_the_row_sums(method: ExplicitRungeKutta) -> None:
    """``c_i = Σ_j a_ij``, exactly or to the published digits."""
    for node, row in zip(method.c, method.a, strict=True):
        assert abs(Fraction(node) - sum(Fraction(x) for x in row)) <= ROUNDING.get(method.name, 0)


def test_first_same_as_last() -> None:
    """Three pairs reuse their last stage; the others must not."""
    assert {name for name, method in METHODS.items() if method.fsal} == {"bosh3", "dopri5", "tsit5"}


def test_adaptive_methods() -> None:
    """A method is adaptive where its authors published a pair."""
    adaptive = {name for name, method in METHODS.items() if method.adaptive}
    assert adaptive == {"bosh3", "fehlberg45", "dopri5", "tsit5", "dopri8"}


@pytest.mark.parametrize(("i", "j"), [(i, j) for i in range(2, 7) for j in range(1, i)])
def test_a_wrong_coefficient_is_caught(i: int, j: int) -> None:
    """A coefficient of dopri5 off by 1e-6, its row sum kept: the constructor cannot see it, the trees do."""
    rows = [list(row) for row in DOPRI5.a]
    rows[i][j] += Fraction(1, 10**6)
    rows[i][0] -= Fraction(1, 10**6)
    wrong = replace(DOPRI5, a=rows)
    assert wrong.b_hat is not None
    worst = max(
        *(defect(wrong, wrong.b, n) for n in range(1, 6)),
        *(defect(wrong, wrong.b_hat, n) for n in range(1, 5)),
    )
    assert worst > Fraction(1, 10**9)
