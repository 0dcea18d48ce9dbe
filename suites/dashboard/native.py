"""asv benchmarks of the native solvers and gradient methods: what a training step waits for."""

from __future__ import annotations

from typing import Any

from .spiral import BACKENDS, calls, statistics


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

    params = (["torch/dopri5/backprop", "torch/tsit5/backprop", "jax/dopri5/backprop", "jax/tsit5/backprop"],)
    param_names = ("backend",)
    timeout = 120
    stats: Any

    def setup(self, backend: str) -> None:
        self.stats = statistics(backend)

    def track_nfe(self, backend: str) -> int:
        return int(self.stats.nfe)

    def track_accepted(self, backend: str) -> int:
        return int(self.stats.accepted)

    def track_rejected(self, backend: str) -> int:
        return int(self.stats.rejected)

    track_nfe.unit = "evaluations"  # type: ignore[attr-defined]
    track_accepted.unit = track_rejected.unit = "steps"  # type: ignore[attr-defined]
