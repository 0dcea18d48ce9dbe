"""The stack of reversible blocks: plain autodiff's gradient, from the output alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from odebench_torch.live_bytes import LiveBytes
from suites.mnist import jax_models, jax_reversible, task, torch_models, torch_reversible

BLOCKS = [("block1.f", "block1.g"), ("block2.f", "block2.g")]


def no_ode(f, y0, ts, params=None):
    raise AssertionError("there is no ODE in it")


def coupled(branch, x, blocks, params, split, join):
    """The blocks by their definition, for autodiff to see through."""
    x1, x2 = split(x)
    for f, g in blocks:
        x1 = x1 + branch(params, f, x2)
        x2 = x2 + branch(params, g, x1)
    return join([x1, x2])


@pytest.fixture(scope="module")
def problem():
    """Parameters of two blocks away from their initial values, an input (B, C, H, W) and a cotangent, in float64."""
    rng = np.random.default_rng(0)
    params = task.make_revnet("torch", seed=0, blocks=2).params
    blocks = {k: p + 0.1 * rng.normal(size=p.shape) for k, p in params.items() if k.startswith("block")}
    return blocks, rng.normal(size=(3, 64, 5, 5)), rng.normal(size=(3, 64, 5, 5))


def test_torchs_gradient_is_plain_autodiffs(problem):
    """To float64's round-off, in the input and in every parameter; and the same output to the last bit."""
    params, x, weights = problem
    found = []
    for plain in (False, True):
        leaves = {k: torch.tensor(p, requires_grad=True) for k, p in params.items()}
        x_leaf = torch.tensor(x, requires_grad=True)
        if plain:
            y = coupled(
                torch_models._branch, x_leaf, BLOCKS, leaves, lambda x: x.chunk(2, 1), lambda x: torch.cat(x, 1)
            )
        else:
            y = torch_reversible.reversible(torch_models._branch, x_leaf, BLOCKS, leaves)
        found.append((y, torch.autograd.grad((y * torch.tensor(weights)).sum(), [x_leaf, *leaves.values()])))
    (y, grads), (plain_y, plain_grads) = found
    assert torch.equal(y, plain_y)
    for ours, theirs in zip(grads, plain_grads, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-10)


def test_jaxs_gradient_is_plain_autodiffs(problem):
    """The same of the custom VJP."""
    params, x, weights = problem
    with jax.enable_x64(True):
        params = {k: jnp.asarray(p.transpose(2, 3, 1, 0) if p.ndim == 4 else p) for k, p in params.items()}
        x, weights = (jnp.asarray(v.transpose(0, 2, 3, 1)) for v in (x, weights))

        @jax.jit
        def both(x, params):
            def plain(x, p):
                return coupled(
                    jax_models._branch, x, BLOCKS, p, lambda x: jnp.split(x, 2, -1), lambda x: jnp.concatenate(x, -1)
                )

            def ours(x, p):
                return jax_reversible.reversible(jax_models._branch, x, BLOCKS, p)

            return [
                jax.value_and_grad(lambda x, p, f=f: (f(x, p) * weights).sum(), (0, 1))(x, params)
                for f in (ours, plain)
            ]

        ours, plain = both(x, params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10), ours, plain)


def kept(model, blocks):
    """Bytes alive between the forward and the backward pass of a torch row."""
    row = task.MnistTask(model, "torch", seed=0, blocks=blocks, probe_size=2)
    leaves = {k: torch.tensor(p, requires_grad=True) for k, p in row.params.items()}
    batch = {k: torch.tensor(v) for k, v in row.probe().items()}
    with LiveBytes() as live:
        loss = row.loss(leaves, batch, no_ode)
        found = live.now
    assert loss.isfinite()
    return found


def test_nothing_is_kept_for_another_block():
    """Twelve reversible blocks keep the very bytes that two keep; residual blocks keep more each."""
    assert kept("revnet", 12) == kept("revnet", 2)
    assert kept("resnet", 12) > 1.5 * kept("resnet", 2)


def test_jax_compiles_to_a_memory_without_activations():
    """Of a batch whose activations outweigh the kernels, XLA's own account grows by less than a fifth of what the
    residual blocks' grows by: by their kernels' copies."""

    def temporary(model, blocks):
        row = task.MnistTask(model, "jax", seed=0, blocks=blocks, probe_size=128)
        gradient = jax.jit(jax.grad(lambda params, batch: row.loss(params, batch, no_ode)))
        return gradient.lower(row.params, row.probe()).compile().memory_analysis().temp_size_in_bytes

    grown = {model: temporary(model, 5) - temporary(model, 2) for model in ("resnet", "revnet")}
    assert grown["revnet"] < grown["resnet"] / 5
