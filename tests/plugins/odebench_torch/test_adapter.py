"""The torch adapter measures what it says: exact counts, exact bytes, plain SGD, values that survive the trip."""

import numpy as np
import pytest
import torch

from odebench.adapter import Counts
from odebench_torch.adapter import TorchAdapter

# Torch's own import of its forward-mode formulas warns once.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
TREE = {"a": np.array([1.5, -2.25]), "b": {"c": np.arange(6, dtype=np.float32).reshape(2, 3)}, "n": np.array([1, 2])}


@pytest.fixture(params=["float32", "float64"])
def adapter(request):
    return TorchAdapter("cpu", request.param)


@pytest.fixture
def double():
    return TorchAdapter("cpu", "float64")


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def test_arrays_survive_the_trip(adapter):
    """Structure, shapes and values; floating ones in the adapter's dtype, integers as they were."""
    there = adapter.asarray(TREE)
    assert there["a"].dtype == there["b"]["c"].dtype == adapter.dtype
    assert there["n"].dtype == torch.int64
    back = adapter.numpy(there)
    np.testing.assert_equal(back["b"]["c"], TREE["b"]["c"])
    np.testing.assert_equal(back["a"], TREE["a"])
    assert back["a"].dtype == np.dtype(str(adapter.dtype).removeprefix("torch."))
    assert [leaf.shape for leaf in adapter.leaves(there)] == [(2,), (2, 3), (2,)]
    assert adapter.numpy(adapter.asarray({"x": torch.ones(1).requires_grad_().detach().numpy()}))["x"] == 1


def test_bfloat16_goes_and_comes_back_as_float32():
    """NumPy has none: what is read is the very value, in float32; integers stay."""
    adapter = TorchAdapter("cpu", "bfloat16")
    there = adapter.asarray({"x": np.array([1.0, 0.1]), "n": np.array([3])})
    assert there["x"].dtype == torch.bfloat16
    back = adapter.numpy(there)
    assert back["x"].dtype == np.float32
    assert back["x"].tolist() == [1.0, 0.10009765625]
    assert back["n"].dtype == np.int64


def test_numpy_of_what_requires_grad(double):
    """A result with a graph behind it is read all the same."""
    assert double.numpy(tensor(2.0).requires_grad_() * 3) == 6


def test_zeros_like(double):
    """The same tree of zeros."""
    zeros = double.zeros_like(double.asarray(TREE))
    assert zeros["b"]["c"].shape == (2, 3)
    assert not any(leaf.any() for leaf in double.leaves(zeros))


def test_value_and_grad(double):
    """Gradients of what is used, zeros for what is not, and no graph left on either."""
    params = {"w": tensor(1.0, 2.0), "unused": tensor(3.0, 4.0, 5.0)}
    value, grads = double.value_and_grad(lambda p, x: (p["w"] * x).sum() ** 2)(params, tensor(3.0, 4.0))
    assert value == 121
    assert grads["w"].tolist() == [66.0, 88.0]
    assert grads["unused"].tolist() == [0.0, 0.0, 0.0]
    assert not any(t.requires_grad for t in (value, *grads.values(), *params.values()))


def test_gradients_are_taken_even_where_they_are_switched_off(double):
    """A caller's ``no_grad`` does not reach the loss."""
    with torch.no_grad():
        _, grads = double.value_and_grad(lambda p, x: (p["w"] ** 2).sum())({"w": tensor(3.0)}, None)
    assert grads["w"] == 6


def test_forward_records_nothing(double):
    """As a user runs it without gradients."""
    assert not double.forward(lambda p: p * 2)(tensor(1.0).requires_grad_()).requires_grad
    assert double.prepare(len) is len


def test_counts_of_evaluations_and_vjps(double):
    """Three evaluations, of which the loss depends on two: two VJPs, whatever the number of parameters."""
    counts = Counts()
    f = double.counted(lambda t, y, p: -p["k"] * p["m"] * y * t, counts)

    def loss(p, y):
        f(tensor(0.5), y, p)
        return f(tensor(1.0), f(tensor(1.0), y, p), p).sum()

    _, grads = double.value_and_grad(loss)({"k": tensor(2.0), "m": tensor(3.0)}, tensor(1.0, 2.0))
    double.flush()
    assert (counts.f, counts.vjp) == (3, 2)
    assert grads["k"] == 2 * 2.0 * 9.0 * 3.0
    double.forward(loss)({"k": tensor(2.0), "m": tensor(3.0)}, tensor(1.0, 2.0))
    assert (counts.f, counts.vjp) == (6, 2)


def test_counting_changes_no_value(double):
    """Of a tree, of dynamics without parameters, of several VJPs through one evaluation."""
    counts = Counts()
    f = double.counted(lambda t, y: {"a": y["a"] * y["b"], "b": y["a"] * t}, counts)
    y = {"a": tensor(2.0).requires_grad_(), "b": tensor(5.0).requires_grad_()}
    out = f(tensor(3.0), y)
    assert (out["a"].item(), out["b"].item()) == (10, 6)
    for _ in range(2):
        grads = torch.autograd.grad(
            [out["a"], out["b"]], [y["a"], y["b"]], [tensor(1.0), tensor(1.0)], retain_graph=True
        )
        assert [g.item() for g in grads] == [5 + 3, 2]
    assert (counts.f, counts.vjp) == (1, 2)


def test_a_counted_module_is_a_module(double):
    """With the same parameters by the same names, passed or its own; the module itself is left as it was."""

    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.k = torch.nn.Parameter(tensor(2.0))

        def forward(self, t, y):
            return self.k * y

    net, counts = Scaled(), Counts()
    f = double.counted(net, counts)
    assert dict(f.named_parameters()) == dict(net.named_parameters())
    (own,) = torch.autograd.grad(f(tensor(0.0), tensor(3.0)), net.k)
    assert (own.item(), counts.f, counts.vjp) == (3, 1, 1)
    k = tensor(5.0).requires_grad_()
    value = torch.func.functional_call(f, {"k": k}, (tensor(0.0), tensor(3.0)))
    assert (value.item(), torch.autograd.grad(value, k)[0].item()) == (15, 3)
    assert net(tensor(0.0), tensor(3.0)).item() == 6
    assert (counts.f, counts.vjp) == (2, 2)


def test_a_vjp_of_any_output_counts(double):
    """Though the cotangent arrives at the second leaf alone."""
    counts = Counts()
    f = double.counted(lambda t, y: {"a": y["a"] * t, "b": y["b"] * t}, counts)
    y = {"a": tensor(2.0).requires_grad_(), "b": tensor(5.0).requires_grad_()}
    torch.autograd.grad(f(tensor(3.0), y)["b"], y["b"])
    assert (counts.f, counts.vjp) == (1, 1)


def test_counts_under_function_transforms(double):
    """``torch.func``: a call of f is an evaluation, a vmapped product of n vectors is n; and no value changes."""
    counts, y, w = Counts(), tensor(1.0, -2.0, 0.5), tensor(2.0, 3.0, 5.0)
    jacobian = torch.diag(w * y.sum()) + (w * y)[:, None]
    f = double.counted(lambda t, y: {"idle": torch.ones(2, dtype=y.dtype), "k": w * y * y.sum() * t}, counts)

    def k(y):
        return f(tensor(1.0)[0], y)["k"]

    def check(found, expected, *, vjp=0, jvp=0):
        assert torch.allclose(found, expected, rtol=1e-14)
        assert (counts.f, counts.vjp, counts.jvp) == (1, vjp, jvp)
        counts.f = counts.vjp = counts.jvp = 0

    v, batch = tensor(0.3, 0.1, -1.0), torch.stack([y, 2 * y])
    check(torch.func.jvp(k, (y,), (v,))[1], jacobian @ v, jvp=1)
    check(torch.func.vjp(k, y)[1](v)[0], v @ jacobian, vjp=1)
    check(torch.func.jacfwd(k)(y), jacobian, jvp=3)
    check(torch.func.jacrev(k)(y), jacobian, vjp=3)
    check(torch.func.vmap(k)(batch), w * batch * batch.sum(1, keepdim=True))
    check(torch.func.vmap(torch.func.jacfwd(k))(batch), torch.stack([jacobian, 2 * jacobian]), jvp=6)
    check(torch.func.vmap(lambda y: torch.func.jvp(k, (y,), (v,))[1])(batch)[0], jacobian @ v, jvp=2)
    with torch.autograd.forward_ad.dual_level():
        dual = k(torch.autograd.forward_ad.make_dual(y, v))
        check(torch.autograd.forward_ad.unpack_dual(dual).tangent, jacobian @ v, jvp=1)


def test_times_that_f_is_called_at(double):
    """The smallest and the largest, of a tensor, a number, a batch of times, and times under vmap and jvp."""
    counts = Counts()
    f = double.counted(lambda t, y: y * t, counts)
    one = tensor(1.0)
    f(tensor(2.0)[0], one)
    assert (counts.earliest, counts.latest) == (2, 2)
    f(3.0, one)
    f(tensor(1.0, 2.5).requires_grad_(), one)
    assert (counts.earliest, counts.latest) == (1, 3)
    torch.func.vmap(f)(tensor(0.0, 4.0), torch.ones(2, 1, dtype=torch.float64))
    torch.func.jvp(lambda t: f(t, one), (tensor(-1.0),), (one,))
    assert (counts.earliest, counts.latest) == (-1, 4)


def test_memory_of_a_known_function(double):
    """``exp(2p)`` of 1000 doubles: the product and its exponential at once, then the exponential and the loss kept.

    Backward, a cotangent of 1, then the gradient of ``exp`` beside what it kept, which goes before that of the
    product comes.
    """
    n = 8000
    found = double.memory(lambda p, _: (p["p"] * 2).exp().sum(), {"p": torch.ones(1000, dtype=torch.float64)}, None)
    assert found == {"memory_bytes": 2 * n + 2 * 8, "kept_bytes": n + 8}


def test_memory_is_the_same_on_every_run_and_leaves_nothing(double):
    """Deterministic to the byte, and the parameters keep no gradient."""
    params = {"w": torch.ones(64, 64, dtype=torch.float64)}
    found = [
        double.memory(lambda p, x: (p["w"] @ x).tanh().sum(), params, torch.ones(64, 8).double()) for _ in range(3)
    ]
    assert found[0] == found[1] == found[2]
    assert params["w"].grad is None
    assert not params["w"].requires_grad


def test_elapsed_times_a_call_that_is_made_once(double):
    """No repetition, no warm-up of its own."""
    calls = []
    assert double.elapsed(lambda: calls.append(1)) > 0
    assert calls == [1]


def test_bare_cost(double):
    """Two positive times, of dynamics with and without use of time and parameters."""
    for f in (lambda t, y, p: -p["k"] * y, lambda t, y, p: y * t):
        c_f, c_fv = double.bare_cost(f, 0.5, tensor(1.0, 2.0), {"k": tensor(1.0)}, 0.001)
        assert c_f > 0
        assert c_fv > 0


def test_environment_and_devices():
    """What a number may depend on; the CPU comes first."""
    assert TorchAdapter.devices()[0] == "cpu"
    found = TorchAdapter.environment()
    assert found["torch"] == torch.__version__
    assert found["threads"] == torch.get_num_threads()


def test_activate_asks_for_full_precision(double):
    """Matrix products in the dtype that a cell says."""
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("medium")
        double.activate()
        assert torch.get_float32_matmul_precision() == "highest"
    finally:
        torch.set_float32_matmul_precision(before)
