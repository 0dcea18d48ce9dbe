"""PyTorch: how it is measured, and an engine that makes any explicit Runge–Kutta tableau a solver in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import odebench

if TYPE_CHECKING:
    from collections.abc import Callable


@odebench.hookimpl
def odebench_register_frameworks(register: Callable[[odebench.Framework], None]) -> None:
    register(
        odebench.Framework(
            name="torch",
            code=".adapter:TorchAdapter",
            runge_kutta="odebench_torch.runge_kutta:RungeKutta",
            implicit_runge_kutta="odebench_torch_implicit.engine:ImplicitRungeKutta",
            namespace="odebench_torch.namespace",
            locate="odebench_torch.events:locate",
            watch="odebench_torch.watch",
            requires=("torch", "optree", "array-api-compat"),
        )
    )


@odebench.hookimpl
def odebench_register_parts(register: Callable[[odebench.Parts], None]) -> None:
    functorch = ("eager_transforms", "vmap", "apis", "autograd_function")
    register(odebench.Parts(autograd=("torch.autograd", *(f"torch._functorch.{name}" for name in functorch))))
    register(
        odebench.Parts(
            library="torch",
            autograd=(
                "odebench_torch.vjp",
                "odebench_torch.tape",
                "odebench_torch.dynamics:leaves_of_graph",
                "odebench_torch.dynamics:leaves_behind",
                "odebench_torch.discrete:_Pullback",
                "odebench_torch.discrete:_DiscreteSolve",
                "odebench_torch.functional.replay",
                "odebench_torch.compiled.solve:_CompiledSolve",
            ),
            stages=(
                "odebench_torch.stepping",
                "odebench_torch.scheme",
                "odebench_torch.layout",
                "odebench_torch.path",
                "odebench_torch.replay",
                "odebench_torch.discrete:_Sweep",
                "odebench_torch.functional.evaluation",
                "odebench_torch.compiled.steps",
                "odebench_torch.compiled.stepper",
                "odebench_torch.compiled.reverse",
                "odebench_torch.compiled.trees",
            ),
            norm=(
                "odebench_torch.norms",
                "odebench_torch.stepping:Stepper.ratio",
                "odebench_torch.compiled.stepper:CompiledStepper.ratio",
                "odebench_torch.compiled.steps:Steps._error",
                "odebench_torch.compiled.steps:largest_rms",
            ),
            control=(
                "odebench_torch.stepping:march",
                "odebench_torch.pace",
                "odebench_torch.starting",
                "odebench_torch.times",
                "odebench_torch.runge_kutta",
                "odebench_torch.discrete",
                "odebench_torch.checkpoints",
                "odebench_torch.functional",
                "odebench_torch.compiled",
            ),
        )
    )
