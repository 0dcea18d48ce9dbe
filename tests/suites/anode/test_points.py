"""The point sets: in the radii and angles that they should be, and drawn from the seed alone."""

import numpy as np
import pytest

from suites.anode.points import WEDGE, across, annuli_without_wedge, in_wedge, line, pair, spheres


@pytest.mark.parametrize("d", [1, 2, 5, 10])
def test_spheres(d):
    """A third within 0.5 of the centre is -1, two thirds between 1 and 1.5 are +1; half of the ball's points
    are beyond the radius that halves its volume."""
    points = spheres(np.random.default_rng(0), d, 3000)
    radius = np.linalg.norm(points.x, axis=1)
    inner = points.y[:, 0] == -1
    assert points.x.shape == (3000, d)
    assert inner.sum() == 1000
    assert (radius[inner] <= 0.5).all()
    assert ((radius[~inner] >= 1) & (radius[~inner] <= 1.5)).all()
    assert np.mean(radius[inner] > 0.5 * 0.5 ** (1 / d)) == pytest.approx(0.5, abs=0.05)
    assert np.mean((radius[~inner] - 1) * 2 > 0.5 ** (1 / d)) == pytest.approx(0.5, abs=0.04)
    assert np.abs(points.x.mean(axis=0)).max() < 0.1


def test_the_wedge_is_held_out():
    """None of the training points is in [0, π/5], all of the others are, and there are as many as were asked for."""
    outside, inside = annuli_without_wedge(np.random.default_rng(0), 300, 40)
    assert (len(outside.x), len(inside.x)) == (300, 40)
    assert not in_wedge(outside).any()
    angle = np.arctan2(*inside.x.T[::-1])
    assert ((angle >= 0) & (angle <= WEDGE)).all()
    assert set(inside.y[:, 0]) == {-1, 1}


def test_the_line():
    """As many points at -1 as at +1, so that the best that a flow can say is 0 of both; the target has the sign."""
    swapped = pair(500, -1)
    assert swapped.x.sum() == 0
    np.testing.assert_array_equal(swapped.y, -swapped.x)
    np.testing.assert_array_equal(pair(500, 1).y, swapped.x)
    assert np.all(np.diff(line(1).x[:, 0]) > 0)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_the_grid_lies_in_the_plane_of_two_axes(d):
    """And reaches beyond the shell."""
    x = across(d).x
    assert x.shape == (24 if d == 1 else 24**2, d)
    assert (x[:, 2:] == 0).all()
    assert x[:, :2].min() < -1.5
    assert x[:, :2].max() > 1.5
