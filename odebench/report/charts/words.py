"""What an axis says of a figure, its unit included."""

from __future__ import annotations

_TITLES = {
    "nfe_forward": "evaluations of f, forward",
    "nfe_backward": "evaluations of f, backward",
    "nfe_total": "evaluations of f, both passes",
    "vjps": "vector–Jacobian products",
    "forward_error": "relative error",
    "gradient_error": "relative gradient error",
    "forward_s": "forward, seconds",
    "forward_backward_s": "forward and backward, seconds",
    "train_s": "training, seconds",
    "memory_bytes": "memory of one gradient, bytes",
    "kept_bytes": "kept for the backward pass, bytes",
    "temp_bytes": "temporary memory, bytes",
    "reconstruction_error": "reconstruction error",
    "num_steps": "steps of the solver",
    "step": "training step",
    "loss": "training loss",
    "rtol": "tolerance",
    "test_error": "test error",
}


def title(name: str) -> str:
    """:param name: of a metric, an entry of the configuration or an option (``option_…``, ``solve_…``)."""
    return _TITLES.get(name) or name.removeprefix("option_").removeprefix("solve_").replace("_", " ")
