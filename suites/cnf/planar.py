"""The rival: planar layers z + û tanh(wᵀz + b), Rezende & Mohamed 2015 (arXiv:1505.05770), eq. 10 and App. A.1."""

from __future__ import annotations

from typing import Any

import numpy as np

from odebench.contract import Array, OdeInt, PyTree
from odebench.tasks import namespace, whole
from odebench.tasks.nets import float32


class PlanarFlow:
    """K layers of five parameters each, with the interface of :class:`.continuous.ContinuousFlow`.

    A layer has no inverse in closed form, so its points go one way only. ``inverse`` says which: from the base to the
    data, as densities are matched and drawn from, or from the data to the base, as likelihoods are computed. In the
    second the first layer is the last stretch of the flow's span.

    :param size: K.
    """

    def __init__(self, framework: str, size: int, *, inverse: bool = False) -> None:
        self.size = whole("cnf", "size", size, 1)
        self._inverse = inverse
        self._xp = namespace(framework)

    def parameters(self, rng: np.random.Generator) -> dict[str, Any]:
        """w of length 1 or so, and û small, so that the flow begins near the identity, however many its layers are.

        A small u would not do: the û of u = 0 shrinks the plane along w to ln 2 of itself, in every layer.
        """
        k = self.size
        w, small, b = rng.standard_normal((k, 2)), 0.1 * rng.standard_normal((k, 2)), rng.uniform(-1, 1, k)
        still = np.log(np.e - 1) / (w**2).sum(axis=1, keepdims=True) * w  # its û is 0: softplus(ln(e - 1)) = 1
        u = still + small
        return float32({"planar.w": w, "planar.u": u, "planar.b": b})

    def batch(self, z: Any, start: float, stop: float) -> dict[str, Any]:
        """Points (N, 2) and which layers (K,) they are sent through: those of a part of the flow's span.

        :raises ValueError: for a part that this direction does not begin with, or the other direction.
        """
        if (stop if self._inverse else start) != 0 or start == stop:
            raise ValueError(f"a planar flow cannot carry points from {start} to {stop}")
        layers = np.arange(self.size)
        used = self.size - layers <= start * self.size if self._inverse else layers + 1 <= stop * self.size
        return {"z": z, "used": used.astype(np.float64)}

    def transport(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> tuple[Array, Array]:
        """``(z, change)``: the points (N, 2) behind the layers, and −Σ log|1 + ûᵀ∂h/∂z| (N,)."""
        xp, z = self._xp, batch["z"]
        w, u = params["planar.w"], self.invertible(params) * batch["used"][:, None]
        activations = []
        for wk, uk, bk in zip(*map(xp.unstack, (w, u, params["planar.b"])), strict=True):
            activations.append(xp.tanh(z @ wk + bk))
            z = z + activations[-1][:, None] * uk
        slopes = 1 - xp.stack(activations, axis=1) ** 2
        return z, -xp.sum(xp.log(1 + slopes * xp.sum(w * u, axis=1)), axis=1)

    def invertible(self, params: dict[str, Array]) -> Array:
        """û (K, 2): u, moved along w until wᵀû = softplus(wᵀu) − 1 > −1, where the layer is one to one."""
        xp, w, u = self._xp, params["planar.w"], params["planar.u"]
        along = xp.sum(w * u, axis=1)
        wanted = xp.softplus(along) - 1
        return u + ((wanted - along) / xp.sum(w**2, axis=1))[:, None] * w
