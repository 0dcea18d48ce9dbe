"""The Array API on PyTorch's tensors, and those functions of nets that it has not."""

from __future__ import annotations

from typing import Any

import torch
from array_api_compat import torch as array_api
from torch.nn import functional as F  # noqa: N812

elu, relu, sigmoid, softplus = F.elu, F.relu, torch.sigmoid, F.softplus
vjp, jvp = torch.func.vjp, torch.func.jvp


def stop_gradient(x: torch.Tensor) -> torch.Tensor:
    return x.detach()


def log_softmax(x: torch.Tensor, /, *, axis: int = -1) -> torch.Tensor:
    return F.log_softmax(x, axis)


def logsumexp(x: torch.Tensor, /, *, axis: int = -1) -> torch.Tensor:
    return torch.logsumexp(x, axis)


def __getattr__(name: str) -> Any:
    return getattr(array_api, name)
