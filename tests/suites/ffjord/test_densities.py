"""The toy densities have the paper's shapes: what their constants imply of the points."""

import numpy as np
import pytest

from suites.ffjord.densities import DENSITIES

N = 20_000


@pytest.fixture(scope="module")
def points():
    return {name: draw(np.random.default_rng(0), N) for name, draw in DENSITIES.items()}


@pytest.mark.parametrize("name", DENSITIES)
def test_points(points, name):
    """Eight densities of the plane, each a function of its generator, within about ±5."""
    assert len(DENSITIES) == 8
    assert points[name].shape == (N, 2)
    assert np.array_equal(points[name][:7], DENSITIES[name](np.random.default_rng(0), N)[:7])
    assert np.abs(points[name]).max() < 6


def test_radii(points):
    """Circles at 1.5 and 3, rings at multiples of 0.75, spread by their noise."""
    for name, radii, spread in (("circles", (1.5, 3), 0.24), ("rings", (0.75, 1.5, 2.25, 3), 0.08)):
        radius = np.linalg.norm(points[name], axis=1)
        distance = np.abs(radius[:, None] - np.array(radii)).min(axis=1)
        assert distance.mean() == pytest.approx(spread * np.sqrt(2 / np.pi), rel=0.1), name


def test_eight_centres(points):
    """An eighth of the points about each of eight centres at radius 4/1.414, with deviation 0.5/1.414."""
    x = points["8gaussians"]
    which = np.round(np.arctan2(x[:, 1], x[:, 0]) / (np.pi / 4)).astype(int) % 8
    for k in range(8):
        mine = x[which == k]
        centre = 4 / 1.414 * np.array([np.cos(k * np.pi / 4), np.sin(k * np.pi / 4)])
        assert len(mine) == pytest.approx(N / 8, rel=0.1)
        assert np.allclose(mine.mean(axis=0), centre, atol=0.05)
        assert np.allclose(mine.std(axis=0), 0.5 / 1.414, atol=0.03)


def test_checkerboard(points):
    """Uniform on the squares of side 2 whose numbers add up to an even number, and nowhere else, over ±4."""
    square = np.floor(points["checkerboard"] / 2).astype(int)
    assert set(square.ravel()) == {-2, -1, 0, 1}
    assert not np.any(square.sum(axis=1) % 2)
    _, counts = np.unique(square, axis=0, return_counts=True)
    assert len(counts) == 8
    assert np.allclose(counts, N / 8, rtol=0.1)


def test_arms(points):
    """The pinwheel has five arms that are turned into each other; the two spirals are each other's reflection."""
    x = points["pinwheel"]
    turn = 2 * np.pi / 5
    turned = x @ np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    bins = [np.linspace(-4, 4, 9)] * 2
    for name, other in (("pinwheel", turned), ("2spirals", -points["2spirals"])):
        here, there = (np.histogram2d(*p.T, bins=bins)[0] / N for p in (points[name], other))
        assert np.abs(here - there).sum() < 0.06, name
        assert np.abs(here - here[::-1]).sum() > 0.3, name  # but not its own mirror image


def test_moons_and_roll(points):
    """Moons about the origin, 6 wide with their noise of 0.2; a roll whose radius grows with its angle from 0.3 π to
    0.9 π."""
    moons = points["moons"]
    assert np.allclose(moons.mean(axis=0), [0.0, 0.3], atol=0.05)
    assert 5.5 < np.ptp(moons[:, 0]) < 7.5
    radius = np.linalg.norm(points["swissroll"], axis=1)
    assert np.quantile(radius, 0.02) > 0.3 * np.pi - 0.4
    assert np.quantile(radius, 0.98) < 0.9 * np.pi + 0.4
