"""What ends a solve inside a graph is an assertion of TensorFlow's: here it becomes a SolveError."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import tensorflow as tf  # type: ignore[import-untyped, import-not-found, unused-ignore]

from odebench.contract import SolveError, Status

NON_FINITE: Final = "the step of a solve is not finite"
MAX_STEPS: Final = "max_num_steps exceeded"
"""TFP's own words in Dormand–Prince."""
NOT_MONOTONE: Final = "ts must be strictly monotone"

_STATUS = {NON_FINITE: Status.non_finite, MAX_STEPS: Status.max_steps}


def explained(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but that a failing solve in it raises what the contract asks for.

    :raises SolveError: for a solve that does not reach its last time.
    :raises ValueError: for output times that are not strictly monotone.
    """

    @wraps(function)
    def call(*args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except tf.errors.InvalidArgumentError as error:
            message = str(error)
            if NOT_MONOTONE in message:
                raise ValueError(NOT_MONOTONE) from error
            for sign, status in _STATUS.items():
                if sign in message:
                    raise SolveError(status) from error
            raise

    return call
