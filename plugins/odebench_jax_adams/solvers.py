"""The Adams methods as JAX solvers: see :class:`odebench_jax.functional.solver.Solver`."""

from __future__ import annotations

from odebench_jax.functional.solver import Solver

from .fixed import FixedOrder
from .variable import VariableOrder

adams_bashforth2 = Solver(FixedOrder(2))
adams_bashforth4 = Solver(FixedOrder(4))
adams_moulton4 = Solver(FixedOrder(4, corrects=True))
adams = Solver(VariableOrder())
