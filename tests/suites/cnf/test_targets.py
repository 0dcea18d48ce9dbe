"""The energies against what is known of them."""

import numpy as np
import pytest

from odebench.tasks import namespace
from suites.cnf.targets import (
    LOG_PARTITION,
    TARGETS,
    WALL,
    WINDOW,
    energy,
    grid,
    log_integral,
    walled_log_partition,
    walls,
)


@pytest.mark.parametrize("target", TARGETS)
def test_stated_log_partitions(target):
    """The four constants, by quadrature over the window, to the four digits that they are stated with."""
    z = grid(WINDOW, 801)
    assert log_integral(-energy(target, z, np), WINDOW) == pytest.approx(LOG_PARTITION[target], abs=6e-5)


def test_energies_are_those_of_the_table():
    """U1 to U4 written out as the table of Rezende & Mohamed has them, at points of the window."""
    z = np.random.default_rng(0).uniform(-4, 4, (50, 2))
    x, y = z.T
    w1, w2, w3 = np.sin(np.pi * x / 2), 3 * np.exp(-0.5 * ((x - 1) / 0.6) ** 2), 3 / (1 + np.exp(-(x - 1) / 0.3))

    def bump(a, width):
        return np.exp(-0.5 * (a / width) ** 2)

    wanted = {
        "u1": 0.5 * ((np.hypot(x, y) - 2) / 0.4) ** 2 - np.log(bump(x - 2, 0.6) + bump(x + 2, 0.6)),
        "u2": 0.5 * ((y - w1) / 0.4) ** 2,
        "u3": -np.log(bump(y - w1, 0.35) + bump(y - w1 + w2, 0.35)),
        "u4": -np.log(bump(y - w1, 0.4) + bump(y - w1 + w3, 0.35)),
    }
    for target, values in wanted.items():
        np.testing.assert_allclose(energy(target, z, np), values, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("target", TARGETS)
def test_energies_in_other_frameworks(target):
    """PyTorch's and JAX's are NumPy's, far from the ridge, too, where the exponentials underflow."""
    import jax.numpy as jnp
    import torch

    z = np.concatenate([grid(4.5, 10), [[0.5, 40.0]]]).astype(np.float32)
    wanted = energy(target, z.astype(np.float64), np) + walls(z.astype(np.float64), np)
    for framework, array in (("torch", torch.tensor(z)), ("jax", jnp.asarray(z, jnp.float32))):
        xp = namespace(framework)
        np.testing.assert_allclose(np.asarray(energy(target, array, xp) + walls(array, xp)), wanted, rtol=1e-4)


def test_walls():
    """0 in the window, quadratic outside; what they add to the integral is what a half-Gaussian adds at either end."""
    assert not walls(grid(WINDOW, 9), np).any()
    assert walls(np.array([[4.5, -5.0]]), np) == pytest.approx(WALL * (0.25 + 1))
    assert walled_log_partition("u1") == pytest.approx(LOG_PARTITION["u1"], abs=1e-4)
    tails = np.sqrt(
        np.pi / WALL
    )  # of U2, whose section along z₂ is the same everywhere, but for what the walls cut off
    assert np.exp(walled_log_partition("u2") - LOG_PARTITION["u2"]) == pytest.approx(1 + tails / 8, abs=1e-3)
