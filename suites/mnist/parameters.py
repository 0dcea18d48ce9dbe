"""Initial parameters of every row, in NumPy, so that all frameworks start from the same values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from odebench.errors import UserError, choices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DATA = Path(__file__).parent / "data"

Parameters = dict[str, npt.NDArray[np.float32]]
Model = Literal["mlp", "stem", "resblock", "resnet", "revnet", "odenet"]
Stem = Literal["conv", "res"]

CHANNELS = 64
BLOCKS: dict[Model, int] = {"mlp": 0, "stem": 0, "resblock": 1, "resnet": 6, "revnet": 6, "odenet": 0}
"""Residual or reversible blocks between the stem and the head."""


def initial(model: Model, stem: Stem, rng: np.random.Generator, blocks: int | None = None) -> Parameters:
    """Float32 parameters by name, in torch's layouts (linear: out, in; convolution: out, in, height, width).

    Weights and biases of linear and convolution layers are uniform on ±1/√(fan in), torch's default law;
    GroupNorm starts at weight 1 and bias 0. The MLP has no stem and takes no notice of ``stem``.

    :param blocks: in place of the model's own number of them.
    """
    params: Parameters = {}
    for layer, shape, biased in _layers(model, stem, BLOCKS[model] if blocks is None else blocks):
        if len(shape) == 1:
            params[f"{layer}.weight"] = np.ones(shape, np.float32)
            params[f"{layer}.bias"] = np.zeros(shape, np.float32)
            continue
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        params[f"{layer}.weight"] = rng.uniform(-bound, bound, shape).astype(np.float32)
        if biased:
            params[f"{layer}.bias"] = rng.uniform(-bound, bound, shape[0]).astype(np.float32)
    return params


def trained(file: str, like: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[np.float32]]:
    """The parameters in a file of the data folder, stored in half precision.

    :raises UserError: when there is no such file, or it is of another net than ``like``.
    """
    path = _DATA / file
    if not path.is_file():
        valid = [other.name for other in sorted(_DATA.glob("*.npz"))]
        raise UserError(f"mnist: weights: there is no {file!r}; {choices(file, valid)}")
    with np.load(path) as stored:
        found = {name: stored[name].astype(np.float32) for name in stored.files}
    if {name: p.shape for name, p in found.items()} != {name: p.shape for name, p in like.items()}:
        raise UserError(f"mnist: weights: {file!r} are not those of this model and stem")
    return found


Layer = tuple[str, tuple[int, ...], bool]


def _layers(model: Model, stem: Stem, blocks: int) -> Iterator[Layer]:
    """Name, shape of the weight, and whether there is a bias; a shape of one axis is a GroupNorm's."""
    c = CHANNELS
    if model == "mlp":
        yield "hidden", (300, 28 * 28), True
        yield "output", (10, 300), True
        return
    yield "stem.conv1", (c, 1, 3, 3), True
    if stem == "conv":
        for i in (2, 3):
            yield f"stem.norm{i - 1}", (c,), True
            yield f"stem.conv{i}", (c, c, 4, 4), True
    else:
        for i in (1, 2):
            yield from _block(f"stem.block{i}")
            yield f"stem.block{i}.shortcut", (c, c, 1, 1), False
    for i in range(blocks):
        if model == "revnet":
            yield from _block(f"block{i + 1}.f", channels=c // 2)
            yield from _block(f"block{i + 1}.g", channels=c // 2)
        else:
            yield from _block(f"block{i + 1}")
    if model == "odenet":
        yield from _block("ode", time=1, biased=True)
        yield "ode.norm3", (c,), True
    yield "head.norm", (c,), True
    yield "head.linear", (10, c), True


def _block(name: str, channels: int = CHANNELS, time: int = 0, biased: bool = False) -> Iterator[Layer]:
    for i in (1, 2):
        yield f"{name}.norm{i}", (channels,), True
        yield f"{name}.conv{i}", (channels, channels + time, 3, 3), biased
