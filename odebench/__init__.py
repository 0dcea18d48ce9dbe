"""odebench: which solver and which gradient method should a Neural ODE use, and what does each cost?"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odebench.backends import Backend as Backend
    from odebench.backends import backend as backend
    from odebench.contract import Recipe as Recipe
    from odebench.contract import SolveError as SolveError
    from odebench.contract import Stats as Stats
    from odebench.contract import Status as Status
    from odebench.contract import Unsupported as Unsupported
    from odebench.descriptors import Figure as Figure
    from odebench.descriptors import Framework as Framework
    from odebench.descriptors import GradientMethod as GradientMethod
    from odebench.descriptors import Parts as Parts
    from odebench.descriptors import Solver as Solver
    from odebench.descriptors import Task as Task
    from odebench.hookspecs import hookimpl as hookimpl
    from odebench.store import load_curves as load_curves
    from odebench.store import load_results as load_results
    from odebench.tableau import DiagonallyImplicitRungeKutta as DiagonallyImplicitRungeKutta
    from odebench.tableau import ExplicitRungeKutta as ExplicitRungeKutta

__version__ = "0.1.0"

_HOMES = {
    "backends": ("Backend", "backend"),
    "contract": ("Recipe", "SolveError", "Stats", "Status", "Unsupported"),
    "descriptors": ("Figure", "Framework", "GradientMethod", "Parts", "Solver", "Task"),
    "hookspecs": ("hookimpl",),
    "tableau": ("DiagonallyImplicitRungeKutta", "ExplicitRungeKutta"),
    "store": ("load_curves", "load_results"),
}

__all__ = [name for names in _HOMES.values() for name in names]


def __getattr__(name: str) -> Any:
    """Whoever imports odebench waits for what it uses: no worker for pandas, and nobody who asks for help for any."""
    for module, names in _HOMES.items():
        if name in names:
            return globals().setdefault(name, getattr(import_module(f"odebench.{module}"), name))
    # With these two, Python says which name may have been meant.
    raise AttributeError(f"module 'odebench' has no attribute {name!r}", name=name, obj=sys.modules[__name__])


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
