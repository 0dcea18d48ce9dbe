"""The continuous flow: ż = Σₙ σₙ(t) uₙ tanh(wₙᵀz + bₙ), its parameters a function of t."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from odebench.contract import Array, OdeInt, PyTree
from odebench.tasks import namespace, one_of, positive, whole
from odebench.tasks.nets import float32, mlp, mlp_parameters

HIDDEN = 32
_OUTPUTS = {"sum": 6, "public": 7, "hamiltonian": 6}  # a unit: w (2), u (2), b, and its gate (public: one a coordinate)


class Units(NamedTuple):
    """M units at one time: ``w`` (M, 2), ``u`` (M, 2) with the gate in it, ``b`` (M,)."""

    w: Array
    u: Array
    b: Array


class ContinuousFlow:
    """Carries points through time, and says how their log-density changes on the way.

    A tanh net of t with two hidden layers of 32 gives the parameters of the units:

    * ``sum``: those of Chen et al. 2018, §4: a sum over units, a gate σₙ(t) in (0, 1) each;
    * ``public``: those of the authors' published example: the mean over units, a gate for each coordinate of uₙ;
    * ``hamiltonian``: App. A.1: ż₁ = f(z₂, t), ż₂ = g(z₁, t). Half of the units see z₂ and move z₁, the others the
      reverse, so that the trace is 0, bit for bit.

    :param size: M.
    :param end: the last time; the first is 0, where the base is.
    """

    def __init__(self, framework: str, size: int, form: str = "sum", end: float = 1.0) -> None:
        self.size = whole("cnf", "size", size, 2 if form == "hamiltonian" else 1)
        self._form = one_of("cnf", "form", form, _OUTPUTS)
        self._end = positive("cnf", "end", end)
        self._xp = namespace(framework)

    def parameters(self, rng: np.random.Generator) -> dict[str, Any]:
        return float32(mlp_parameters(rng, "hyper", (1, HIDDEN, HIDDEN, self.size * _OUTPUTS[self._form])))

    def batch(self, z: Any, start: float, stop: float) -> dict[str, Any]:
        """Points (N, 2) and the times between which they are carried, as parts of the flow's span."""
        return {"z": z, "ts": np.asarray([start, stop]) * self._end}

    def transport(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> tuple[Array, Array]:
        """``(z, change)``: the points (N, 2) at the second time, and what their log-density changed by (N,)."""
        z = batch["z"]
        zs, changes = odeint(self.dynamics, (z, self._xp.zeros_like(z[:, 0])), batch["ts"], params)
        return zs[-1], changes[-1]

    def dynamics(self, t: Array, state: tuple[Array, Array], params: dict[str, Array]) -> tuple[Array, Array]:
        """dz/dt and d log p/dt = −tr ∂ż/∂z, in the closed form −Σ σₙ uₙᵀwₙ tanh′(wₙᵀz + bₙ).

        Chen et al. 2018, eq. 8; their eq. 10, the same for a sum of units, has lost the minus.
        """
        w, u, b = self.units(t, params)
        h = self._xp.tanh(state[0] @ w.T + b)
        return h @ u, -((1 - h**2) @ self._xp.sum(w * u, axis=1))

    def units(self, t: Array, params: dict[str, Array]) -> Units:
        xp, m = self._xp, self.size
        out = mlp(params, "hyper", xp.reshape(t, (1,)), xp.tanh)
        w, u = xp.reshape(out[: 2 * m], (m, 2)), xp.reshape(out[2 * m : 4 * m], (m, 2))
        b, gate = out[4 * m : 5 * m], xp.sigmoid(out[5 * m :])
        if self._form == "public":
            return Units(w, u * xp.reshape(gate, (m, 2)) / m, b)
        u = u * xp.reshape(gate, (m, 1))
        if self._form == "hamiltonian":
            half = m // 2
            w = xp.concat([_only(w[:half], 1, xp), _only(w[half:], 0, xp)], axis=0)
            u = xp.concat([_only(u[:half], 0, xp), _only(u[half:], 1, xp)], axis=0)
        return Units(w, u, b)


def _only(x: Array, column: int, xp: Any) -> Array:
    """x (N, 2) with zeros in the other column."""
    columns = [x[:, i] if i == column else xp.zeros_like(x[:, i]) for i in range(2)]
    return xp.stack(columns, axis=1)
