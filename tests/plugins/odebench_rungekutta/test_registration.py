"""The package registers twelve tableaus, and naming them costs nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from odebench_rungekutta import odebench_register_solvers

if TYPE_CHECKING:
    from odebench import ExplicitRungeKutta


def test_registers_every_tableau() -> None:
    """The hook hands over the twelve methods, each once and with its source."""
    registered: list[ExplicitRungeKutta] = []
    odebench_register_solvers(registered.append)
    assert [tableau.name for tableau in registered] == [
        *("euler", "midpoint", "heun2", "ralston", "heun3", "rk4", "rk4_38"),
        *("bosh3", "fehlberg45", "dopri5", "tsit5", "dopri8"),
    ]
    assert all(tableau.source for tableau in registered)


def test_needs_no_framework() -> None:
    """Importing the package in a fresh interpreter loads no array library."""
    heavy = "{'torch', 'jax', 'numpy', 'scipy', 'pandas'}"
    code = f"import sys, odebench_rungekutta; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
