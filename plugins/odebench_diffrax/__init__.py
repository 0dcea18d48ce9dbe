"""diffrax: its solvers for ordinary equations, with each of its adjoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRES = ("jax", "jaxlib", "diffrax")
EXPLICIT = {"heun": 2, "midpoint": 2, "ralston": 2, "bosh3": 3, "dopri5": 5, "tsit5": 5, "dopri8": 8}
REVERSIBLE = {"reversible_heun": 2}
FIXED = {"euler": 1, "leapfrog_midpoint": 2}
IMPLICIT = {"implicit_euler": 1, "kvaerno3": 3, "kvaerno4": 4, "kvaerno5": 5}

_UNLIKE = (
    "time in the state's type; max_steps is 4096 unless given, and memory follows it; step is shortened to divide the "
    "rest of the time after its first use; lands on the end, outputs before it are interpolated"
)
_ADAPTIVE = "; its first step is 0.01 unless given"
_BACKSOLVE = (
    "no gradient with respect to times or what f captures: both are errors; one root mean square over y, its adjoint "
    "and all parameters' cotangents{}; first_step is that of every interval"
)


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    for name, order in (EXPLICIT | REVERSIBLE | FIXED | IMPLICIT).items():
        register(
            odebench.Solver(
                library="diffrax",
                framework="jax",
                name=name,
                code=f".solver:{name.upper()}",
                order=order,
                adaptive=name not in FIXED,
                implicit=name in IMPLICIT,
                requires=REQUIRES,
                unlike=_UNLIKE + ("" if name in FIXED else _ADAPTIVE),
            )
        )


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    def method(name: str, summary: str, unlike: str = "", solvers: tuple[str, ...] | None = None) -> None:
        register(
            odebench.GradientMethod(
                library="diffrax",
                framework="jax",
                name=name,
                code=".forward:forward" if name == "forward" else f".gradients:{name}",
                solvers=solvers,
                requires=REQUIRES,
                summary=summary,
                unlike=unlike,
                without=("ts",) if name.startswith("backsolve") else (),
            )
        )

    method("recursive_checkpoint", "through the solver, by online binomial checkpointing")
    method("direct", "through the solver, by nested scans: its cost follows max_steps")
    method("forward", "forward mode through the solver: a tangent for each number that is differentiated")
    method("backsolve", "the continuous adjoint, y reset at each output", _BACKSOLVE.format(""))
    adaptive = tuple(EXPLICIT | REVERSIBLE | IMPLICIT)
    left_out = _BACKSOLVE.replace(" and all parameters' cotangents", "")
    method("backsolve_seminorm", "the same, its error without the parameters'", left_out.format(""), adaptive)
