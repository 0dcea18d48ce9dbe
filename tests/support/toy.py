"""An array framework in nothing but NumPy, written as a stranger would: the adapter, an engine, a gradient method.

Its gradients are central differences, so a gradient of P numbers takes 1 + 2P solves and no VJP.
"""

from __future__ import annotations

import itertools
import time

import numpy as np

import odebench
from odebench.descent import PlainDescent


@odebench.hookimpl
def odebench_register_frameworks(register):
    register(
        odebench.Framework(name="toy", code=f"{__name__}:ToyAdapter", runge_kutta=f"{__name__}:RungeKutta"),
    )


@odebench.hookimpl
def odebench_register_gradients(register):
    register(
        odebench.GradientMethod(name="numeric", library="toy", code=f"{__name__}:bind", summary="central differences")
    )


def bind(solve, options):
    return lambda f, y0, ts, params=None: solve(f, y0, ts, params, **options)[0]


def tree_map(function, tree):
    if isinstance(tree, dict):
        return {key: tree_map(function, value) for key, value in tree.items()}
    return None if tree is None else function(tree)


class ToyAdapter:
    """See :class:`odebench.adapter.Adapter`. ``asarray`` shares memory, and ``train_step`` works in place."""

    def __init__(self, device, dtype):
        self.device, self.dtype = device, np.dtype(dtype)

    @staticmethod
    def devices():
        return ["cpu", "abacus"]

    @staticmethod
    def environment():
        return {"toy": "1.0"}

    def activate(self):
        pass

    def device_peak(self):
        return {}

    def asarray(self, tree):
        return tree_map(lambda x: x.astype(self.dtype, copy=False) if x.dtype.kind == "f" else x, tree)

    def numpy(self, tree):
        return tree_map(np.asarray, tree)

    def forward(self, function):
        return function

    def prepare(self, function, *args):
        return function

    def value_and_grad(self, loss):
        h = np.finfo(self.dtype).eps ** (1 / 3)

        def run(params, batch):
            params = tree_map(np.array, params)

            def gradient(leaf):
                found = np.zeros_like(leaf)
                for i in np.ndindex(leaf.shape):
                    middle = leaf[i]
                    leaf[i] = middle + h
                    above = loss(params, batch)
                    leaf[i] = middle - h
                    found[i] = (above - loss(params, batch)) / (2 * h)
                    leaf[i] = middle
                return found

            return loss(params, batch), tree_map(gradient, params)

        return run

    def descent(self, loss, recipe, params):
        return PlainDescent(self, loss, recipe, params)

    def zeros_like(self, tree):
        return tree_map(np.zeros_like, tree)

    def leaves(self, tree):
        found = []
        tree_map(found.append, tree)
        return found

    def block(self, tree):
        pass

    def elapsed(self, call):
        begin = time.perf_counter()
        call()
        return time.perf_counter() - begin

    def counted(self, f, counts):
        def counted(*args):
            counts.f += 1
            return f(*args)

        return counted

    def flush(self):
        pass

    def bare_cost(self, f, t, y, params, seconds):
        cost = self.elapsed(lambda: f(t, y, params))
        return cost, 2 * cost

    def memory(self, loss, params, batch):
        return {"memory_bytes": sum(p.nbytes for p in params.values())}


class RungeKutta:
    """Makes a solver of a tableau; a fixed step divides each interval between outputs into ``num_steps``."""

    def __init__(self, tableau):
        self.tableau = tableau

    def __call__(self, f, y0, ts, params=None, *, rtol=1e-6, atol=1e-6, num_steps=None, max_steps=10_000):
        args = () if params is None else (params,)
        counts = {"nfe": 0, "accepted": 0, "rejected": 0}
        ys = [y0]
        for t, end in itertools.pairwise(ts):
            ys.append(self._interval(f, t, end, ys[-1], args, rtol, atol, num_steps, max_steps, counts))
        return np.stack(ys), odebench.Stats(**counts, status=odebench.Status.ok, next_step=0.0)

    def _interval(self, f, t, end, y, args, rtol, atol, num_steps, max_steps, counts):
        fixed = num_steps is not None or not self.tableau.adaptive
        h = (end - t) / (num_steps or 1) if fixed else (end - t) / 10
        for attempt in range(max_steps):
            if attempt == num_steps or abs(end - t) < 1e-14:
                return y
            h = h if fixed or abs(h) < abs(end - t) else end - t
            new, error = self._step(f, t, y, h, args, counts)
            ratio = 0.0 if fixed else float(np.max(np.abs(error) / (atol + rtol * np.abs(new))))
            if not np.all(np.isfinite(new)):
                raise odebench.SolveError(odebench.Status.non_finite, float(t))
            if ratio <= 1:
                t, y = t + h, new
            counts["accepted" if ratio <= 1 else "rejected"] += 1
            if not fixed:
                h *= min(5.0, max(0.2, 0.9 * (ratio + 1e-10) ** (-1 / self.tableau.error_order)))
        raise odebench.SolveError(odebench.Status.max_steps, float(t))

    def _step(self, f, t, y, h, args, counts):
        k = []
        for c, row in zip(self.tableau.c, self.tableau.a, strict=True):
            increment = sum((float(a) * s for a, s in zip(row, k, strict=True)), start=np.zeros_like(y))
            k.append(f(t + float(c) * h, y + h * increment, *args))
        counts["nfe"] += len(k)
        error = sum(e * s for e, s in zip(self.tableau.b_error, k, strict=True)) if self.tableau.adaptive else 0.0
        return y + h * sum(float(b) * s for b, s in zip(self.tableau.b, k, strict=True)), h * error
