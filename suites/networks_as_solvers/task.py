"""A net of equal blocks, and the ODE that it is compared with, as tasks of one framework."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np

from odebench.contract import OdeInt, PyTree
from odebench.errors import UserError
from odebench.tasks import namespace, one_of, positive, whole

from .depth import DepthTask, ProductsTask
from .fields import FIELDS, SUITE, Array, D, Floats, parameters
from .nets import NETS, dense_kernels, inverse
from .truth import flow, relative, ulps

STATES = 8
_FIELD, _STATES = range(2)  # streams of random numbers that share a seed


def _states(seed: int) -> Floats:
    return np.random.default_rng([seed, _STATES]).standard_normal((STATES, D))


@cache
def _truth(field: str, seed: int, end: float) -> tuple[Floats, float]:
    """See :func:`.truth.flow`."""
    params, numpy = parameters(field, np.random.default_rng([seed, _FIELD])), namespace("numpy")
    return flow(lambda x: FIELDS[field](params, x, numpy), _states(seed), end)


class NetTask:
    """An :class:`odebench.contract.TaskInstance`: L tied blocks with the step end/L, or the ODE that they discretise.

    A batch says which of the two it is for: one with ``steps`` (L,) has a block for each of them, one with ``ts`` is
    integrated between those times. The loss is the mean square of what x has become.

    :param net: one of :data:`.nets.NETS`.
    :param ode: whether the ODE is the probe, and the net its rival, or the net is the probe.
    :param seed: of the field and of the states x (8, 4).
    :param field: one of :data:`.fields.FIELDS`; the net's own when left out.
    :param blocks: L.
    :param end: the time from 0 that the blocks are worth.
    :raises UserError: for an option out of range.
    """

    recipe = None

    def __init__(
        self,
        net: str,
        ode: bool,
        framework: str,
        *,
        seed: int,
        field: str | None = None,
        blocks: int = 8,
        end: float = 1.0,
    ) -> None:
        one_of(SUITE, "network", net, NETS)
        field = one_of(SUITE, "field", NETS[net].field if field is None else field, FIELDS)
        if net == "revnet" and FIELDS[field] is not FIELDS["coupled"]:
            raise UserError(f"{SUITE}: field of revnet must be 'coupled' or 'hamiltonian', got {field!r}")
        whole(SUITE, "blocks", blocks, 1)
        positive(SUITE, "end", end)
        self._xp, self._block, self._field, self._ode = namespace(framework), NETS[net].block, FIELDS[field], ode
        self._kind, self._seed = field, seed
        self.params: dict[str, Any] = parameters(field, np.random.default_rng([seed, _FIELD]))
        if net == "densenet":
            self.params |= dense_kernels(end / blocks)
        x = _states(seed)
        self._net_batch = {"x": x, "steps": np.full(blocks, end / blocks)}
        self._ode_batch = {"x": x, "ts": np.array([0.0, end])}

    def probe(self) -> PyTree:
        return self._ode_batch if self._ode else self._net_batch

    accuracy_probe = probe

    def batch(self, step: int) -> PyTree:
        return self.probe()

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """What becomes of x, (B, D)."""
        if "ts" in batch:
            return odeint(lambda t, y, p: self._field(p, y, self._xp), batch["x"], batch["ts"], params)[-1]
        return self._through(params, batch["x"], batch["steps"])

    def _through(self, params: dict[str, Array], x: Array, steps: Array) -> Array:
        for i in range(steps.shape[0]):
            x = self._block(params, steps[i], x, lambda x: self._field(params, x, self._xp), self._xp)
        return x

    def loss(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        return self._xp.mean(self.predict(params, batch, odeint) ** 2)

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """``ode_error``: how far the probe's prediction is from where the ODE leads, relative; and ``truth_agreement``,
        below which that means nothing. Of the ODE besides how far the net is from its solver: ``difference``, relative;
        ``difference_ulp``, at most in any entry; ``bitwise``, 1 where nothing differs."""
        y, agreement = _truth(self._kind, self._seed, float(self._ode_batch["ts"][1]))
        predicted = predict(self.probe())
        found = {"ode_error": relative(predicted, y), "truth_agreement": agreement}
        if self._ode:
            rival = predict(self._net_batch)
            found["difference"] = relative(rival, predicted)
            found["difference_ulp"] = ulps(rival, predicted)
            found["bitwise"] = float(np.array_equal(rival, predicted))
        return found


class RevNetTask(NetTask):
    """A RevNet, and what it keeps: its input, volume and, where F and G are gradients, the symplectic form."""

    def predict(self, params: dict[str, Array], batch: PyTree, odeint: OdeInt) -> Array:
        """What becomes of x; of a batch with ``y`` the x that it came from; with ``cotangents`` (C, B, D) the products
        of each with the net's Jacobian at x, of that shape."""
        if "y" in batch:
            y, steps = batch["y"], batch["steps"]
            for i in reversed(range(steps.shape[0])):
                y = inverse(params, steps[i], y, self._xp)
            return y
        if "cotangents" in batch:
            _, pull = self._xp.vjp(lambda x: self._through(params, x, batch["steps"]), batch["x"])
            cotangents = batch["cotangents"]
            return self._xp.stack([pull(cotangents[i])[0] for i in range(cotangents.shape[0])])
        return super().predict(params, batch, odeint)

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """Besides, ``inverse_error``, how far the inverse's x is from x, relative; ``volume_defect``, the largest
        |det J − 1|; and ``symplectic_defect``, the largest entry of Jᵀ Ω J − Ω."""
        y, steps, x = predict(self._net_batch), self._net_batch["steps"], self._net_batch["x"]
        cotangents = np.broadcast_to(np.eye(D)[:, None], (D, STATES, D)).copy()
        jacobians = np.asarray(predict({**self._net_batch, "cotangents": cotangents}), np.float64).transpose(1, 0, 2)
        defect = jacobians.transpose(0, 2, 1) @ _OMEGA @ jacobians - _OMEGA
        return super().evaluate(predict) | {
            "inverse_error": relative(predict({"y": y, "steps": steps}), x),
            "volume_defect": float(np.max(np.abs(np.linalg.det(jacobians) - 1))),
            "symplectic_defect": float(np.max(np.abs(defect))),
        }


_OMEGA: Floats = np.kron(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.eye(D // 2))


def make_ode(
    framework: str,
    *,
    seed: int,
    network: str = "tied_resnet",
    field: str | None = None,
    blocks: int = 8,
    end: float = 1.0,
) -> NetTask:
    """The ODE of a net's field, and the net as its solver's rival."""
    return NetTask(network, True, framework, seed=seed, field=field, blocks=blocks, end=end)


make_tied_resnet = partial(NetTask, "tied_resnet", False)
make_polynet = partial(NetTask, "polynet", False)
make_fixed_point = partial(NetTask, "fixed_point", False)
make_fractalnet = partial(NetTask, "fractalnet", False)
make_densenet = partial(NetTask, "densenet", False)
make_revnet = partial(RevNetTask, "revnet", False)
make_products, make_depth = ProductsTask, DepthTask
