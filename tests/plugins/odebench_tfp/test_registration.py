"""The plugin without TensorFlow: named, listed, unavailable, and with the command to get it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import odebench
from odebench import backends, descriptors
from odebench.errors import UserError
from odebench.registry import load_registry


def test_registers_without_tensorflow() -> None:
    """Loading every plugin imports none of it, and the solvers and their gradient methods are known."""
    code = """
import sys
from odebench.backends import backends
from odebench.registry import load_registry
print(*(b.name for b in backends(load_registry(), "tfp/*")))
print(*({"tensorflow", "tensorflow_probability", "tf_keras"} & set(sys.modules)))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    names, imported = out.splitlines()
    assert names.split() == [f"tfp/{s}/{g}" for s in ("bdf", "dormand_prince") for g in ("adjoint", "backprop")]
    assert imported == ""


def test_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed, a backend lacks it, and its use says how to install it."""
    monkeypatch.setattr(descriptors, "installed", lambda distribution: False)
    registry = load_registry()
    info = backends.find_backend(registry, "tfp/dormand_prince/adjoint")
    assert info.missing == ("tensorflow-probability", "tf-keras")
    assert registry.frameworks["tensorflow"].missing == info.missing
    with pytest.raises(UserError, match="pip install tensorflow-probability tf-keras"):
        odebench.backend("tfp/dormand_prince/adjoint", registry=registry).solve(None, None, None)
