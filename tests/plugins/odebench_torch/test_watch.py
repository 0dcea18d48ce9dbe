"""Reads of tensors by Python, counted."""

import operator

import pytest
import torch

import odebench
from odebench_torch.watch import host_reads, one_thread


def test_every_way_to_read():
    """Each is one; Tensor is as it was before, whatever the call did."""
    x = torch.ones(())
    kinds = (bool, float, int, complex, operator.index)
    values = [lambda kind=kind: kind(x.long()) for kind in kinds]
    reads = [lambda: x.item(), lambda: x.tolist(), lambda: x.cpu(), *values]
    assert [host_reads(read) for read in reads] == [1] * len(reads)
    assert host_reads(lambda: torch.where(x > 0, x, -x).sum()) == 0

    def fails():
        assert x.item() == 2.0

    before = set(vars(torch.Tensor))
    with pytest.raises(AssertionError):
        host_reads(fails)
    assert set(vars(torch.Tensor)) == before


def test_those_of_a_backward_pass_count():
    """A function of autograd reads on its way back."""

    class Reads(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, cotangent):
            return 2 * cotangent.item() * torch.ones(())

    def gradient():
        x = torch.ones((), requires_grad=True)
        torch.autograd.grad(Reads.apply(x), x)

    with one_thread():
        assert host_reads(gradient) == 1


def reads_and_attempts(backend, **options):
    """Of a forward solve of the pendulum."""
    solve = odebench.backend(backend, **options).solve
    claims = []

    def run():
        ts = torch.linspace(0, 5, 4, dtype=torch.float64)
        y0 = torch.tensor([1.0, 0.0], dtype=torch.float64)
        _, stats = solve(lambda t, y: torch.stack([y[1], -torch.sin(y[0])]), y0, ts)
        claims.append(stats.accepted + stats.rejected)

    run()  # whatever is imported on the way
    return host_reads(run), claims[0]


@pytest.mark.parametrize("solver", ["dopri5", "bosh3"])
def test_a_step_of_ours_waits_once(solver):
    """However many steps are tried: what is left is the beginning's and the end's."""
    loose, tight = (reads_and_attempts(f"torch/{solver}/backprop", rtol=tol, atol=tol) for tol in (1e-3, 1e-8))
    assert tight[1] > 2 * loose[1]
    assert tight[0] - tight[1] == loose[0] - loose[1] < 10


def test_fixed_steps_of_ours_never_wait():
    """A hundred take as many reads as four."""
    (few, _), (many, attempts) = (reads_and_attempts("torch/rk4/backprop", num_steps=n) for n in (4, 100))
    assert attempts >= 100
    assert few == many < 10


@pytest.mark.parametrize("method", ["adjoint", "backprop", "aca"])
def test_a_gradient_of_fixed_steps_never_waits(method):
    """Nor does the way back."""

    def reads(num_steps):
        odeint = odebench.backend(f"torch/rk4/{method}", num_steps=num_steps).odeint

        def gradient():
            y0 = torch.ones(2, dtype=torch.float64, requires_grad=True)
            ys = odeint(lambda t, y: -y, y0, torch.tensor([0.0, 1.0], dtype=torch.float64))
            torch.autograd.grad(ys[-1].sum(), y0)

        return host_reads(gradient)

    assert reads(3) == reads(30)
