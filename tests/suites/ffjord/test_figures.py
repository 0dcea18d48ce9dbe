"""The pictures that the tiny preset does not draw, from records made by hand."""

import numpy as np
import pytest

from odebench.record import Record
from suites.ffjord.figures import draw_cost, draw_densities


def record(task, backend, options, metrics, rtol=None, seed=0):
    config = {"task": task, "backend": backend, "options": options, "rtol": rtol, "seed": seed}
    return Record(config, "", "", metrics=metrics)


def test_densities():
    """A column a density, of the tightest tolerance, saying how long it was trained; records without one are none."""
    arrays = {"density": np.eye(8), "data": np.zeros((5, 2)), "samples": np.ones((5, 2))}
    records = [
        record("ffjord/toy", "jax", {"density": "moons", "steps": 300}, {"test_nats": nats}, rtol)
        for nats, rtol in ((2.0, 1e-3), (1.0, 1e-5))
    ]
    records.append(record("ffjord/toy", "torch", {"density": "rings"}, {}))
    figure = draw_densities(records, lambda r: arrays if r.metrics else {})
    assert len(figure.axes) == 3
    assert figure.axes[0].get_title() == "moons, 1.00 nats\n300 iterations"
    assert [ax.get_ylabel() for ax in figure.axes] == ["data", "learnt density", "samples"]


def test_cost():
    """Seconds and bytes against D, a line for each backend and trace; cells that measured neither are left out."""
    records = [
        record("ffjord/gaussian", "torch/rk4/backprop", {"dimension": d, "trace": trace}, {"memory_bytes": m * d})
        for d in (8, 2)
        for trace, m in (("exact", 10.0), ("rademacher", 1.0))
    ]
    records.append(record("ffjord/gaussian", "jax/rk4/backprop", {"dimension": 2}, {"kl": 1.0}))
    seconds, memory = draw_cost(records, lambda _: {}).axes
    assert not seconds.lines
    assert [line.get_label() for line in memory.lines] == [f"torch/rk4/backprop, {t}" for t in ("rademacher", "exact")]
    assert memory.lines[1].get_ydata() == pytest.approx([20, 80])
