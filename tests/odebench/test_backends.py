"""``odebench.backend`` from plain Python: one call, either framework, differentiable in everything."""

from __future__ import annotations

import math

import numpy as np
import pytest

import odebench
from odebench.errors import UserError

W = np.array([[-0.1, 2.0], [-2.0, -0.1]])
Y0 = np.array([[1.0, 0.5], [0.3, -0.7]])
TS = np.array([0.0, 0.4, 1.0])
TIGHT = {"rtol": 1e-9, "atol": 1e-11}


def exact() -> np.ndarray:
    """y(t) = y0 exp(W t): a rotation by 2 t that decays as exp(-t/10)."""

    def rotation(t: float) -> np.ndarray:
        c, s = math.cos(2 * t), math.sin(2 * t)
        return math.exp(-0.1 * t) * np.array([[c, s], [-s, c]])

    return np.stack([Y0 @ rotation(t) for t in TS])


def in_torch(name, f=None, params=True):
    """ys and the gradient of Σ ys² with respect to y0, ts and the matrix."""
    import torch

    y0, ts, w = (torch.tensor(x, requires_grad=True) for x in (Y0, TS, W))
    odeint = odebench.backend(name, **TIGHT).odeint
    ys = odeint(f or (lambda t, y, p: y @ p["w"]), y0, ts, {"w": w}) if params else odeint(f, y0, ts)
    grads = torch.autograd.grad((ys**2).sum(), [y0, ts, w] if params else [y0, ts, *f.parameters()])
    return ys.detach().numpy(), [g.numpy() for g in grads]


def in_jax(name):
    import jax

    odeint = odebench.backend(name, **TIGHT).odeint

    def loss(y0, ts, w):
        ys = odeint(lambda t, y, p: y @ p["w"], y0, ts, {"w": w})
        return (ys**2).sum(), ys

    with jax.enable_x64(True):
        grads, ys = jax.grad(loss, argnums=(0, 1, 2), has_aux=True)(Y0, TS, W)
        return np.asarray(ys), [np.asarray(g) for g in grads]


@pytest.mark.parametrize(
    "name", ["torch/dopri5/backprop", "torch/tsit5/adjoint", "jax/dopri5/adjoint", "jax/dopri8/backprop"]
)
def test_solution_and_gradients_against_closed_form(name):
    """ys against the matrix exponential; d/dt_i Σ ys² = 2 ys·ẏ at each time, and −(all that follows) at t0."""
    ys, (gy0, gts, gw) = in_torch(name) if name.startswith("torch") else in_jax(name)
    truth = exact()
    np.testing.assert_allclose(ys, truth, atol=1e-8)
    # |y|² = |y0|² exp(-t/5) for every row, so Σ ys² is known, with all its derivatives but the matrix's.
    size = (Y0**2).sum()
    decay = np.exp(-0.2 * (TS - TS[0]))
    np.testing.assert_allclose(gy0, 2 * Y0 * decay.sum(), atol=1e-6)
    along = -0.2 * size * decay
    np.testing.assert_allclose(gts, [-along[1:].sum(), *along[1:]], atol=1e-6)
    np.testing.assert_allclose(np.trace(gw), 2 * size * (decay * (TS - TS[0])).sum(), atol=1e-6)


def test_the_four_backends_agree():
    """Two frameworks, two gradient methods, one gradient, to 1e-6 of its size."""
    found = [in_torch(f"torch/dopri5/{g}")[1] for g in ("backprop", "adjoint")]
    found += [in_jax(f"jax/dopri5/{g}")[1] for g in ("backprop", "adjoint")]
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("gradient", ["backprop", "adjoint"])
def test_a_module_needs_no_params(gradient):
    """The gradients of a module's own parameters are those of the functional form."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(torch.tensor(W))

        def forward(self, t, y):
            return y @ self.w

    functional = in_torch(f"torch/dopri5/{gradient}")[1]
    for a, b in zip(functional, in_torch(f"torch/dopri5/{gradient}", Net(), params=False)[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_forward_nfe_is_the_same_in_both_frameworks():
    """The same formulas and constants: in float64 both frameworks take the same steps."""
    import jax
    import torch

    def stats(name, y0, ts, w):
        return odebench.backend(name, rtol=1e-6, atol=1e-8).solve(lambda t, y, p: y @ p["w"], y0, ts, {"w": w})[1]

    ours = stats("torch/dopri5/backprop", *map(torch.tensor, (Y0, TS, W)))
    with jax.enable_x64(True):
        theirs = stats("jax/dopri5/backprop", Y0, TS, W)
    assert (ours.nfe, ours.accepted, ours.rejected) == tuple(int(x) for x in theirs[:3])
    assert ours.nfe == 2 + 6 * (ours.accepted + ours.rejected)


def test_adjoint_solver_is_given_by_name():
    """The backward solve may use another solver and other tolerances; a loose one is a worse gradient."""
    import torch

    def error(**options):
        y0 = torch.tensor(Y0, requires_grad=True)
        odeint = odebench.backend("torch/dopri5/adjoint", **TIGHT, **options).odeint
        ys = odeint(lambda t, y, p: y @ p["w"], y0, torch.tensor(TS), {"w": torch.tensor(W)})
        (found,) = torch.autograd.grad((ys**2).sum(), y0)
        return np.abs(found.numpy() - 2 * Y0 * np.exp(-0.2 * TS).sum()).max()

    assert error(adjoint_solver="tsit5") < 1e-8
    assert 1e-8 < error(adjoint_solver="bosh3", adjoint_rtol=1e-3, adjoint_atol=1e-3) < 1e-1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("torch/dopri5", "library/solver/gradient"),
        ("troch/dopri5/adjoint", "did you mean 'torch'"),
        ("torch/dopri6/adjoint", "did you mean 'dopri"),
        ("torch/dopri5/adjiont", "did you mean 'adjoint'"),
    ],
)
def test_a_wrong_name_is_told_part_by_part(name, message):
    """The part that is wrong is named, with the nearest valid choice."""
    with pytest.raises(UserError, match=message):
        odebench.backend(name)


def test_a_wrong_option_is_an_error():
    """A misspelt option does not pass in silence."""
    import torch

    with pytest.raises(odebench.Unsupported, match=r"no option 'rtoll'; did you mean 'rtol'"):
        odebench.backend("torch/dopri5/adjoint", rtoll=1e-3).odeint(
            lambda t, y: y, torch.ones(1), torch.tensor([0.0, 1.0])
        )
