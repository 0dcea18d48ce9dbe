"""What plugins say of the parts of a solve is of code that there is."""

from functools import reduce
from importlib import import_module

import pytest
import torch

import odebench
from odebench.descriptors import PARTS
from odebench.measure.tracing import Tracer, code_of
from odebench.registry import load_registry

TABLES = load_registry().parts
ENTRIES = sorted({e for table in TABLES.values() for part in PARTS[1:] for e in getattr(table, part)})


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_names_code(entry):
    """A module, or what is in it up to the functions inside of a function."""
    module, _, name = entry.partition(":")
    found = pytest.importorskip(module)
    names = name.partition(".<locals>")[0].split(".") if name else []
    assert callable(reduce(getattr, names, found)) or not name


def test_each_is_of_one_part():
    """Of a library no code is two."""
    for library in {table.library for table in TABLES.values()}:
        tables = [table for table in TABLES.values() if table.library in ("", library)]
        entries = [entry for table in tables for part in PARTS[1:] for entry in getattr(table, part)]
        assert len(entries) == len(set(entries))


@pytest.mark.parametrize("library", ["torch", "torchdiffeq", "torchode"])
def test_libraries_with_a_table(library):
    """Whose own code is in it."""
    entries = [e for t in TABLES.values() if t.library == library for part in PARTS[1:] for e in getattr(t, part)]
    modules = {import_module(entry.partition(":")[0]).__name__ for entry in entries}
    assert any(module.startswith((library, f"odebench_{library}")) for module in modules)


@pytest.mark.parametrize(
    "name",
    [
        "torch/dopri5/backprop", "torch/dopri5/adjoint", "torch/dopri5/aca", "torch/dopri5/interpolated",
        "torch/dopri5/forward", "torch/adams/backprop", "torch/kvaerno3/backprop", "torch/reversible_heun/reversible",
        "torchdiffeq/dopri5/backprop", "torchdiffeq/dopri5/adjoint", "torchode/dopri5/autodiff",
        "torchode/dopri5/joint_backsolve",
    ],
)  # fmt: skip
def test_every_part_is_found(name):
    """In a gradient of an adaptive solve each has its share, and every evaluation is seen."""
    backend = odebench.backend(name, rtol=1e-4, atol=1e-4)
    tables = [table for table in TABLES.values() if table.library in ("", backend.info.solver.library)]
    evaluations = 0

    def f(t, y, params):
        nonlocal evaluations
        evaluations += 1
        return params["a"] * torch.tanh(y)

    def gradient():
        y0 = torch.tensor([[1.0, -0.5]], dtype=torch.float64)
        a = torch.tensor(-2.0, dtype=torch.float64, requires_grad=True)
        ys = backend.odeint(f, y0, torch.tensor([0.0, 1.0], dtype=torch.float64), {"a": a})
        torch.autograd.grad(ys[-1].sum(), a)

    tracer = Tracer(code_of(f), tables)
    tracer(gradient)
    assert {part for part in PARTS if not tracer.seconds[part] > 0} == set()
    assert tracer.evaluations == evaluations > 0
