"""One definition serves every framework, and it is the problem that it says it is."""

from __future__ import annotations

import array_api_compat.torch as torch_namespace
import jax
import numpy as np
import pytest
import torch

from suites.ivp import TITLES, detest_c
from suites.ivp.collocation import solve
from suites.ivp.complex_step import perturbed
from suites.ivp.library import PROBLEMS

NAMES = sorted(PROBLEMS)

# At t = 20, the reference solutions of Enright & Pryce (1987), ACM TOMS 13(1): correct to about 12 digits.
DETEST = {
    "a1": [2.061153353012535e-09],
    "a2": [2.182178902359887e-01],
    "a3": [2.491650271850414e00],
    "a4": [17.73016648131483],
    "a5": [-0.7887826688964196],
    "b1": [0.6761876008576667, 0.1860816099640036],
    "b2": [1.000000001030576, 1.0, 0.9999999989694235],
    "b3": [2.061153488557776e-09, 5.257228022048349e-02, 0.9474277177183630],
    "b4": [0.9826950928005993, 2.198447081694832, 0.9129452507276399],
    "b5": [-0.9396570798729192, -0.3421177754000779, 0.7414126596199957],
    "c1": [2.061153622240064e-09, 4.122307244619555e-08, 4.122307244716968e-07, 2.748204829855288e-06],
    "c2": [2.061153577984930e-09, 2.061153573736588e-09, 2.061153569488245e-09, 2.061153565239902e-09],
    "c3": [2.948119211022058e-03, 5.635380154844266e-03, 7.829072515926013e-03, 9.348257908594937e-03],
    "c4": [3.124111453721466e-03, 6.015416842150318e-03, 8.470021834842650e-03, 1.033682931733337e-02],
    "c5": [-4.792730224323733, -2.420550725448973, -9.212509306014886e-01, -4.217310404035213],
    "d1": [0.2198835352008397, 0.9427076846341813, -0.9787659841058176, 0.3287977990962036],
    "d2": [-0.1777027357140412, 0.9467784719905892, -1.030294163192969, 0.1211074890053952],
    "d3": [-0.5780432953035361, 0.8633840009194193, -0.9595083730380727, -0.06504915126712089],
    "d4": [-0.9538990293416394, 0.6907409024219432, -0.8212674270877433, -0.1539574259125825],
    "d5": [-1.295266250987574, 0.4003938963792321, -0.6775390924707566, -0.1270838154278686],
    "e1": [0.1456723600728308, -0.09883500195574063],
    "e2": [2.008149762174948, -0.04250887527320057],
    "e3": [-0.1004178858647128, 0.2411400132095954],
    "e4": [33.95091444646555, 0.2767822659672869],
    "e5": [14.11797390542629, 2.400000000000002],
}
# At t = 321.8122: the test set of Hairer & Wanner, Solving Ordinary Differential Equations II, IV.10.
HIRES = [
    0.7371312573325668e-3,
    0.1442485726316185e-3,
    0.5888729740967575e-4,
    0.1175651343283149e-2,
    0.2386356198831331e-2,
    0.6238968252742796e-2,
    0.2849998395185769e-2,
    0.2850001604814231e-2,
]


@pytest.fixture(scope="module")
def stored(suite):
    """The stored truth: predictions by name."""
    import json

    return {
        name: np.array(json.loads((suite / "references" / f"{name}.json").read_text())["arrays"]["prediction"])
        for name in NAMES
    }


def test_every_problem_of_the_library_is_a_task(registry):
    """Its title is kept where registering can read it without importing a definition."""
    assert sorted(TITLES) == NAMES
    assert {task.name for task in registry.tasks.values()} == {f"ivp/{name}" for name in NAMES}
    for name in NAMES:
        assert (
            registry.tasks[f"ivp/{name}"].load()("numpy", seed=0).params["y0"].shape
            == PROBLEMS[name].inputs["y0"].shape
        )


@pytest.mark.parametrize("name", NAMES)
def test_frameworks_agree_on_f(name):
    """One evaluation away from the start, in NumPy, in torch and in jax."""
    problem = PROBLEMS[name]
    params = {k: v for k, v in problem.inputs.items() if k not in ("y0", "ts")}
    t = np.asarray(problem.ts[0] + 0.375)
    y = 0.75 * problem.inputs["y0"] + 0.0625
    expected = problem.f(t, y, params, np)
    assert expected.shape == y.shape
    tensors = {k: torch.from_numpy(v) for k, v in params.items()}
    got = problem.f(torch.tensor(float(t), dtype=torch.float64), torch.from_numpy(y), tensors, torch_namespace)
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12, atol=1e-13)
    with jax.enable_x64(True):
        arrays = {k: jax.numpy.asarray(v) for k, v in params.items()}
        got = problem.f(jax.numpy.asarray(t), jax.numpy.asarray(y), arrays, jax.numpy)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_f_takes_leading_axes(name):
    """Rows of states, each with parameters of its own, at several times at once: as one by one."""
    problem = PROBLEMS[name]
    rows = {k: np.stack([v, 1.25 * v]) for k, v in problem.inputs.items()}
    params = {k: v for k, v in rows.items() if k not in ("y0", "ts")}
    times = problem.ts[0] + np.array([0.25, 0.5, 0.75])
    y = rows["y0"] + np.array([0.5, 0.625, 0.75])[:, None, None]
    together = problem.f(times[:, None], y, params, np)
    for i, r in np.ndindex(3, 2):
        alone = problem.f(times[i], y[i, r], {k: v[r] for k, v in params.items()}, np)
        np.testing.assert_allclose(together[i, r], alone, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", [name for name in NAMES if PROBLEMS[name].closed])
def test_closed_forms_fulfil_their_equation(name):
    """They start at y0, and their derivative, by a complex step in every time, is f."""
    problem = PROBLEMS[name]
    params = {k: v for k, v in problem.inputs.items() if k not in ("y0", "ts")}
    y0, ts = problem.inputs["y0"] + 0j, problem.inputs["ts"]
    np.testing.assert_allclose(problem.closed(ts + 0j, y0, params)[0].real, y0.real, rtol=1e-14, atol=1e-17)
    moved = np.concatenate([ts[:1] + 0j, ts[1:] + 1e-100j])
    ys = problem.closed(moved, y0, params)[1:]
    slopes = np.stack([problem.f(np.asarray(t), y, params, np) for t, y in zip(ts[1:], ys.real, strict=True)])
    np.testing.assert_allclose(ys.imag / 1e-100, slopes, rtol=1e-9, atol=1e-9 * np.abs(slopes).max() + 1e-12)


@pytest.mark.parametrize("name", sorted(DETEST))
def test_detest_ends_where_the_literature_says(name, stored):
    """The stored truth at t = 20 against Enright & Pryce's reference solutions."""
    expected = np.array(DETEST[name])
    np.testing.assert_allclose(stored[name][-1][: len(expected)], expected, rtol=1e-11, atol=1e-15)


def test_hires_ends_where_the_literature_says():
    """At t = 321.8122, where the test set looks: its values are correct to about 12 digits."""
    from dataclasses import replace

    problem = replace(PROBLEMS["hires"], ts=(0.0, 321.8122))
    np.testing.assert_allclose(solve(problem)[0, -1].real.astype(float), HIRES, rtol=1e-9)


def test_orbits_keep_energy_and_angular_momentum(stored):
    """Class D at every output time."""
    for name in ("d1", "d2", "d3", "d4", "d5"):
        x, z, u, v = stored[name].T
        energy = (u * u + v * v) / 2 - 1 / np.hypot(x, z)
        np.testing.assert_allclose(energy, -0.5, rtol=1e-13)
        np.testing.assert_allclose(x * v - z * u, x[0] * v[0], rtol=1e-13)


def test_planets_keep_momentum():
    """Newton's third law: the accelerations of all six bodies, by their masses, add up to nothing."""
    problem = PROBLEMS["c5"]
    p = {k: v for k, v in problem.inputs.items() if k not in ("y0", "ts")}
    y = problem.inputs["y0"]
    relative = problem.f(np.asarray(0.0), y, p, np)[15:].reshape(5, 3)
    x = y[:15].reshape(5, 3)
    sun = p["gravity"] * np.sum(p["mass"][:, None] * x / np.linalg.norm(x, axis=1, keepdims=True) ** 3, axis=0)
    total = p["sun"] * sun + np.sum(p["mass"][:, None] * (relative + sun), axis=0)
    np.testing.assert_allclose(total, 0.0, atol=1e-16)
    assert np.abs(sun).max() > 1e-5


def test_arenstorf_closes(stored):
    """The orbit ends where it began; the start is known to 16 digits, and the orbit magnifies what it lacks."""
    np.testing.assert_allclose(stored["arenstorf"][-1], PROBLEMS["arenstorf"].y0, atol=1e-10)


def test_reactions_keep_their_matter(stored):
    """Robertson's three substances, and the chains of DETEST C1 and C2, add up to one."""
    for name in ("robertson", "c1", "c2", "b3"):
        np.testing.assert_allclose(stored[name].sum(1), 1.0, rtol=1e-14)


def test_spiral_and_pendulum_are_as_published(stored):
    """Figures that others computed of the two demonstrations."""
    np.testing.assert_allclose(stored["spiral"][-1], [-0.44362349, 0.27944064], atol=5e-9)
    np.testing.assert_allclose(
        stored["pendulum"][[2, 4]], [[1.16605169, -1.64376051], [0.02001153, 1.56781826]], atol=5e-9
    )


def test_weights_survive_float32():
    """Of the loss: nothing is lost when a task is run in float32, and no output is left out."""
    for problem in PROBLEMS.values():
        weights = problem.weights
        assert weights.shape == (len(problem.ts), len(problem.y0))
        np.testing.assert_array_equal(weights, weights.astype(np.float32).astype(np.float64))
        assert weights.min() > 0


def test_perturbed_moves_each_number_once():
    """Row r moves the r-th number of all inputs, and only it."""
    moved = perturbed(PROBLEMS["b1"])
    together = np.concatenate([value.reshape(len(value), -1) for value in moved.values()], axis=1)
    np.testing.assert_array_equal(together.imag > 0, np.eye(len(together), dtype=bool))


def test_reserved_names():
    """A parameter called as the start or the times would be mistaken for them."""
    from dataclasses import replace

    with pytest.raises(ValueError, match="is no name for a parameter"):
        replace(detest_c.PROBLEMS[0], params={"ts": 1.0})
