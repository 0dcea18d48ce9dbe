"""All problems by name."""

from __future__ import annotations

from . import classical, detest_a, detest_b, detest_c, detest_d, detest_e, seeds, stiff
from .problem import Problem

_GROUPS = (detest_a, detest_b, detest_c, detest_d, detest_e, classical, stiff, seeds)
PROBLEMS: dict[str, Problem] = {problem.name: problem for group in _GROUPS for problem in group.PROBLEMS}
