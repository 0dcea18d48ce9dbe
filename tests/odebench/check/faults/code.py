"""The code of these faults: it imports torch, which registering must not."""

from __future__ import annotations

import itertools

import torch

from odebench import SolveError, Stats, Status


def _rk4(f, t, y, h, args):
    k1 = f(t, y, *args)
    k2 = f(t + h / 2, y + h / 2 * k1, *args)
    k3 = f(t + h / 2, y + h / 2 * k2, *args)
    k4 = f(t + h, y + h * k3, *args)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def sound(f, y0, ts, params=None, *, num_steps=None, max_steps=10_000):
    """So many steps an interval of ts."""
    args, n, ys, steps = () if params is None else (params,), num_steps or 1, [y0], 0
    for t, end in itertools.pairwise(ts):
        y, h = ys[-1], (end - t) / n
        for i in range(n):
            if steps == max_steps:
                raise SolveError(Status.max_steps, float(t))
            y, steps = _rk4(f, t + i * h, y, h, args), steps + 1
        ys.append(y)
    return torch.stack(ys), Stats(4 * steps, steps, 0, Status.ok, 0.0)


def overshoots(f, y0, ts, params=None, *, num_steps=None, max_steps=10_000):
    """Steps past every time, and interpolates linearly, between states that are close together."""
    args, n, ys, nfe = () if params is None else (params,), num_steps or 1, [y0], 0
    for t, end in itertools.pairwise(ts):
        h = (end - t) / n * (1 - 1e-7)
        y = ys[-1]
        for i in range(n):
            y = _rk4(f, t + i * h, y, h, args)
        beyond = _rk4(f, t + n * h, y, (end - t) * 2e-2, args)
        ys.append(y + (end - t - n * h) / ((end - t) * 2e-2) * (beyond - y))
        nfe += 4 * n + 4
    return torch.stack(ys), Stats(nfe, nfe // 4, 0, Status.ok, 0.0)


def lies(f, y0, ts, params=None, **options):
    ys, stats = sound(f, y0, ts, params, **options)
    return ys, stats._replace(nfe=stats.nfe - 1)


def gives_up(f, y0, ts, params=None, *, num_steps=None, max_steps=10_000):
    """Out of steps, it returns the state that it has come to."""
    steps = (len(ts) - 1) * (num_steps or 1)
    if steps <= max_steps:
        return sound(f, y0, ts, params, num_steps=num_steps)
    return torch.stack([y0] * len(ts)), Stats(4, 1, 0, Status.ok, 0.0)


def drifts(f, y0, ts, params=None, **options):
    """Not the same twice."""
    ys, stats = sound(f, y0, ts, params, **options)
    return ys + 1e-12 * torch.rand(()), stats


def backprop(solve, options):
    return lambda f, y0, ts, params=None: solve(f, y0, ts, params, **options)[0]


def timeless(solve, options):
    """Its gradient with respect to times is dropped."""
    return lambda f, y0, ts, params=None: solve(f, y0, ts.detach(), params, **options)[0]


class _Half(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, g):
        return g / 2


def halves(solve, options):
    """Half of the parameters' gradient is lost."""

    def odeint(f, y0, ts, params=None):
        return solve(f, y0, ts, {name: _Half.apply(p) for name, p in params.items()}, **options)[0]

    return odeint
