"""torchode: its solvers on one joint state, by autograd and by its two continuous adjoints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

REQUIRES = ("torch", "optree", "torchode")
SOLVERS = {"euler": 1, "heun": 2, "dopri5": 5, "tsit5": 5}

_UNLIKE = (
    "time in float64; the state ravelled to a batch of one, so that all of it steps jointly; a step in which f is not "
    "finite ends the solve; outputs within a step are interpolated"
)
_OF_EULER = "; no tolerance: step or num_steps, or one interval in one step"
_OF_BACKSOLVE = (
    "no gradient with respect to times or what f captures: both are errors; one root mean square over t's adjoint, y, "
    "its adjoint and all parameters' cotangents; the first step is chosen anew in each interval"
)


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    for name, order in SOLVERS.items():
        register(
            odebench.Solver(
                library="torchode",
                framework="torch",
                name=name,
                code=f".solver:{name.upper()}",
                order=order,
                adaptive=name != "euler",
                requires=REQUIRES,
                unlike=_UNLIKE + (_OF_EULER if name == "euler" else ""),
            )
        )


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    def method(name: str, summary: str, unlike: str = "") -> None:
        register(
            odebench.GradientMethod(
                library="torchode",
                framework="torch",
                name=name,
                code=f".gradients:{name}",
                requires=REQUIRES,
                summary=summary,
                unlike=unlike,
                without=() if name == "autodiff" else ("ts",),
            )
        )

    method("autodiff", "through every operation of the solver: keeps the activations of each")
    method("backsolve", "the continuous adjoint, by vmap over the batch", _OF_BACKSOLVE + "; f must be fit for vmap")
    method("joint_backsolve", "the continuous adjoint of the whole batch as one state", _OF_BACKSOLVE)


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    # Of a step that is judged, the error and its norm are computed where the next step is chosen.
    judging = [f"torchode.step_size_controllers:{kind}Controller.adapt_step_size" for kind in ("Integral", "PID")]
    adjoints = ("BacksolveFunction", "AugmentedDynamicsTerm", "UnwrappingODETerm", "JointAugmentedDynamicsTerm")
    register(
        odebench.Parts(
            library="torchode",
            autograd=tuple(f"torchode.adjoints:{name}" for name in adjoints),
            stages=("torchode.single_step_methods", "torchode.interpolation", "torchode.terms"),
            norm=("torchode.step_size_controllers:rms_norm", "torchode.step_size_controllers:max_norm", *judging),
            control=("torchode.adjoints", "torchode.step_size_controllers", "torchode.problems"),
            other=("odebench_torchode", "odebench_torch"),
        )
    )
