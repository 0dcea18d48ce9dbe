"""Dense output of a first-same-as-last method: the cubic Hermite interpolant and, on top, a quartic term."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from odebench.tableau import Number


def hermite(b: Sequence[Number], d: Sequence[Number] | None = None) -> list[list[Number]]:
    """Continuous weights that meet y and f at both ends of the step (HNW II.6).

    ``b_i(θ) = θ²(3 - 2θ) b_i + θ(1 - θ)² [i first] - θ²(1 - θ) [i last] + θ²(1 - θ)² d_i``, row ``i`` being
    the coefficients of θ, θ², θ³ and, where ``d`` is given, θ⁴. The last stage must be f at the new point.
    """
    rows: list[list[Number]] = [[0, 3 * w, -2 * w] for w in b]
    rows[0] = [x + y for x, y in zip(rows[0], (1, -2, 1), strict=True)]
    rows[-1] = [x + y for x, y in zip(rows[-1], (0, -1, 1), strict=True)]
    if d is None:
        return rows
    return [[linear, square + w, cube - 2 * w, w] for (linear, square, cube), w in zip(rows, d, strict=True)]
