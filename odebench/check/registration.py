"""Registering must cost nothing: asked of a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

from odebench.check.outcome import Outcome, equal, one_line

HEAVY = (
    "autograd", "diffrax", "equinox", "jax", "jaxlib", "matplotlib", "numba", "optree", "pandas", "plotly", "scipy",
    "sympy", "tensorflow", "tensorflow_probability", "torch", "torchdiffeq", "torchode",
)  # fmt: skip

_CODE = """
import json, sys
from odebench.registry import Registry
registry = Registry(strict=True)
for reference in json.loads(sys.argv[1]):
    registry.load_named(reference)
print(json.dumps(sorted(set(json.loads(sys.argv[2])) & set(sys.modules))))
"""


def light(references: tuple[str, ...]) -> Outcome:
    """How many frameworks and other heavy packages are imported when plugins are loaded and register.

    :param references: files or modules: those that the plugin needs, and itself.
    """
    arguments = (json.dumps(references), json.dumps(HEAVY))
    done = subprocess.run([sys.executable, "-c", _CODE, *arguments], capture_output=True, text=True)
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return Outcome("fail", bound="it registers", note=one_line(RuntimeError(*last)))
    found = json.loads(done.stdout.splitlines()[-1])
    return equal(len(found), 0, f"imports {', '.join(found)}" if found else "")
