"""The spirals of suites/latent_ode: their formulas, their times, and how predictions are scored."""

import numpy as np
import pytest

from suites.latent_ode import series, spirals


@pytest.fixture(scope="module")
def drawn():
    return spirals.draw(np.random.default_rng(0), 400, 30)


def test_spirals_turn_as_they_are_called(drawn):
    """The angle about a spiral's centre falls along a clockwise one and rises along the other, by one step of the 500
    angles a grid point; the radius is 15/φ or 0.3 θ and stays below 5.3: nothing comes near the singularity."""
    centres = np.where(drawn.clockwise[:, None], [-5.0, 0.0], [5.0, 0.0])
    arms = drawn.clean - centres[:, None]
    angles = np.unwrap(np.arctan2(arms[..., 1], arms[..., 0]), axis=1)
    turns = np.where(drawn.clockwise, -1.0, 1.0)[:, None] * spirals.STEP
    np.testing.assert_allclose(np.diff(angles, axis=1), np.broadcast_to(turns, (400, 199)), rtol=1e-9)
    theta = spirals.STEP * (drawn.starts[:, None] + np.arange(200))
    radii = np.where(drawn.clockwise[:, None], 15 / (6 * np.pi + 1 - theta), 0.3 * theta)
    np.testing.assert_allclose(np.linalg.norm(arms, axis=-1), radii, rtol=1e-9)
    assert radii.max() < 5.3
    assert 0.4 < drawn.clockwise.mean() < 0.6


def test_what_is_seen(drawn):
    """Thirty different ones of the first hundred points, in order, each as likely as another; with noise of sd 0.3."""
    assert drawn.seen.shape == (400, 30)
    assert np.all(np.diff(drawn.seen, axis=1) > 0)
    assert drawn.seen.min() == 0
    assert drawn.seen.max() == 99
    hits = np.bincount(drawn.seen.ravel(), minlength=100)
    assert np.abs(hits - 120).max() < 5 * np.sqrt(400 * 0.3 * 0.7)
    assert np.std(drawn.noisy - drawn.clean) == pytest.approx(0.3, rel=0.01)
    rows = np.arange(400)[:, None]
    np.testing.assert_array_equal(drawn.observed, drawn.noisy[rows, drawn.seen])


def test_scores_of_known_predictions(drawn):
    """The truth scores 0 against the clean series and the noise's 0.3 against the noisy one; a shift of one coordinate
    by 1 beyond the seen times is an error of √½ there and of none before."""
    perfect = series.scores(drawn.clean, drawn)
    for where in ("interpolation", "extrapolation", "covered"):
        assert perfect[f"test_rmse_{where}"] == 0
        assert perfect[f"test_rmse_{where}_noisy"] == pytest.approx(0.3, rel=0.03)
    shifted = drawn.clean.copy()
    shifted[:, 100:, 0] += 1
    found = series.scores(shifted, drawn)
    assert found["test_rmse_interpolation"] == 0
    assert found["test_rmse_extrapolation"] == pytest.approx(np.sqrt(0.5)) == found["test_rmse_covered"]


def test_gaps_add_up(drawn):
    """From the first seen point to the one beyond, in units of 100/30 points; all above zero."""
    found = series.gaps(drawn, 100) * 100 / 30
    np.testing.assert_allclose(found.sum(1), 100 - drawn.seen[:, 0])
    assert found.min() >= 1 - 1e-12


def test_predictions_are_joined_by_lines():
    """At their own positions they stay, and half-way between two of them is their mean."""
    positions = np.array([[10.0, 20.0, 199.0]])
    predictions = np.array([[[0.0, 1.0], [10.0, 3.0], [4.0, 4.0]]])
    found = series.on_the_grid(positions, predictions)
    assert found.shape == (1, 200, 2)
    np.testing.assert_array_equal(found[0, [10, 15, 20, 199]], [[0, 1], [5, 2], [10, 3], [4, 4]])


def test_log_likelihood():
    """Of a point at the mean, and of one that is a standard deviation off in both coordinates."""
    here = np.zeros((1, 2))
    at_mean = -2 * np.log(0.3 * np.sqrt(2 * np.pi))
    np.testing.assert_allclose(series.log_likelihood(here, here), at_mean)
    np.testing.assert_allclose(series.log_likelihood(here, here + 0.3), at_mean - 1)
