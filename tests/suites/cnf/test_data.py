"""Two Moons and Two Circles, and their laws."""

import numpy as np
import pytest

from suites.cnf.data import CIRCLES, MOONS, gaussian_nll
from suites.cnf.targets import grid, log_integral


def test_moons_by_the_formulas():
    """Without noise: half of a circle of radius 1 around 0, and half of one around (1, ½) that is upside down."""
    points = MOONS._replace(noise=0.0).draw(101, np.random.default_rng(0))
    outer = np.isclose(np.hypot(*points.T), 1) & (points[:, 1] >= -1e-12)
    inner = np.isclose(np.hypot(points[:, 0] - 1, points[:, 1] - 0.5), 1) & (points[:, 1] <= 0.5 + 1e-12)
    assert (outer | inner).all()
    assert outer.sum() == 50
    for end in ([1, 0], [-1, 0], [0, 0.5], [2, 0.5]):
        assert np.isclose(points, end).all(1).any()


def test_circles_by_the_formulas():
    """Without noise: radii 1 and ½, equally often, and no point twice."""
    points = CIRCLES._replace(noise=0.0).draw(100, np.random.default_rng(0))
    radii = np.hypot(*points.T)
    assert np.isclose(radii, 1).sum() == np.isclose(radii, 0.5).sum() == 50
    assert len(np.unique(points.round(9), axis=0)) == 100


@pytest.mark.parametrize("source", [MOONS, CIRCLES], ids=["moons", "circles"])
def test_laws(source):
    """The density integrates to 1, and is that of what is drawn: the second moments agree."""
    x = grid(source.half, 121)
    log_density = source.log_density(x)
    assert log_integral(log_density, source.half) == pytest.approx(0, abs=1e-6)
    cell = (2 * source.half / 120) ** 2
    drawn = source.draw(100_000, np.random.default_rng(0))
    moments = (np.exp(log_density) * cell) @ x**2
    np.testing.assert_allclose((drawn**2).mean(0), moments, rtol=0.01)


def test_gaussian_baseline():
    """Of Gaussian data it is the entropy of their law."""
    a = np.array([[2.0, 0.0], [1.0, 0.5]])
    train, test = (np.random.default_rng(i).standard_normal((50_000, 2)) @ a for i in range(2))
    entropy = np.log(2 * np.pi * np.e) + np.log(np.linalg.det(a))
    assert gaussian_nll(train, test) == pytest.approx(entropy, abs=0.02)
