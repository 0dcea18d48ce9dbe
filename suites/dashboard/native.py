"""asv benchmarks of the native solvers and gradient methods."""

from __future__ import annotations

import subprocess
import sys

from .spiral import BACKENDS, calls, solver_nfe


class Spiral:
    """One solve and one gradient of it, after compilation."""

    params = (BACKENDS,)
    param_names = ("backend",)
    timeout = 120

    def setup(self, backend: str) -> None:
        self.solve, self.gradient = calls(backend)

    def time_solve(self, backend: str) -> None:
        self.solve()

    def time_gradient(self, backend: str) -> None:
        self.gradient()


class Counters:
    """Figures that do not depend on the machine: a step in them is a change of behaviour."""

    params = (["torch/dopri5/backprop", "jax/dopri5/backprop"],)
    param_names = ("backend",)

    def track_nfe(self, backend: str) -> int:
        return solver_nfe(backend)

    track_nfe.unit = "evaluations"  # type: ignore[attr-defined]


class CommandLine:
    """What a user waits for before anything happens."""

    def time_help(self) -> None:
        subprocess.run([sys.executable, "-m", "odebench", "--help"], check=True, capture_output=True)
