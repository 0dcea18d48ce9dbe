"""What ``odebench check`` is asked to check: from a plugin's name to solvers and gradient methods."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from odebench.backends import BackendInfo, SolverInfo, backends, solvers
from odebench.descriptors import Framework, GradientMethod
from odebench.errors import UserError, unknown
from odebench.registry import Plugin, Registry

_PREFERRED = ("backprop", "autodiff", "direct", "checkpoint")


@dataclass(frozen=True)
class Target:
    """
    :param gradient: None where the solver's library has none.
    :param solves: whether the solver is checked too, rather than the gradient method alone.
    """

    solver: SolverInfo
    gradient: GradientMethod | None
    solves: bool = True


@dataclass(frozen=True)
class Found:
    """
    :param references: what loads the plugins, as files or modules, by name.
    """

    references: dict[str, str]
    targets: list[Target]


def find(registry: Registry, reference: str) -> Found:
    """
    :param reference: a file, a module, an installed plugin's name, or a glob of backends.
    :raises UserError: when there is none, it cannot be loaded, or it registers nothing that can be checked.
    """
    if reference.count("/") == 2 and not _is_file(reference):
        return _matching(registry, reference)
    plugin = _plugin(registry, reference)
    if plugin.error:
        raise UserError(f"plugin {plugin.name} ({plugin.origin}): {plugin.error}")
    targets = _registered(registry, plugin.name)
    if not targets:
        raise UserError(f"plugin {plugin.name} registers no framework, solver or gradient method that can be checked")
    return Found({plugin.name: _module(plugin)}, targets)


def _is_file(reference: str) -> bool:
    path = Path(reference)
    return path.suffix == ".py" or path.exists()


def _plugin(registry: Registry, reference: str) -> Plugin:
    for plugin in registry.plugins:
        if reference in (plugin.name, _module(plugin)):
            return plugin
    registry.load_named(reference)
    origin = str(Path(reference).resolve()) if _is_file(reference) else f"module {reference}"
    plugin = next(p for p in registry.plugins if p.origin == origin)
    if plugin.error == f"ModuleNotFoundError: No module named '{reference}'":
        raise unknown("plugin", reference, (p.name for p in registry.plugins if p is not plugin))
    return plugin


def _module(plugin: Plugin) -> str:
    """What :meth:`~odebench.registry.Registry.load_named` loads it by."""
    for prefix in ("entry point ", "module "):
        if plugin.origin.startswith(prefix):
            return plugin.origin.removeprefix(prefix).split()[0]
    return plugin.origin


def _matching(registry: Registry, pattern: str) -> Found:
    found = backends(registry, pattern)
    if not found:
        raise UserError(f"no backend matches {pattern!r}; see odebench list solvers and odebench list methods")
    providers = {name for info in found for name in (info.solver.provider, info.gradient.provider)}
    references = {p.name: _module(p) for p in registry.plugins if p.name in providers}
    return Found(references, _merged([(info, True) for info in found], ()))


def _registered(registry: Registry, provider: str) -> list[Target]:
    """The solvers and gradient methods of one plugin, each with a representative of the other kind."""
    everything, pairs, bare = backends(registry), [], []
    own = [s for s in solvers(registry) if s.provider == provider]
    for framework in registry.frameworks.values():
        if framework.provider == provider:
            own += _representatives(registry, framework)
    for solver in own:
        methods = [info for info in everything if info.solver == solver]
        if methods:
            pairs.append((min(methods, key=_method_rank), True))
        else:
            bare.append(Target(solver, None))
    for gradient in registry.gradients.values():
        if gradient.provider == provider:
            served = [info for info in everything if info.gradient == gradient]
            pairs += [(min(served, key=_solver_rank), False)] if served else []
    return _merged(pairs, bare)


def _representatives(registry: Registry, framework: Framework) -> list[SolverInfo]:
    """What a framework's engines make of a tableau of each kind; where it has no engine, a solver that runs on it."""
    on_it = sorted((s for s in solvers(registry) if s.framework == framework.name), key=_rank)
    made = [s for s in on_it if s.library == framework.name and s.key not in registry.solvers]
    kinds = [next((s for s in made if s.implicit == implicit), None) for implicit in (False, True)]
    return [s for s in kinds if s is not None] or on_it[:1]


def _merged(pairs: Iterable[tuple[BackendInfo, bool]], bare: Iterable[Target]) -> list[Target]:
    """One target a backend; a solver is checked with the first of its gradient methods."""
    solves: dict[str, tuple[BackendInfo, bool]] = {}
    for info, wanted in pairs:
        solves[info.name] = (info, wanted or solves.get(info.name, (info, False))[1])
    targets, seen = [], set()
    for info, wanted in solves.values():
        targets.append(Target(info.solver, info.gradient, wanted and info.solver not in seen))
        if wanted:
            seen.add(info.solver)
    return [*targets, *bare]


def _method_rank(info: BackendInfo) -> tuple[bool, int, str]:
    name = info.gradient.name
    return bool(info.missing), _PREFERRED.index(name) if name in _PREFERRED else len(_PREFERRED), name


def _solver_rank(info: BackendInfo) -> tuple[bool, tuple[bool, bool, bool, int, str]]:
    return bool(info.missing), _rank(info.solver)


def _rank(solver: SolverInfo) -> tuple[bool, bool, bool, int, str]:
    """dopri5, which every library has; else one that is adaptive, explicit, and of a high order up to 5."""
    order = solver.order or 0
    return solver.name != "dopri5", not solver.adaptive, solver.implicit, -order if order <= 5 else order, solver.name
