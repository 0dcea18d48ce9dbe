"""SciPy's solvers, differentiated as black boxes: the continuous adjoint with HIPS autograd's ``make_vjp``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    register(
        odebench.GradientMethod(
            library="scipy",
            framework="numpy",
            name="autograd",
            code=".method:bind",
            requires=("scipy", "autograd"),
            summary="the continuous adjoint of size 2D + K + 1 by autograd's make_vjp, solved backwards by SciPy",
            unlike="the error norm of the backward solve is the solver's, over (y, a, cotangents of t and parameters)",
        )
    )
