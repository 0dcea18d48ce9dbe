"""The Array API on PyTorch's tensors, and those functions of nets that it has not."""

from __future__ import annotations

from typing import Any

import torch
from array_api_compat import torch as array_api
from torch.nn import functional as F  # noqa: N812

elu, relu, sigmoid = F.elu, F.relu, torch.sigmoid
vjp, jvp = torch.func.vjp, torch.func.jvp


def softplus(x: torch.Tensor, /) -> torch.Tensor:
    # Beyond its own threshold of 20 it is x: of float64, that is half of the digits.
    return F.softplus(x, threshold=80.0)


def stop_gradient(x: torch.Tensor) -> torch.Tensor:
    return x.detach()


def log_softmax(x: torch.Tensor, /, *, axis: int = -1) -> torch.Tensor:
    return F.log_softmax(x, axis)


def logsumexp(x: torch.Tensor, /, *, axis: int = -1) -> torch.Tensor:
    return torch.logsumexp(x, axis)


def scan(step: Any, carry: Any, xs: torch.Tensor) -> tuple[Any, torch.Tensor]:
    """``(carry, ys)`` of ``step(carry, x) -> (carry, y)`` along the first axis of xs; ys are stacked along theirs."""
    ys = []
    for x in xs:
        carry, y = step(carry, x)
        ys.append(y)
    return carry, torch.stack(ys)


def __getattr__(name: str) -> Any:
    return getattr(array_api, name)
