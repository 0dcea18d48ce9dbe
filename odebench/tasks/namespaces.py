"""The functions that a task computes with, by its framework's name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from odebench.backends import default_registry
from odebench.errors import UserError


def namespace(framework: str) -> Any:
    """A module with the Array API's functions for the framework's arrays.

    Beside the standard's own, those of ``torch`` and ``jax`` have ``relu, elu, sigmoid, softplus``,
    ``log_softmax(x, axis=-1)``, ``logsumexp(x, axis=-1)``, ``stop_gradient``, ``vjp(f, *primals) -> (out, pull)`` and
    ``jvp(f, primals, tangents) -> (out, tangent)``.

    :raises UserError: for a framework that brings none, or is not installed.
    """
    entry = default_registry().frameworks.get(framework)
    if entry is None or not entry.namespace:
        raise UserError(f"framework {framework!r} has no namespace of the Array API")
    if entry.missing:
        raise UserError(f"framework {framework!r} is not installed: pip install {' '.join(entry.missing)}")
    return import_module(entry.namespace)
