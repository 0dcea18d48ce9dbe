"""Linear systems by products alone."""

from __future__ import annotations

import pytest
import torch

from odebench_torch_implicit.gmres import NotFinite, gmres


@pytest.mark.parametrize("restart", [5, 40])
def test_solves(restart: int) -> None:
    """An unsymmetric system to rounding, with restarts and without."""
    generator = torch.Generator().manual_seed(0)
    matrix = torch.eye(30, dtype=torch.float64) + 0.05 * torch.randn(30, 30, dtype=torch.float64, generator=generator)
    b = torch.randn(30, dtype=torch.float64, generator=generator)
    x = gmres(lambda v: matrix @ v, b, 1e-12, restart=restart)
    assert (matrix @ x - b).norm() <= 2e-12 * b.norm()


def test_stops_where_the_space_is_exhausted() -> None:
    """A matrix with two eigenvalues takes two products, b = 0 none, and the limit is kept."""
    products = 0
    diagonal = torch.tensor([2.0, 3.0] * 10, dtype=torch.float64)

    def apply(v: torch.Tensor) -> torch.Tensor:
        nonlocal products
        products += 1
        return diagonal * v

    x = gmres(apply, torch.ones(20, dtype=torch.float64), 1e-14)
    assert torch.allclose(x, 1 / diagonal, rtol=1e-13)
    assert products <= 3
    products = 0
    assert not gmres(apply, torch.zeros(20, dtype=torch.float64), 1e-14).any()
    assert products == 0
    gmres(lambda v: apply(v.roll(1)), torch.eye(20, dtype=torch.float64)[0], 1e-14, limit=4)
    assert products <= 5


def test_a_product_that_is_not_finite() -> None:
    """It is an error, not a NaN."""
    with pytest.raises(NotFinite):
        gmres(lambda v: v * torch.nan, torch.ones(3), 1e-3)
