"""TensorFlow, and TensorFlow Probability's Dormand–Prince and BDF, by its adjoint or through their operations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable

# TensorFlow comes as tensorflow or as tensorflow-cpu; either makes these importable.
REQUIRES = ("tensorflow-probability", "tf-keras")

_EITHER = (
    "time in the state's type; no step, num_steps, min_step or norm; "
    "steps are not told; an underflow ends as max_steps or non_finite"
)
_DORMAND_PRINCE = (
    "its first step is 0.001 unless given; the error test is the root of the mean fourth power, the next step goes by "
    "its cube root; steps beyond the end, and outputs (the last, too) by a quartic through the step"
)
_BDF = "the error norm is Euclidean, not a mean; lands on every output"
_ADJOINT = (
    "no gradient with respect to times; what f captures gets none, and no error says so; one error norm over y, its "
    "adjoint and all parameters' cotangents; first_step is that of every interval"
)


@odebench.hookimpl
def odebench_register_frameworks(register: Callable[[odebench.Framework], None]) -> None:
    register(
        odebench.Framework(
            name="tensorflow",
            code=".adapter:TensorflowAdapter",
            namespace="odebench_tfp.namespace",
            requires=REQUIRES,
        )
    )


@odebench.hookimpl
def odebench_register_solvers(register: Callable[[odebench.Solver], None]) -> None:
    def solver(name: str, unlike: str, *, order: int | None = None, implicit: bool = False) -> None:
        register(
            odebench.Solver(
                library="tfp",
                framework="tensorflow",
                name=name,
                code=f".solver:{name.upper()}",
                order=order,
                adaptive=True,
                implicit=implicit,
                requires=REQUIRES,
                unlike=f"{unlike}; {_EITHER}",
            )
        )

    solver("dormand_prince", _DORMAND_PRINCE, order=5)
    solver("bdf", _BDF, implicit=True)


@odebench.hookimpl
def odebench_register_gradients(register: Callable[[odebench.GradientMethod], None]) -> None:
    def method(name: str, summary: str, unlike: str, without: tuple[str, ...] = ()) -> None:
        register(
            odebench.GradientMethod(
                library="tfp",
                framework="tensorflow",
                name=name,
                code=f".gradients:{name}",
                requires=REQUIRES,
                summary=summary,
                unlike=unlike,
                without=without,
            )
        )

    method("backprop", "through every operation of the solver: keeps the activations of each", "the step sizes, too")
    method("adjoint", "TFP's own continuous adjoint, y reset at each output", _ADJOINT, ("ts",))
