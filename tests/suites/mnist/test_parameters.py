import numpy as np
import pytest
import torch

from suites.mnist.parameters import initial

COUNTS = {
    ("mlp", "conv"): 238_510,
    ("stem", "conv"): 132_874,
    ("resblock", "conv"): 206_858,
    ("odenet", "conv"): 208_266,
    ("resnet", "conv"): 576_778,
    ("revnet", "conv"): 355_594,
    ("stem", "res"): 157_578,
    ("resblock", "res"): 231_562,
    ("odenet", "res"): 232_970,
    ("resnet", "res"): 601_482,
    ("revnet", "res"): 380_298,
}


@pytest.mark.parametrize("row", COUNTS, ids="-".join)
def test_parameter_counts(row):
    """The counts that are known from the paper's public code."""
    params = initial(*row, np.random.default_rng(0))
    assert sum(p.size for p in params.values()) == COUNTS[row]
    assert {p.dtype for p in params.values()} == {np.dtype(np.float32)}


def test_twelve_reversible_blocks_have_the_resnets_count():
    """Within one per cent: half the channels, but twice the convolutions, in each."""
    sizes = [
        sum(p.size for p in initial(*row).values())
        for rng in [np.random.default_rng(0)]
        for row in [("resnet", "conv", rng), ("revnet", "conv", rng, 12)]
    ]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.01)


def test_the_law_is_torchs_default():
    """Range, mean and variance of each kind of layer against torch's own initialisation."""
    torch.manual_seed(0)
    params = initial("odenet", "conv", np.random.default_rng(0))
    layers = {
        "stem.conv2": torch.nn.Conv2d(64, 64, 4),
        "ode.conv1": torch.nn.Conv2d(65, 64, 3),
        "head.linear": torch.nn.Linear(64, 10),
        "head.norm": torch.nn.GroupNorm(32, 64),
    }
    for name, layer in layers.items():
        for kind, theirs in layer.named_parameters():
            ours, theirs = params[f"{name}.{kind}"], theirs.detach().numpy()
            assert ours.shape == theirs.shape
            bound = 1 / np.sqrt(np.prod(layer.weight.shape[1:])) if ours.std() else 1
            assert np.abs(ours).max() <= bound
            assert abs(ours.mean() - theirs.mean()) < 6 * bound / np.sqrt(3 * ours.size)
            assert ours.std() == pytest.approx(theirs.std(), rel=6 / np.sqrt(ours.size))


def test_the_seed_decides():
    """Same seed, same parameters; another seed, others."""
    one, same, other = (initial("mlp", "conv", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert all(np.array_equal(one[k], same[k]) for k in one)
    assert not np.array_equal(one["hidden.weight"], other["hidden.weight"])
