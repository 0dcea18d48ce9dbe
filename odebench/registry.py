"""Loading plugins, guarded: one that fails is reported by name and skipped, and leaves nothing behind."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any

import pluggy

from odebench import hookspecs
from odebench.descriptors import Descriptor, Figure, Framework, GradientMethod, Parts, Solver, Task
from odebench.errors import UserError, choices
from odebench.tableau import RungeKutta

_KINDS: dict[str, Any] = {
    "frameworks": Framework,
    "solvers": (Solver, RungeKutta),
    "gradients": GradientMethod,
    "tasks": Task,
    "figures": Figure,
    "parts": Parts,
}


@dataclass(frozen=True)
class Plugin:
    """A plugin that was asked for: where it comes from, and why it was skipped if it was."""

    name: str
    origin: str
    error: str | None = None


@dataclass(frozen=True)
class Registered:
    """A tableau and the plugin that registered it."""

    tableau: RungeKutta
    provider: str


class Registry:
    """What all plugins have registered, by kind and key.

    :param strict: raise :class:`UserError` for the first plugin that fails, instead of skipping it.
    """

    def __init__(self, *, strict: bool = False) -> None:
        self.strict = strict
        self.plugins: list[Plugin] = []
        self.named: set[str] = set()
        self.frameworks: dict[str, Framework] = {}
        self.tableaus: dict[str, Registered] = {}
        self.solvers: dict[str, Solver] = {}
        self.gradients: dict[str, GradientMethod] = {}
        self.tasks: dict[str, Task] = {}
        self.figures: dict[str, Figure] = {}
        self.parts: dict[str, Parts] = {}
        self._loading: ModuleType | None = None
        self._provider = ""
        self._manager = pluggy.PluginManager(hookspecs.PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for kind in _KINDS:
            hook = getattr(self._manager.hook, f"odebench_register_{kind}")
            hook.call_historic(kwargs={"register": self._registrar(kind)})

    @property
    def hook(self) -> Any:
        return self._manager.hook

    @property
    def _tables(self) -> tuple[dict[str, Any], ...]:
        return (self.frameworks, self.tableaus, self.solvers, self.gradients, self.tasks, self.figures, self.parts)

    def register(self, plugin: object, name: str) -> None:
        """Add an object of this process whose methods are hooks, such as a listener on the life of cells."""
        self._manager.register(plugin, name)

    def load_entry_points(self) -> None:
        """Load every installed plugin, odebench's own among them."""
        for entry in sorted(entry_points(group=hookspecs.PROJECT), key=lambda entry: entry.name):
            dist = "" if entry.dist is None else f" ({entry.dist.name} {entry.dist.version})"
            self._load(entry.name, f"entry point {entry.value}{dist}", entry.load)

    def load_named(self, reference: str) -> None:
        """Load ``--plugin FILE|MODULE``. :raises UserError: when there is no such file."""
        path = Path(reference)
        if path.suffix == ".py" or path.exists():
            if not path.exists():
                raise UserError(f"--plugin {reference}: there is no such file")
            self.named.add(self.load_path(path))
        else:
            self.named.add(self._load(reference, f"module {reference}", lambda: importlib.import_module(reference)))

    def load_more(self, suites: Iterable[Path], plugins: Iterable[str]) -> None:
        """Load the given suites' own plugins, and those named by ``--plugin``."""
        for folder in suites:
            if (folder / "__init__.py").exists():
                self.load_path(folder)
        for reference in plugins:
            self.load_named(reference)

    def load_path(self, path: Path) -> str:
        """Load a plugin from a file, or from a folder that is a package (a suite's). :returns: its name."""
        path = path.resolve()
        return self._load(path.stem, str(path), lambda: _import_path(path))

    def _load(self, name: str, origin: str, importer: Any) -> str:
        if any(plugin.name == name and plugin.origin != origin for plugin in self.plugins):
            name = origin  # two files of one name are two plugins
        before = [dict(table) for table in self._tables]
        module = None
        try:
            module = importer()
            if self._manager.is_registered(module):
                return name  # named twice, or installed and named
            self._loading, self._provider = module, name
            self._manager.register(module, module.__name__)
            self._reject_misspelt(module)
        except (Exception, SystemExit) as error:
            if module is not None and self._manager.is_registered(module):
                self._manager.unregister(module)
            for table, old in zip(self._tables, before, strict=True):
                table.clear()
                table.update(old)
            reason = f"{type(error).__name__}: {error}" if not isinstance(error, UserError) else str(error)
            reason = " ".join(reason.split())
            if self.strict:
                raise UserError(f"plugin {name} ({origin}): {reason}") from error
            self.plugins.append(Plugin(name, origin, reason))
        else:
            self.plugins.append(Plugin(name, origin))
        finally:
            self._loading = None
        return name

    def _reject_misspelt(self, module: ModuleType) -> None:
        valid = [name for name in vars(hookspecs) if name.startswith("odebench_")]
        marked = {caller.name for caller in self._manager.get_hookcallers(module) or ()}
        for name in marked - set(valid):
            raise UserError(f"unknown hook {name!r}; {choices(name, valid)}")
        for name in vars(module):
            if name not in marked and get_close_matches(name, valid, n=1, cutoff=0.9):
                raise UserError(f"{name} is not marked with @odebench.hookimpl")

    def _registrar(self, kind: str) -> Any:
        def register(entry: Any) -> None:
            if not isinstance(entry, _KINDS[kind]):
                raise UserError(f"odebench_register_{kind} was given a {type(entry).__name__}")
            if isinstance(entry, RungeKutta):
                self._add(self.tableaus, "solver", entry.name, Registered(entry, self._provider))
            elif isinstance(entry, Parts):
                entry = replace(entry, provider=self._provider)
                self._add(self.parts, entry.kind, f"{self._provider} {entry.library}".rstrip(), entry)
            else:
                self._add_descriptor(entry)

        return register

    def _add_descriptor(self, entry: Descriptor) -> None:
        assert self._loading is not None
        package = self._loading.__name__ if hasattr(self._loading, "__path__") else self._loading.__package__
        entry = entry.provided_by(self._provider, package or self._loading.__name__)
        tables: dict[type, dict[str, Any]] = {
            Framework: self.frameworks,
            Solver: self.solvers,
            GradientMethod: self.gradients,
            Task: self.tasks,
            Figure: self.figures,
        }
        self._add(tables[type(entry)], entry.kind, entry.key, entry)

    def _add(self, table: dict[str, Any], kind: str, key: str, entry: Any) -> None:
        library, _, name = key.rpartition("/")
        clash = table.get(key)
        if clash is None and kind == "solver":  # a tableau is a solver of every framework with an engine
            engines = [framework.name for framework in self.frameworks.values() if framework.runge_kutta]
            if library in engines:
                clash = self.tableaus.get(name)
            elif not library:
                clash = next((self.solvers[f"{f}/{key}"] for f in engines if f"{f}/{key}" in self.solvers), None)
        if clash is not None:
            raise UserError(f"the {kind} name {key!r} is taken by plugin {clash.provider!r}")
        table[key] = entry


def _import_path(path: Path) -> ModuleType:
    """Import a file or a package folder under a name of its own, so that two suites' ``task.py`` do not meet."""
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    name = "odebench_file_" + re.sub(r"\W", "_", path.stem) + "_" + digest
    if name in sys.modules:
        return sys.modules[name]
    source = path / "__init__.py" if path.is_dir() else path
    locations = [str(path)] if path.is_dir() else None
    spec = importlib.util.spec_from_file_location(name, source, submodule_search_locations=locations)
    if spec is None or spec.loader is None:
        raise UserError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def load_registry(plugins: Iterable[str] = (), suites: Iterable[Path] = (), *, strict: bool = False) -> Registry:
    """A registry with the installed plugins, the given suites' own, and those named by ``--plugin``."""
    registry = Registry(strict=strict)
    registry.load_entry_points()
    registry.load_more(suites, plugins)
    return registry
