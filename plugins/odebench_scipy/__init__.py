"""SciPy's solvers, on NumPy: LSODA as ``odeint`` runs it, VODE, and the methods of ``solve_ivp``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

_ALWAYS = "steps in float64 (f in y0's dtype), first step its own for every solve, trees raveled to one vector"
_PASSES = "passes the output times and interpolates"
_LSODA = f"{_ALWAYS}; weighted maximum norm; {_PASSES}; max_steps holds for each output interval while it runs"
_VODE = f"{_ALWAYS}; weighted root mean square over the vector; {_PASSES}; max_steps as lsoda's"
_FLOAT32 = "of a float32 f it cannot take a Jacobian, its differences being too small"
_IVP = f"{_ALWAYS}; root mean square over the vector; rtol at least 2.2e-14"
_IMPLICIT = f"{_IVP}; max_steps bounds accepted steps; rejected steps are not told"


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    def solver(name: str, code: str, unlike: str, *, implicit: bool = False, order: int | None = None) -> None:
        register(
            odebench.Solver(
                library="scipy",
                framework="numpy",
                name=name,
                code=code,
                order=order,
                adaptive=True,
                implicit=implicit,
                requires=("scipy", "autograd"),
                unlike=unlike,
            )
        )

    solver("lsoda", ".lsoda:lsoda", f"{_LSODA}; rejected steps are not told; {_FLOAT32}", implicit=True)
    solver("vode_adams", ".vode:vode_adams", _VODE)
    solver("vode_bdf", ".vode:vode_bdf", f"{_VODE}; {_FLOAT32}; in SciPy 1.17.1 its Newton fails", implicit=True)
    solver("rk45", ".ivp:rk45", _IVP, order=5)
    solver("dop853", ".ivp:dop853", _IVP, order=8)
    solver("radau", ".ivp:radau", _IMPLICIT, implicit=True, order=5)
    solver("bdf", ".ivp:bdf", _IMPLICIT, implicit=True)
