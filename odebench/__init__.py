"""odebench: which solver and which gradient method should a Neural ODE use, and what does each cost?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from odebench.descriptors import Solver as Solver
from odebench.descriptors import Task as Task
from odebench.hookspecs import hookimpl as hookimpl
from odebench.tableau import DiagonallyImplicitRungeKutta as DiagonallyImplicitRungeKutta
from odebench.tableau import ExplicitRungeKutta as ExplicitRungeKutta

if TYPE_CHECKING:
    from odebench.store import load_curves as load_curves
    from odebench.store import load_results as load_results

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # pandas is imported by whoever loads results, not by every plugin that imports odebench to register.
    if name in ("load_results", "load_curves"):
        from odebench import store

        return getattr(store, name)
    raise AttributeError(f"module 'odebench' has no attribute {name!r}")
