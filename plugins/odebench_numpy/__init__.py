"""NumPy: how it is measured. What is differentiated in it is differentiated by HIPS autograd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_frameworks(register: Callable[[odebench.Framework], None]) -> None:
    register(
        odebench.Framework(
            name="numpy",
            code=".adapter:NumpyAdapter",
            namespace="odebench_numpy.namespace",
            requires=("autograd",),
        )
    )
