"""torchdiffeq: its solvers, by backpropagation, its adjoint and its adjoint with a seminorm.

Every option of the contract that torchdiffeq has is set as everybody's is; one that it lacks is refused by name. Not
here are its ``scipy_solver``, which autograd cannot pass, and ``fixed_adams``, an alias.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRES = ("torch", "optree", "torchdiffeq")
ADAPTIVE = {"dopri5": 5, "dopri8": 8, "bosh3": 3, "fehlberg2": 2, "adaptive_heun": 2}
FIXED = {
    "euler": 1,
    "midpoint": 2,
    "heun2": 2,
    "heun3": 3,
    "rk4": 4,
    "explicit_adams": 4,
    "implicit_adams": 4,
}

_OF_ADAPTIVE = (
    "time in float64; steps beyond the end, and outputs (the last, too) by a quartic through the step; "
    "no step, num_steps, or min_step, its own of which accepts a step that small whatever its error"
)
_OF_FIXED = "outputs between grid points by a straight line, whatever the order; no tolerance, first_step or norm"
_OF_ADAMS = "takes the grid for uniform; starts with rk4, up to order 12"


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    for name, order in (ADAPTIVE | FIXED).items():
        adams = f"; {_OF_ADAMS}" if name.endswith("adams") else ""
        register(
            odebench.Solver(
                library="torchdiffeq",
                framework="torch",
                name=name,
                code=f".solver:{name.upper()}",
                order=order,
                adaptive=name in ADAPTIVE,
                implicit=name == "implicit_adams",
                requires=REQUIRES,
                unlike=_OF_ADAPTIVE if name in ADAPTIVE else _OF_FIXED + adams,
            )
        )


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    def method(name: str, summary: str, unlike: str = "", solvers: tuple[str, ...] | None = None) -> None:
        register(
            odebench.GradientMethod(
                library="torchdiffeq",
                framework="torch",
                name=name,
                code=f".gradients:{name}",
                solvers=solvers,
                requires=REQUIRES,
                summary=summary,
                unlike=unlike,
            )
        )

    each = "no gradient with respect to what f captures: an error; the first step is chosen anew in each interval"
    method("backprop", "through every operation of the solver: keeps the activations of each")
    method(
        "adjoint",
        "the continuous adjoint, y reset at each output",
        f"{each}; the backward norm counts the adjoint of t",
    )
    method("seminorm", "the continuous adjoint, its error without the parameters'", each, tuple(ADAPTIVE))


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    inside = "torchdiffeq._impl"
    norms = ("_compute_error_ratio", "_rms_norm", "_linf_norm", "_mixed_norm", "_zero_norm", "_check_inputs.<locals>")
    states = ("_TupleFunc", "_TupleInputOnlyFunc", "_ReverseFunc", "_PerturbFunc", "_flat_to_shape")
    register(
        odebench.Parts(
            library="torchdiffeq",
            autograd=(f"{inside}.adjoint:OdeintAdjointMethod.backward.<locals>",),
            stages=(
                f"{inside}.rk_common",
                f"{inside}.rk_common:RKAdaptiveStepsizeODESolver._interp_fit",
                f"{inside}.interp",
                f"{inside}.fixed_grid",
                f"{inside}.fixed_adams",
                f"{inside}.solvers:FixedGridODESolver._linear_interp",
                f"{inside}.solvers:FixedGridODESolver._cubic_hermite_interp",
                *(f"{inside}.misc:{name}" for name in states),
            ),
            norm=(f"{inside}.adjoint:handle_adjoint_norm_", *(f"{inside}.misc:{name}" for name in norms)),
            control=(
                f"{inside}.rk_common:RKAdaptiveStepsizeODESolver",
                f"{inside}.solvers",
                f"{inside}.odeint",
                f"{inside}.adjoint",
                f"{inside}.misc",
            ),
            other=("odebench_torchdiffeq", "odebench_torch"),
        )
    )
