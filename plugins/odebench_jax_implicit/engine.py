"""Any diagonally implicit Runge–Kutta method as a JAX solver."""

from __future__ import annotations

from odebench.tableau import DiagonallyImplicitRungeKutta
from odebench_jax.functional.solver import Solver

from .stages import DiagonallyImplicit


class ImplicitRungeKutta(Solver):
    """The solver that a tableau defines; see :class:`.solver.Solver`.

    Stages are solved for by Newton's method: for states of up to :data:`.linear.DENSE` numbers with one Jacobian a
    step, as a dense matrix (a new one for a stage where convergence is slow, and for every stage of a fixed step);
    beyond that matrix-free, by GMRES. A step that Newton's method does not solve is rejected, or, fixed, an underflow.
    """

    def __init__(self, tableau: DiagonallyImplicitRungeKutta) -> None:
        super().__init__(DiagonallyImplicit(tableau))
        self.tableau = tableau
