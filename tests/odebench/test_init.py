"""What ``import odebench`` gives, though it imports next to nothing."""

import ast
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest

import odebench


def declared():
    """What type checkers see: the imports that are made for them alone."""
    tree = ast.parse(Path(odebench.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    return {(node.module, name.asname) for node in block.body for name in node.names}


def test_every_name_is_where_type_checkers_are_told():
    """And there is no other."""
    assert {name for _, name in declared()} == set(odebench.__all__)
    for module, name in declared():
        assert getattr(odebench, name) is getattr(sys.modules[module], name)


def test_a_name_is_imported_when_it_is_used():
    """By attribute, by ``from``, and by star; ``dir`` lists them before."""
    code = f"""import sys, odebench
assert not [name for name in sys.modules if name.startswith("odebench.")]
assert {set(odebench.__all__)!r} <= set(dir(odebench))
assert odebench.Stats._fields
assert "odebench.hookspecs" not in sys.modules
from odebench import *
assert hookimpl is odebench.hookimpl and callable(load_results)
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_misspelt_name_is_told_apart():
    """With what Python needs to suggest the right one."""
    with pytest.raises(AttributeError, match="module 'odebench' has no attribute 'Solvr'") as caught:
        _ = odebench.Solvr
    assert (caught.value.name, caught.value.obj) == ("Solvr", odebench)


def test_what_processes_send_each_other_arrives():
    """A class by its name, and an exception as it was raised."""
    here, there = multiprocessing.Pipe()
    here.send((odebench.Task, odebench.SolveError(odebench.Status.max_steps, 0.5)))
    task, error = there.recv()
    assert task is odebench.Task
    assert (error.status, error.t, str(error)[:18]) == (odebench.Status.max_steps, 0.5, "max_steps at t=0.5")
