"""The two frameworks held to each other, and the parts that are written in an unusual way to a plain one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from suites.mnist import jax_models, task, torch_models

ROWS = [
    ("mlp", "conv"),
    ("stem", "conv"),
    ("resblock", "conv"),
    ("resnet", "conv"),
    ("revnet", "conv"),
    ("odenet", "conv"),
    ("odenet", "res"),
]


def rk4(f, y, ts, params):
    """One step of the classical method from the first time to the last, and no other output."""
    t, h = ts[0], ts[1] - ts[0]
    a = f(t, y, params)
    b = f(t + h / 2, y + h / 2 * a, params)
    c = f(t + h / 2, y + h / 2 * b, params)
    return [y + h / 6 * (a + 2 * b + 2 * c + f(t + h, y + h * c, params))]


def perturbed(params, dtype):
    """Away from the initial values: a norm's weights of one and biases of zero would hide a mistake."""
    rng = np.random.default_rng(1)
    return {k: (p + rng.normal(scale=0.1, size=p.shape)).astype(dtype) for k, p in params.items()}


def in_torch(row):
    """Logits, loss and gradients as NumPy arrays, of NumPy parameters and a NumPy batch."""

    def run(params, batch):
        leaves = {k: torch.tensor(p, requires_grad=True) for k, p in params.items()}
        tensors = {k: torch.tensor(v) for k, v in batch.items()}
        loss = row.loss(leaves, tensors, rk4)
        loss.backward()
        logits = row.predict(leaves, tensors, rk4)
        return logits.detach().numpy(), loss.item(), {k: p.grad.numpy() for k, p in leaves.items()}

    return run


def in_jax(row):
    """Logits, loss and gradients as NumPy arrays, of NumPy parameters and a NumPy batch."""

    def loss_and_logits(params, batch):
        return row.loss(params, batch, rk4), row.predict(params, batch, rk4)

    compiled = jax.jit(jax.value_and_grad(loss_and_logits, has_aux=True))

    def run(params, batch):
        (loss, logits), grads = compiled(params, batch)
        return np.asarray(logits), loss.item(), {k: np.asarray(g) for k, g in grads.items()}

    return run


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-10)])
@pytest.mark.parametrize(("model", "stem"), ROWS)
def test_the_frameworks_agree(model, stem, dtype, tolerance):
    """Logits, loss and every parameter's gradient, from the same parameters and batch."""
    row = task.MnistTask(model, "torch", seed=0, stem=stem, probe_size=3)
    batch = row.probe()
    batch["images"] = batch["images"].astype(dtype)
    params = perturbed(row.params, dtype)
    torch_logits, torch_loss, torch_grads = in_torch(row)(params, batch)
    with jax.enable_x64(dtype is np.float64):
        logits, loss, grads = in_jax(task.MnistTask(model, "jax", seed=0, stem=stem))(params, batch)
    assert logits.dtype == torch_logits.dtype == dtype
    assert loss == pytest.approx(torch_loss, rel=tolerance)
    np.testing.assert_allclose(logits, torch_logits, rtol=0, atol=tolerance * np.abs(logits).max())
    largest = max(np.abs(g).max() for g in grads.values())
    assert set(grads) == set(torch_grads)
    for name, gradient in grads.items():
        assert gradient.dtype == dtype
        assert np.abs(gradient).max() > 0
        np.testing.assert_allclose(gradient, torch_grads[name], 0, tolerance * largest, err_msg=name)


def test_torchs_time_channel_is_the_first_of_a_concatenation():
    """Convolving t and y apart is the convolution of both together, in value and in the gradient of t."""
    rng = np.random.default_rng(0)
    weight, bias = torch.tensor(rng.normal(size=(64, 65, 3, 3))), torch.tensor(rng.normal(size=64))
    y = torch.tensor(rng.normal(size=(2, 64, 6, 6)))
    t = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    apart = torch_models._conv_with_time({"c.weight": weight, "c.bias": bias}, "c", t, y)
    joined = torch.cat([t.expand(2, 1, 6, 6), y], 1)
    together = torch.nn.functional.conv2d(joined, weight, bias, padding=1)
    torch.testing.assert_close(apart, together, rtol=1e-12, atol=1e-11)
    gradients = [torch.autograd.grad((out**2).sum(), t)[0] for out in (apart, together)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=0)


def test_the_convolutions_own_gradient_is_xlas():
    """The kernel gradient as a convolution, and the one used off the CPU, against autodiff."""
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        x, kernel, g = (jnp.asarray(rng.normal(size=s)) for s in ((2, 5, 7, 4), (3, 3, 4, 6), (2, 5, 7, 6)))
        value, pull = jax.vjp(jax_models._conv3x3, x, kernel)
        plain_value, plain_pull = jax.vjp(lambda x, k: jax_models._plain_conv(x, k, padding=1), x, kernel)
        np.testing.assert_allclose(value, plain_value, rtol=1e-12)
        for ours, plain in zip(pull(g), plain_pull(g), strict=True):
            np.testing.assert_allclose(ours, plain, rtol=1e-10, atol=1e-12)
        elsewhere = jax_models._autodiff_kernel_gradient(x, g)
        np.testing.assert_allclose(elsewhere, plain_pull(g)[1], rtol=1e-12)


@pytest.mark.parametrize(("framework", "run_in"), [("torch", in_torch), ("jax", in_jax)])
def test_training_the_mlp_reduces_its_loss(framework, run_in):
    """Forty steps of the recipe take a third off the loss on images that come uncropped."""
    row = task.make_mlp(framework, seed=0, steps=40)
    params, velocity = dict(row.params), dict.fromkeys(row.params, 0.0)
    run = run_in(row)
    _, before, _ = run(params, row.probe())
    for step in range(row.recipe.steps):
        _, _, grads = run(params, row.batch(step))
        for name, gradient in grads.items():
            velocity[name] = row.recipe.momentum * velocity[name] + gradient
            params[name] = params[name] - np.float32(row.recipe.rate(step)) * velocity[name]
    _, after, _ = run(params, row.probe())
    assert after < before * 2 / 3
