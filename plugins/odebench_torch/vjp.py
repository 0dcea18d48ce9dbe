"""Vector–Jacobian products: ``torch.autograd.grad`` without its checks, where this torch allows that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import GradientEdge

from odebench.contract import Unsupported
from odebench_torch.dynamics import leaves_of_graph

Outputs = Sequence[Tensor] | Sequence[GradientEdge]


def refuse_second_derivative() -> None:
    """For the top of a backward pass, which autograd records only when it is to be differentiated itself.

    ``once_differentiable`` is not enough: where the cotangent does not require grad, its second derivative is zero.

    :raises RuntimeError: when it is.
    """
    if torch.is_grad_enabled():
        raise RuntimeError("a solve can be differentiated once: create_graph=True is not supported")


def refuse_captured(outputs: Sequence[Tensor], known: Sequence[Tensor]) -> None:
    """For methods that give a gradient to y0, ts and the parameters alone.

    :param known: the leaves that the graph of ``outputs`` may end at.
    :raises Unsupported: when it ends at another one.
    """
    allowed = {id(leaf) for leaf in known}
    for leaf in leaves_of_graph(outputs):
        if id(leaf) not in allowed:
            raise Unsupported(
                f"f depends on a tensor of shape {tuple(leaf.shape)} that requires grad and is not among its "
                "parameters, so this method cannot give it a gradient: pass it in params, or detach it"
            )


def _checked(
    outputs: Outputs, cotangents: Sequence[Tensor], inputs: Sequence[Tensor], retain: bool
) -> tuple[Tensor | None, ...]:
    return torch.autograd.grad(outputs, inputs, cotangents, allow_unused=True, retain_graph=retain)


def _unchecked(run: Any) -> Callable[..., tuple[Tensor | None, ...]]:
    def vjp(
        outputs: Outputs, cotangents: Sequence[Tensor], inputs: Sequence[Tensor], retain: bool
    ) -> tuple[Tensor | None, ...]:
        found: tuple[Tensor | None, ...] = run(
            tuple(outputs), tuple(cotangents), retain, False, tuple(inputs), True, accumulate_grad=False
        )
        return found

    return vjp


def _choose() -> Callable[..., tuple[Tensor | None, ...]]:
    # The checks of shapes and dtypes in autograd.grad take a third of the time of a small network's VJP, and
    # both are known here. What they guard is not public, so it is tried on 3 x before it is trusted.
    run = getattr(torch.autograd.graph, "_engine_run_backward", None)
    if run is None:
        return _checked
    with torch.enable_grad():
        x = torch.ones(1, requires_grad=True)
        try:
            (slope,) = _unchecked(run)((3.0 * x,), (torch.ones(1),), (x,), False)
        except Exception:
            return _checked
    return _unchecked(run) if slope is not None and slope.item() == 3.0 else _checked


def _teller() -> Callable[[], bool]:
    told: Callable[[], bool] | None = getattr(torch._C._autograd, "_get_current_graph_task_keep_graph", None)
    return (lambda: True) if told is None else told


graph_is_kept = _teller()
"""Whether the backward pass that runs was asked to ``retain_graph``; assumed where this torch does not tell."""

vjp = _choose()
"""``vjp(outputs, cotangents, inputs, retain)``: the gradients with respect to the inputs, None where unused."""
