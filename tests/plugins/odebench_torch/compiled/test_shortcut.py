"""From a function's arguments to its compiled graph's inputs, with a compiler that runs the graph as it is."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from odebench_torch.compiled.shortcut import Shortcut

# Of torch itself, as it imports what its compiler is made of.
pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning")


class AsItIs:
    """A compiler that returns the graph.

    :ivar runs: how many inputs it was run with, a number a run.
    """

    def __init__(self) -> None:
        self.runs: list[int] = []

    def __call__(self, graph: Any, inputs: list[Any]) -> Any:
        def run(*given: Tensor) -> Any:
            self.runs.append(len(given))
            return graph(*given)

        return run


def direct(shortcut: Shortcut) -> bool:
    return shortcut._call not in (shortcut._first, shortcut._frontend)


def test_later_calls_find_their_way() -> None:
    """Arguments in an order of the graph's own, one that is not used, None and a tuple among them; results likewise."""

    def f(a: Tensor, b: Tensor | None, unused: Tensor, rest: tuple[Tensor, ...]) -> Any:
        return rest[1] * a, None, (rest[0] - a, None)

    compiler = AsItIs()
    shortcut = Shortcut(f, {}, compiler)
    for n in range(3):
        a, unused, x, y = (torch.full((2,), float(n + i)) for i in range(4))
        found = shortcut(a, None, unused, (x, y))
        assert torch.equal(found[0], y * a)
        assert found[1] is None
        assert torch.equal(found[2][0], x - a)
        assert found[2][1] is None
    assert direct(shortcut)
    assert compiler.runs == [3] * 4  # the first call's twice


def test_what_is_not_an_argument_goes_by_the_frontend() -> None:
    captured = torch.ones(2)
    shortcut = Shortcut(lambda a: a * captured, {}, AsItIs())
    for n in range(3):
        captured.fill_(n)
        assert torch.equal(shortcut(torch.ones(2)), torch.full((2,), float(n)))
    assert not direct(shortcut)


@pytest.mark.parametrize("make", [lambda a: (a * 2, a), lambda a: (a * 2, torch.ones(2), torch.ones(2))])
def test_results_that_the_graph_does_not_make(make: Any) -> None:
    shortcut = Shortcut(make, {}, AsItIs())
    for n in range(3):
        a = torch.full((2,), float(n))
        for found, expected in zip(shortcut(a), make(a), strict=True):
            assert torch.equal(found, expected)


def test_one_tensor_in_two_places() -> None:
    """They may be two in a later call."""
    shortcut = Shortcut(lambda a, b: a - b, {}, AsItIs())
    one = torch.ones(2)
    assert torch.equal(shortcut(one, one), torch.zeros(2))
    assert torch.equal(shortcut(3 * one, one), 2 * one)
    assert direct(shortcut)


def test_a_graph_behind_the_arguments() -> None:
    """Of an argument that is no leaf: the frontend warns of nothing, and the derivative reaches what it is made of."""
    x = torch.ones(2, requires_grad=True)
    shortcut = Shortcut(lambda a: 3 * a, {}, AsItIs())
    for _ in range(2):
        assert torch.autograd.grad(shortcut(2 * x).sum(), x)[0].tolist() == [6.0, 6.0]
    assert direct(shortcut)
