"""The tasks of suites/latent_ode: one loss in two frameworks, gradients that agree, and a start that is sampled."""

from pathlib import Path

import numpy as np
import pytest

import odebench
from odebench.errors import UserError
from odebench.registry import load_registry
from suites import latent_ode
from suites.latent_ode import ode_rnn, spirals
from suites.latent_ode.latent import separation, told_apart

SMALL = {"points": 6, "series": 30, "batch_size": 5, "test_series": 20}
NAMES = ("latent_ode", "rnn", "rnn_dt", "ode_rnn")


@pytest.fixture(scope="module")
def registry():
    return load_registry(suites=[Path(latent_ode.__file__).parent], strict=True)


@pytest.fixture(scope="module")
def adapters(registry):
    return {name: registry.frameworks[name].load()("cpu", "float64") for name in ("torch", "jax")}


def gradient(registry, adapters, name, framework, method="rk4/backprop", **options):
    """Loss and gradient of the first batch in float64, as NumPy's."""
    made = registry.tasks[f"latent_ode/{name}"].load()(framework, seed=1, **SMALL)
    adapter = adapters[framework]
    adapter.activate()
    odeint = odebench.backend(f"{framework}/{method}", **(options or {"num_steps": 3})).odeint
    call = adapter.value_and_grad(lambda params, batch: made.loss(params, batch, odeint))
    return adapter.numpy(call(adapter.asarray(made.params), adapter.asarray(made.batch(0))))


@pytest.mark.parametrize("name", NAMES)
def test_two_frameworks_have_one_loss(registry, adapters, name):
    """The same parameters and batch: loss and every gradient to 1e-9; and none of these is zero."""
    (loss, grads), (other, others) = (gradient(registry, adapters, name, f) for f in ("torch", "jax"))
    assert loss == pytest.approx(float(other), rel=1e-10)
    for key, expected in grads.items():
        assert np.abs(expected).max() > 0, key
        np.testing.assert_allclose(others[key], expected, rtol=1e-7, atol=1e-9 * np.abs(expected).max(), err_msg=key)


@pytest.mark.parametrize("name", ["latent_ode", "ode_rnn"])
def test_gradient_methods_agree(registry, adapters, name):
    """The adjoint's gradient is that through the solver, to the tolerance."""
    tight = {"rtol": 1e-8, "atol": 1e-8}
    _, direct = gradient(registry, adapters, name, "torch", "dopri5/backprop", **tight)
    _, adjoint = gradient(registry, adapters, name, "torch", "dopri5/adjoint", **tight)
    for key, expected in direct.items():
        np.testing.assert_allclose(adjoint[key], expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max(), err_msg=key)


@pytest.mark.parametrize(("name", "size"), [("latent_ode", 1259), ("rnn", 752), ("rnn_dt", 777), ("ode_rnn", 1797)])
def test_sizes(registry, name, size):
    """Parameters: the latent ODE's are 725 + 208 of the encoder, which sees Δt, 184 of the field and 142 of the
    decoder; the RNN's 700 and 52."""
    made = registry.tasks[f"latent_ode/{name}"].load()("torch", seed=0)
    assert sum(p.size for p in made.params.values()) == size
    public = registry.tasks["latent_ode/latent_ode"].load()("torch", seed=0, layers=2)
    assert sum(p.size for key, p in public.params.items() if key.startswith("field.")) == 604


def test_a_batch_is_a_function_of_seed_and_step(registry):
    """Twice the same; another one for another step or seed; of a seed's very series whatever the framework."""
    make = registry.tasks["latent_ode/latent_ode"].load()
    first, again, other = (make(f, seed=s, **SMALL).batch(3) for f, s in (("torch", 0), ("jax", 0), ("jax", 1)))
    np.testing.assert_equal(first, again)
    assert not np.array_equal(first["targets"], other["targets"])
    assert not np.array_equal(first["targets"], make("jax", seed=0, **SMALL).batch(4)["targets"])


@pytest.mark.parametrize("name", ["latent_ode", "rnn_dt"])
def test_training_twice_gives_the_same_numbers(registry, adapters, name):
    """To the last bit, after three steps from the same seed; and others from another seed."""
    adapter = adapters["torch"]
    adapter.activate()
    odeint = odebench.backend("torch/rk4/backprop", num_steps=3).odeint

    def trained(seed):
        made = registry.tasks[f"latent_ode/{name}"].load()("torch", seed=seed, **SMALL)
        descent = adapter.descent(lambda p, b: made.loss(p, b, odeint), made.recipe, adapter.asarray(made.params))
        for step in range(3):
            descent.step(adapter.asarray(made.batch(step)), made.recipe.rate(step))
        return adapter.numpy(descent.params)

    first, again, other = trained(0), trained(0), trained(1)
    np.testing.assert_equal(first, again)
    assert not np.array_equal(first["cell.weight"], other["cell.weight"])


def test_the_encoder_reads_backwards(registry):
    """The last observation first, each with its gap to the one before, and the first with that to time 0."""
    made = registry.tasks["latent_ode/latent_ode"].load()("torch", seed=0, **SMALL)
    observed = made.probe()["observed"]
    shown = made._series.probe()
    np.testing.assert_allclose(observed[::-1, :, :2].swapaxes(0, 1), shown.observed, rtol=1e-6)
    before = np.diff(shown.seen, axis=1, prepend=0) * 6 / 100
    np.testing.assert_allclose(observed[::-1, :, 2].T, before, rtol=1e-6, atol=1e-7)


def test_what_the_loss_sees(registry, adapters):
    """A target at a time that is not seen changes nothing; one that is seen does."""
    made = registry.tasks["latent_ode/latent_ode"].load()("torch", seed=0, **SMALL)
    adapter = adapters["torch"]
    adapter.activate()
    odeint = odebench.backend("torch/rk4/backprop", num_steps=3).odeint
    batch = made.batch(0)

    def loss(row, column):
        targets = batch["targets"].copy()
        targets[row, column] += 1
        params, moved = adapter.asarray(made.params), adapter.asarray({**batch, "targets": targets})
        return float(made.loss(params, moved, odeint))

    seen, unseen = int(np.flatnonzero(batch["weights"][0])[0]), int(np.flatnonzero(batch["weights"][0] == 0)[0])
    plain = float(made.loss(adapter.asarray(made.params), adapter.asarray(batch), odeint))
    assert loss(0, unseen) == plain
    assert loss(0, seen) != plain


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_an_ode_rnn_flows_between_jumps_and_beyond(registry, adapters, framework):
    """With the field h' = -h, states are known: each decays by its gap in seconds, jumps as a recurrent net's do, and
    from the first point beyond on falls by exp(-0.0378) a point. One step of RK4 a solve does it to 1e-4."""
    made = registry.tasks["latent_ode/ode_rnn"].load()(framework, seed=1, **SMALL | {"points": 60})
    made.field = lambda s, h, params: -params["gap"] * h
    adapter = adapters[framework]
    adapter.activate()
    odeint = odebench.backend(f"{framework}/rk4/backprop", num_steps=1).odeint
    shown, p = made._series.probe(), made.params
    found = adapter.numpy(made.predict(adapter.asarray(p), adapter.asarray(made.probe()), odeint))

    h, states = np.zeros((5, 25)), []
    for i, gap in enumerate(np.diff(shown.seen, append=100).T):
        jumped = np.tanh(np.concatenate([shown.observed[:, i], h], axis=-1) @ p["cell.weight"].T + p["cell.bias"])
        h = jumped * np.exp(-spirals.STEP * gap)[:, None]
        states.append(h)
    states += [h * np.exp(-spirals.STEP * k) for k in range(1, 100)]
    expected = np.stack(states, axis=1) @ p["next.weight"].T + p["next.bias"]
    assert found.shape == expected.shape == (5, 59 + 100, 2)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_ode_rnn_solves_for_what_its_loss_uses(registry, adapters):
    """One solve from each observation to the next, and none after the last."""
    made, solves = registry.tasks["latent_ode/ode_rnn"].load()("torch", seed=0, **SMALL), []
    adapter = adapters["torch"]
    adapter.activate()
    solve = odebench.backend("torch/rk4/backprop", num_steps=1).odeint

    def odeint(f, y0, ts, params):
        solves.append(ts)
        return solve(f, y0, ts, params)

    made.loss(adapter.asarray(made.params), adapter.asarray(made.probe()), odeint)
    assert len(solves) == SMALL["points"] - 1


@pytest.mark.parametrize("points", [6, 100])
@pytest.mark.parametrize("name", ["rnn", "rnn_dt", "ode_rnn"])
def test_who_knows_the_truth_scores_zero(registry, name, points):
    """The spirals' formulas, at the places that predictions are said to stand at. Straight lines between places apart
    cost a little; the ODE-RNN and the RNN that is told gaps have one at every point beyond."""
    made = registry.tasks[f"latent_ode/{name}"].load()("torch", seed=0, **SMALL | {"points": points})
    test = made._series.test
    places = (ode_rnn._positions if name == "ode_rnn" else made._positions)(test)
    theta = spirals.STEP * (test.starts[:, None] + places)
    turns = (spirals.clockwise_spiral, spirals.counter_spiral)
    clockwise, counter = (turn(np.minimum(theta, 6 * np.pi)) for turn in turns)
    found = made.evaluate(lambda batch: np.where(test.clockwise[:, None, None], clockwise, counter))
    exact = points == 100 or name != "rnn"
    assert found["test_rmse_extrapolation"] < (1e-9 if exact else 0.2)
    assert found["test_rmse_interpolation"] < (1e-9 if points == 100 else 0.5)


def test_the_elbo_is_sampled_by_noise_of_its_own(registry):
    """Of no step of training, the first least of all."""
    made = registry.tasks["latent_ode/latent_ode"].load()("torch", seed=0, **SMALL)
    rng, sampled = np.random.default_rng(0), []

    def predict(batch):
        sampled.append(batch["eps"])
        return rng.standard_normal((len(batch["eps"]), 200, 6))

    made.evaluate(predict)
    numbers = np.concatenate([eps[np.ptp(eps, axis=1) > 0] for eps in sampled])
    assert len(numbers) == SMALL["test_series"]
    for step in range(3):
        assert not np.isin(made.batch(step)["eps"], numbers).any()


def test_separation():
    """Two unit clouds ten apart are ten standard deviations apart, and one cloud none; a plane parts
    the first whatever else they spread along, and the second by chance."""
    rng = np.random.default_rng(0)
    starts, sides = rng.standard_normal((4000, 3)), np.arange(4000) < 2000
    apart = starts + np.where(sides[:, None], [10.0, 0, 0], 0.0)
    assert separation(apart, sides) == pytest.approx(10, rel=0.05)
    assert separation(starts, sides) < 0.2
    assert told_apart(apart, sides) == 1
    assert told_apart(starts, sides) == pytest.approx(0.5, abs=0.05)
    stretched = apart * np.array([1.0, 100, 1])  # along which they do not part
    assert told_apart(stretched, sides) == 1


@pytest.mark.parametrize("option", ["points", "series", "batch_size", "test_series", "steps", "learning_rate"])
@pytest.mark.parametrize("name", NAMES)
def test_an_option_out_of_range_is_named(registry, name, option):
    """With what it must be and what it was."""
    with pytest.raises(UserError, match=rf"latent_ode: {option} must be .*, got -1"):
        registry.tasks[f"latent_ode/{name}"].load()("torch", seed=0, **{option: -1})


def test_grid():
    """Two hundred times, a step of 6π/499 apart: the hundredth is the public code's 3.740."""
    assert len(spirals.GRID) == 200
    assert spirals.GRID[99] == pytest.approx(3.740, abs=5e-4)
