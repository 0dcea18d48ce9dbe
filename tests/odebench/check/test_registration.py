"""A plugin that imports a framework when it registers is caught, in a fresh interpreter."""

from __future__ import annotations

import pytest

from odebench.check.registration import light

HOOK = "import odebench\n@odebench.hookimpl\ndef odebench_register_solvers(register):\n    {}\n"


@pytest.mark.parametrize("text", ["import jax\n" + HOOK.format("..."), HOOK.format("import torch, scipy.linalg")])
def test_a_heavy_import(tmp_path, text):
    """At the module's top, or in the hook: named, and counted with what it brings along."""
    (tmp_path / "heavy.py").write_text(text)
    outcome = light((str(tmp_path / "heavy.py"),))
    assert outcome.verdict == "fail"
    assert outcome.figure >= 1
    assert ("jax" if "jax" in text else "torch") in outcome.note


def test_a_light_one(tmp_path):
    (tmp_path / "light.py").write_text(HOOK.format("..."))
    assert light((str(tmp_path / "light.py"),)).verdict == "pass"


def test_one_that_needs_another(support):
    """What it needs is loaded first."""
    assert light((str(support / "toy.py"), str(support / "faulty.py"))).verdict == "pass"


def test_one_that_does_not_register(tmp_path):
    """With its reason."""
    (tmp_path / "clash.py").write_text(HOOK.format("raise RuntimeError('no luck')"))
    outcome = light((str(tmp_path / "clash.py"),))
    assert outcome.verdict == "fail"
    assert "no luck" in outcome.note
