"""The ways to write dynamics, ``f(t, y, params)``, ``f(t, y)`` or an ``nn.Module``, made one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.func import functional_call

from odebench.contract import Dynamics, PyTree
from odebench_torch.layout import flatten, unflatten


@dataclass(frozen=True)
class Field:
    """Dynamics with their parameters bound.

    :param call: ``call(t, y) -> dy/dt``.
    :param parameters: the tensors among the parameters that require a gradient.
    :param aliases: what stands for each of them inside ``call``, and hence in its graph.
    :param named: whether f says what its parameters are, as a module or by taking them; else it may have captured any
        tensor, at any time.
    """

    call: Callable[[Tensor, PyTree], PyTree]
    parameters: tuple[Tensor, ...]
    aliases: tuple[Tensor, ...]
    named: bool


def bind(f: Dynamics, params: PyTree) -> Field:
    """Bind the parameters.

    The parameters that are passed are aliased by leaves, so that a graph of ``call`` ends at them and does not
    reach what they were computed from; a module's own parameters are leaves already.
    """
    if params is None:
        if not isinstance(f, nn.Module):
            return Field(f, (), (), named=False)
        own = tuple(p for p in f.parameters() if p.requires_grad)
        return Field(f, own, own, named=True)
    leaves, structure = flatten(params)
    trained = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor) and leaf.requires_grad]
    parameters = tuple(leaves[i] for i in trained)
    for i in trained:
        leaves[i] = leaves[i].detach().requires_grad_()
    aliased = unflatten(structure, leaves) if trained else params
    return Field(_with_params(f, aliased), parameters, tuple(leaves[i] for i in trained), named=True)


def _with_params(f: Dynamics, params: PyTree) -> Callable[[Tensor, PyTree], PyTree]:
    if isinstance(f, nn.Module):
        call, given = stateless(f, list(params)), dict(params)
        return lambda t, y: call(t, y, given)
    return lambda t, y: f(t, y, params)


def stateless(module: nn.Module, names: Iterable[str]) -> Callable[[Tensor, PyTree, Mapping[str, Tensor]], PyTree]:
    """``call(t, y, tensors) -> dy/dt`` with these tensors in place of the module's of those names, and of those tied.

    ``functional_call`` could tie them itself, but a part that has two names in the module would keep what it was given.

    :raises ValueError: when two of the names are of one tensor.
    """
    own = {
        **dict(module.named_parameters(remove_duplicate=False)),
        **dict(module.named_buffers(remove_duplicate=False)),
    }
    slots: dict[int, list[str]] = {}
    for prefix, part in module.named_modules():  # each part by one of its names
        for walk in (part.named_parameters, part.named_buffers):
            for name, tensor in walk(prefix, recurse=False, remove_duplicate=False):
                slots.setdefault(id(tensor), []).append(name)
    places = {name: slots.get(id(own.get(name)), [name]) for name in names}
    if sum(map(len, places.values())) != len({slot for found in places.values() for slot in found}):
        raise ValueError(f"params give a tied tensor of the module twice: {sorted(places)}")

    def call(t: Tensor, y: PyTree, tensors: Mapping[str, Tensor]) -> PyTree:
        filled = {slot: tensors[name] for name, found in places.items() for slot in found}
        dydt: PyTree = functional_call(module, filled, (t, y), tie_weights=False)
        return dydt

    return call


def leaves_of_graph(outputs: Iterable[Tensor]) -> list[Tensor]:
    """The tensors that a gradient of ``outputs`` would accumulate in, each once."""
    outputs = list(outputs)
    found = {id(out): out for out in outputs if out.requires_grad and out.grad_fn is None}
    found.update((id(leaf), leaf) for leaf in leaves_behind(out.grad_fn for out in outputs))
    return list(found.values())


def leaves_behind(nodes: Iterable[Node | None]) -> list[Tensor]:
    """The tensors that a gradient which arrives at these nodes would accumulate in, each once."""
    found: dict[int, Tensor] = {}
    pending: list[Any] = list(nodes)
    seen = {None}
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if following := node.next_functions:
            pending.extend([successor for successor, _ in following])
        elif (variable := getattr(node, "variable", None)) is not None:
            found[id(variable)] = variable
    return list(found.values())
