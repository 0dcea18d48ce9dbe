"""The package registers its tableaus, and naming them costs nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from odebench_implicit import odebench_register_solvers

if TYPE_CHECKING:
    from odebench import DiagonallyImplicitRungeKutta


def test_registers_every_tableau() -> None:
    """The hook hands over the methods, each once and with its source."""
    registered: list[DiagonallyImplicitRungeKutta] = []
    odebench_register_solvers(registered.append)
    assert [tableau.name for tableau in registered] == [
        *("backward_euler", "implicit_midpoint", "trapezoid", "sdirk2", "trbdf2"),
        *("kvaerno3", "kvaerno4", "kencarp4", "kvaerno5"),
    ]
    assert all(tableau.source for tableau in registered)


def test_needs_no_framework() -> None:
    """Importing the package in a fresh interpreter loads no array library."""
    heavy = "{'torch', 'jax', 'numpy', 'scipy', 'pandas'}"
    code = f"import sys, odebench_implicit; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
