"""The convolutional net: of the paper's sizes, a convolution, and one function in both frameworks."""

import numpy as np
import pytest
import torch

from odebench.backends import default_registry
from odebench.errors import UserError
from odebench.tasks import namespace
from suites.anode.mnist import MnistTask


@pytest.mark.parametrize(("augment", "filters", "expected"), [(0, 92, 84_395), (5, 64, 84_816)])
def test_parameters(augment, filters, expected):
    """Those of the paper, which are of the field without time."""
    made = MnistTask("torch", seed=0, augment=augment, filters=filters)
    assert sum(p.size for p in made.params.values()) == expected


def test_the_field_is_one_of_convolutions():
    """1×1, 3×3 with zeros around the image, 1×1, and ReLU between, as torch convolves."""
    made = MnistTask("torch", seed=0, augment=1, filters=3)
    params = {name: torch.from_numpy(p).double() for name, p in made.params.items()}
    y = torch.randn(2, 6, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kernels = {
        "field.conv1": params["field.conv1.weight"][:, :, None, None],
        "field.conv2": params["field.conv2.weight"].reshape(3, 3, 3, 3).permute(0, 3, 1, 2),
        "field.conv3": params["field.conv3.weight"][:, :, None, None],
    }
    x = y.permute(0, 3, 1, 2)
    for name, kernel in kernels.items():
        x = x if name == "field.conv1" else x.relu()
        x = torch.conv2d(x, kernel, params[f"{name}.bias"], padding=kernel.shape[-1] // 2)
    torch.testing.assert_close(made.field(0.0, y, params), x.permute(0, 2, 3, 1), rtol=1e-12, atol=1e-12)


def test_both_frameworks_see_one_function():
    """Loss and gradient from the same parameters and images, in float64 to 1e-12."""
    found = {}
    for framework in ("torch", "jax"):
        made = MnistTask(framework, seed=1, augment=1, filters=6, batch_size=3)
        adapter = default_registry().frameworks[framework].load()("cpu", "float64")
        adapter.activate()
        xp = namespace(framework)

        def odeint(f, y0, ts, params, xp=xp):
            return xp.stack([y0, y0 + (ts[1] - ts[0]) * f(ts[0], y0, params)])

        loss = adapter.value_and_grad(lambda p, b, made=made, odeint=odeint: made.loss(p, b, odeint))
        value, grads = adapter.numpy(loss(adapter.asarray(made.params), adapter.asarray(made.batch(0))))
        found[framework] = {"loss": value, **grads}
    for name, expected in found["torch"].items():
        assert np.abs(expected).max() > 0, name
        np.testing.assert_allclose(found["jax"][name], expected, rtol=1e-10, atol=1e-13, err_msg=name)


def test_metrics():
    """Of who knows error 0; of who does not 90 % and a loss of log 10; each image once."""
    made = MnistTask("torch", seed=0, filters=1, test_size=700)
    shapes = []

    def know(batch):
        shapes.append(batch["images"].shape)
        return 50 * batch["labels"]

    truth = made.evaluate(know)
    assert shapes == [(350, 28, 28, 1)] * 2
    assert (truth["test_error"], truth["test_accuracy"]) == (0, 1)
    assert truth["test_loss"] == pytest.approx(0, abs=1e-12)
    guess = made.evaluate(lambda batch: np.zeros((len(batch["labels"]), 10), np.float32))
    assert guess["test_error"] == pytest.approx(0.9, abs=0.05)
    assert guess["test_loss"] == pytest.approx(np.log(10))


def test_an_option_out_of_range_is_named():
    """With what it must be and what it was."""
    with pytest.raises(UserError, match="anode: test_size must be a whole number between 1 and 10000, got 0"):
        MnistTask("torch", seed=0, test_size=0)
