"""Live bytes are the storages that operations brought to life: exact, and the same on every run."""

import pytest
import torch

from odebench_torch.live_bytes import LiveBytes

KIB = 1024


def kib(n=1):
    return torch.ones(n * KIB // 4)


def test_made_and_freed():
    """``now`` follows what is alive, ``peak`` what was."""
    with LiveBytes() as live:
        a = kib(4)
        b = a + 1
        assert (live.now, live.peak) == (8 * KIB, 8 * KIB)
        del a
        assert (live.now, live.peak) == (4 * KIB, 8 * KIB)
        c = b * 2
        del b, c
        assert (live.now, live.peak) == (0, 8 * KIB)


def test_what_is_older_does_not_count():
    """Nor when it is viewed, changed in place or freed within."""
    old = kib(4)
    with LiveBytes() as live:
        view = old[:100].reshape(10, 10).T
        view.add_(1.0)
        old.mul_(2.0)
        torch.add(old, 1.0, out=old)
        assert (live.now, live.peak) == (0, 0)
        del old, view
        assert live.now == 0


def test_a_view_keeps_its_storage_alive_and_counts_once():
    """However many views there are, until the last is gone."""
    with LiveBytes() as live:
        views = kib(4).chunk(4)
        assert live.now == 4 * KIB
        last = views[3]
        del views
        assert live.now == 4 * KIB
        del last
        assert live.now == 0


def test_an_old_tensor_first_seen_through_a_view():
    """A view made before, used within: its storage is old."""
    view = kib(4)[10:]
    with LiveBytes() as live:
        made = view * 2
        assert live.now == made.untyped_storage().nbytes() == 4 * KIB - 40


def test_several_outputs_and_nested_ones():
    """Each output of an operation counts."""
    with LiveBytes() as live:
        values, indices = kib(4).sort()
        assert live.now == 4 * KIB + 8 * KIB
        assert values.shape == indices.shape


def test_what_autograd_saves_is_alive():
    """``exp`` keeps its result for the backward pass: freed with the graph, not before."""
    x = kib(4).requires_grad_()
    with LiveBytes() as live:
        y = x.exp().sum()
        assert live.now == 4 * KIB + 4
        (gradient,) = torch.autograd.grad(y, x)
        assert live.peak >= 8 * KIB + 4
        del y
        assert live.now == 4 * KIB
        del gradient
        assert live.now == 0


@pytest.mark.parametrize("depth", [1, 4, 9])
def test_a_chain_under_no_grad_needs_two_at_a_time(depth):
    """With gradients it keeps every intermediate: linear in depth; without, two."""

    def chain(x):
        for _ in range(depth):
            x = x.sin()
        return x

    x = kib(4)
    with torch.no_grad(), LiveBytes() as live:
        chain(x)
    assert live.peak == min(depth, 2) * 4 * KIB
    x.requires_grad_()
    with LiveBytes() as live:
        y = chain(x)
    assert live.peak == depth * 4 * KIB
    assert y.requires_grad


def test_it_can_be_entered_again():
    """Two contexts do not meet."""
    for _ in range(2):
        with LiveBytes() as live:
            a = kib(4)
            assert live.now == 4 * KIB
            del a
