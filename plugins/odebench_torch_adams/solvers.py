"""The Adams methods as solvers."""

from __future__ import annotations

from torch import Tensor

from odebench_torch.dynamics import Field
from odebench_torch.functional.march import Control, Method
from odebench_torch.functional.solver import Problem, Solver
from odebench_torch_adams.control import OrderControl
from odebench_torch_adams.fixed_order import FixedOrder
from odebench_torch_adams.variable_order import VariableOrder


class _FixedFamily:
    adaptive = False

    def __init__(self, name: str, order: int, *, corrects: bool) -> None:
        self.name, self.order, self.corrects = name, order, corrects

    def method(self, problem: Problem) -> Method:
        return FixedOrder(self.order, corrects=self.corrects)

    def control(self, problem: Problem, field: Field, memory: Tensor) -> Control:
        return problem.fixed_control(dense=True)


class _VariableFamily:
    """On fixed steps it is of order 4, as ``adams_moulton4``."""

    name = "adams"
    adaptive = True

    def method(self, problem: Problem) -> Method:
        if problem.tolerance is None:
            return FixedOrder(4, corrects=True)
        return VariableOrder(problem.tolerance)

    def control(self, problem: Problem, field: Field, memory: Tensor) -> Control:
        h = problem.starting_step(field, memory[0], memory[1], 2)
        return OrderControl(problem.times, h, problem.max_steps, problem.min_step)


ADAMS_BASHFORTH2 = Solver(_FixedFamily("adams_bashforth2", 2, corrects=False))
ADAMS_BASHFORTH4 = Solver(_FixedFamily("adams_bashforth4", 4, corrects=False))
ADAMS_MOULTON4 = Solver(_FixedFamily("adams_moulton4", 4, corrects=True))
ADAMS = Solver(_VariableFamily())
