"""The README's Python is run as it stands there, so that it cannot rot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import odebench
from odebench.backends import backends, solvers
from odebench.registry import load_registry

README = Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), flags=re.DOTALL)


def _block(word: str) -> str:
    (found,) = [block for block in BLOCKS if word in block]
    return found


def test_odeint_snippet_gives_a_gradient():
    """The snippet for plain Python runs, and its gradient is that of the finite difference of the same loss."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    names: dict[str, object] = {}
    exec(_block("torch/dopri5/adjoint"), names)  # noqa: S102
    w = names["params"]["w"]

    def loss(value):
        ys = names["odeint"](names["f"], names["y0"].double(), names["ts"].double(), {"w": value})
        return ys[-1].square().sum()

    with torch.no_grad():
        direction = torch.randn_like(w).double()
        slope = (loss(w.double() + 1e-4 * direction) - loss(w.double() - 1e-4 * direction)) / 2e-4
    assert (w.grad.double() * direction).sum().item() == pytest.approx(slope.item(), rel=1e-3)


def test_event_snippet():
    """Its comment is right: the time of a fall from 10 m, and its derivative."""
    torch = pytest.importorskip("torch")
    names: dict[str, object] = {"torch": torch, "odeint": odebench.backend("torch/dopri5/adjoint", rtol=1e-6).odeint}
    exec(_block("odeint.event"), names)  # noqa: S102
    t = (2 * 10 / 9.8) ** 0.5
    assert names["t"].item() == pytest.approx(t, rel=1e-6)
    assert names["g"].grad.item() == pytest.approx(-t / (2 * 9.8), rel=1e-4)


def test_plugin_snippet_registers_in_both_frameworks(tmp_path):
    """The ten-line plugin, saved as a file, is a solver of torch and of jax with every gradient method that is
    not for one solver alone."""
    file = tmp_path / "ssprk3.py"
    file.write_text(_block("ssprk3"))
    registry = load_registry([str(file)], strict=True)
    assert {s.key for s in solvers(registry) if s.name == "ssprk3"} == {"torch/ssprk3", "jax/ssprk3"}
    for_all = [g for g in registry.gradients.values() if g.library in ("torch", "jax") and g.solvers is None]
    assert {g.name for g in for_all} >= {"backprop", "adjoint", "aca", "checkpoint", "interpolated", "forward"}
    assert len(backends(registry, "*/ssprk3/*")) == len(for_all)


def test_results_snippet_names_columns_that_exist(tmp_path, monkeypatch):
    """The columns that the pandas snippet selects are columns of a run."""
    from odebench.record import Record
    from odebench.store import Store

    metrics = dict.fromkeys(("nfe_forward", "vjps", "gradient_error", "forward_backward_s"), 1.0)
    config = {"backend": "torch/dopri5/adjoint", "solver": "dopri5", "options": {}}
    for suite in ("mnist", "anode"):
        store = Store.create(tmp_path / "results", suite, {})
        store.append(Record(config=config, hash="0", row="ODE-Net", metrics=metrics))
    monkeypatch.chdir(tmp_path)
    exec(_block("load_results"), {})  # noqa: S102


def test_hookspecs_are_all_of_the_extension_points():
    """Every ``odebench_*`` name of the hook specs is a specification, and is documented with its parameters."""
    from odebench import hookspecs

    for name, function in vars(hookspecs).items():
        if name.startswith("odebench_"):
            assert hasattr(function, "odebench_spec"), name
            assert all(
                f":param {parameter}:" in function.__doc__
                for parameter in function.__annotations__
                if parameter != "return"
            )
    assert odebench.hookimpl is hookspecs.hookimpl
