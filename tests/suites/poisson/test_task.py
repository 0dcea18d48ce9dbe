"""The likelihood of suites/poisson in one solve: its closed form, two frameworks, and gradients that agree."""

from pathlib import Path

import numpy as np
import pytest

import odebench
from odebench.errors import UserError
from odebench.registry import load_registry
from suites import poisson
from suites.poisson.process import END
from suites.poisson.task import Events

SMALL = {"sequences": 12, "test_sequences": 10, "batch_size": 3}


@pytest.fixture(scope="module")
def registry():
    return load_registry(suites=[Path(poisson.__file__).parent], strict=True)


@pytest.fixture(scope="module")
def adapters(registry):
    return {name: registry.frameworks[name].load()("cpu", "float64") for name in ("torch", "jax")}


def gradient(adapters, framework, method, **options):
    made, adapter = Events(framework, seed=1, **SMALL), adapters[framework]
    adapter.activate()
    odeint = odebench.backend(f"{framework}/{method}", **options).odeint
    call = adapter.value_and_grad(lambda params, batch: made.loss(params, batch, odeint))
    return adapter.numpy(call(adapter.asarray(made.params), adapter.asarray(made.batch(0))))


@pytest.mark.parametrize("framework", ["torch", "jax"])
def test_a_constant_rate_has_its_closed_form(adapters, framework):
    """With a rate net that says c whatever the state, the log-likelihood is N log c - c T, to the tolerance."""
    made, adapter, c = Events(framework, seed=0, **SMALL), adapters[framework], 2.0
    adapter.activate()
    params = {k: np.zeros_like(p) if k.startswith("rate.1") else p.astype(float) for k, p in made.params.items()}
    params["rate.1.bias"] = np.array([np.log(np.expm1(c))])
    batch = made.batch(0)
    odeint = odebench.backend(f"{framework}/dopri5/backprop", rtol=1e-8, atol=1e-8).odeint
    loss = adapter.forward(lambda params, batch: made.loss(params, batch, odeint))
    found = float(adapter.numpy(loss(adapter.asarray(params), adapter.asarray(batch))))
    events = float(batch["weights"].sum()) / 3
    assert found == pytest.approx(c * END - events * np.log(c), rel=1e-8)


def test_two_frameworks_have_one_loss_and_methods_one_gradient(adapters):
    """Backpropagation in PyTorch and JAX to 1e-9 over the same steps; PyTorch's adjoint to the tolerance."""
    steps = {"num_steps": 20}
    (loss, grads), (other, others) = (gradient(adapters, f, "rk4/backprop", **steps) for f in ("torch", "jax"))
    _, adjoint = gradient(adapters, "torch", "dopri5/adjoint", rtol=1e-8, atol=1e-8)
    _, direct = gradient(adapters, "torch", "dopri5/backprop", rtol=1e-8, atol=1e-8)
    assert loss == pytest.approx(float(other), rel=1e-10)
    for key, expected in grads.items():
        size = np.abs(expected).max()
        assert size > 0, key
        np.testing.assert_allclose(others[key], expected, rtol=1e-7, atol=1e-9 * size, err_msg=key)
        np.testing.assert_allclose(adjoint[key], direct[key], rtol=1e-4, atol=1e-5 * size, err_msg=key)


def test_a_batch_holds_every_event_once():
    """At strictly ascending float32 times from 0 to END; of one length; the same again for the same seed and step."""
    made = Events("torch", seed=0, **SMALL)
    lengths = set()
    for step in range(20):
        batch = made.batch(step)
        assert np.all(np.diff(batch["ts"]) > 0)
        assert (batch["ts"][0], batch["ts"][-1]) == (0, np.float32(END))
        assert (batch["weights"][0], batch["weights"][-1]) == (0, 0)
        chosen = np.random.default_rng([0, 3, step]).choice(12, 3, replace=False)
        mine = made.train.times[np.isin(made.train.sequence, chosen)]
        np.testing.assert_allclose(np.repeat(batch["ts"], batch["weights"].astype(int)), np.sort(mine), rtol=1e-6)
        lengths.add(len(batch["ts"]))
    assert len(lengths) == 1
    np.testing.assert_equal(Events("jax", seed=0, **SMALL).batch(5), made.batch(5))


@pytest.mark.parametrize("option", ["latent", "hidden", "sequences", "test_sequences", "batch_size", "steps"])
def test_an_option_out_of_range_is_named(option):
    """With what it must be and what it was."""
    with pytest.raises(UserError, match=rf"poisson: {option} must be a whole number .*, got -1"):
        Events("torch", seed=0, **{option: -1})
