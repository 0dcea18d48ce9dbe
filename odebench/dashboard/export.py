"""From stored runs to asv's result files: of which commit, on which machine, in which series."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from odebench.dashboard import files
from odebench.dashboard.files import CommitFile, Place
from odebench.dashboard.series import harmless, series
from odebench.errors import UserError
from odebench.stored import StoredRun

CONFIG = "asv.conf.json"
_FACETS = ("torch", "jax")


@dataclass(frozen=True)
class Commit:
    """:param date: when it was made, in milliseconds, as asv has it."""

    hash: str
    date: int


class _Git(BaseModel):
    commit: str | None = None
    dirty: bool | None = None


class Facts(BaseModel):
    """What is asked of a run's ``environment.json``."""

    cpu: str | None = None
    platform: str | None = None
    cores: int | None = None
    logical_cores: int | None = None
    memory_bytes: float = 0.0
    python: str = ""
    packages: dict[str, str] = {}
    tasks: dict[str, str] = {}
    odebench_git: _Git | None = None


@dataclass(frozen=True)
class Exported:
    """What became of one run: the file, and how many series of it are this run's."""

    path: Path
    series: int
    changed: bool


def results_folder() -> tuple[Path, Path]:
    """Where asv keeps results, and the folder of its configuration, from here or the nearest folder above that has one.

    :raises UserError: when there is none, or it is damaged.
    """
    here = Path.cwd()
    folder = next((folder for folder in (here, *here.parents) if (folder / CONFIG).is_file()), None)
    if folder is None:
        raise UserError(f"there is no {CONFIG} here or above; say where to write with --output")
    try:
        import json5
    except ModuleNotFoundError as error:
        raise UserError(f"{CONFIG} is read with asv ({error}): pip install 'odebench[asv]'") from error
    try:
        config = json5.loads((folder / CONFIG).read_text(encoding="utf-8"))
        return folder / config.get("results_dir", "results"), folder
    except (ValueError, AttributeError, TypeError) as error:
        raise UserError(f"{folder / CONFIG}: not a valid configuration of asv: {error}") from error


def export(run: StoredRun, of: Commit, results: Path) -> list[Exported]:
    """Merge a run into the files of its commit, one for each device."""
    facts = facts_of(run)
    known = files.known(results)
    exported = []
    for device in sorted({record.config["device"] for record in run.records}):
        place = place_of(facts, device)
        file = CommitFile.open(results, place, of.hash, of.date)
        records = [record for record in run.records if record.config["device"] == device]
        found = series(records, facts.tasks, known)
        file.series |= {n: file.series[n].merged(one) if n in file.series else one for n, one in found.items()}
        files.write_machine(results, place)
        exported.append(Exported(file.path, len(found), file.write()))
    return exported


def commit_of(run: StoredRun, repository: Path, name: str | None = None) -> Commit:
    """:param name: a commit in place of the one that the run was made of.
    :raises UserError: when it is not known, or the repository does not have it.
    """
    return find_commit(repository, name or _own_commit(run))


def _own_commit(run: StoredRun) -> str:
    git = facts_of(run).odebench_git
    if not git or not git.commit:
        raise UserError(f"{run.folder} does not say of which commit it is; say it with --commit HASH")
    if git.dirty:
        raise UserError(
            f"{run.folder} was made of {git.commit[:8]} with changes that are in no commit; "
            "if they do not matter: --commit HASH"
        )
    return git.commit


def facts_of(run: StoredRun) -> Facts:
    """:raises UserError: when its environment is damaged."""
    try:
        return Facts.model_validate(run.environment)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise UserError(f"{run.folder}/environment.json: {key}: {first['msg']}") from error


def find_commit(repository: Path, name: str) -> Commit:
    """:raises UserError: when the repository has no such commit."""
    command = ["git", "-C", str(repository), "log", "-1", "--format=%H %at", "--end-of-options", f"{name}^{{commit}}"]
    try:
        told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise UserError(f"the git repository of {repository.resolve().name} has no commit {name}") from error
    full, date = told.split()
    return Commit(full, 1000 * int(date))


def place_of(facts: Facts, device: str) -> Place:
    """The machine is named after its processor, and so after nobody."""
    cpu, platform = harmless(facts.cpu or "unknown"), facts.platform or ""
    cores = facts.cores or facts.logical_cores or 0
    arch = re.search(r"x86_64|AMD64|aarch64|arm64", platform)
    name = "-".join(re.findall(r"[a-z0-9]+", cpu.lower()))[: files.LONGEST]
    return Place(
        machine={
            "machine": f"{name}-{cores}-cores",
            "cpu": cpu,
            "num_cpu": str(cores),
            "os": platform.partition("-")[0],
            "arch": arch.group() if arch else "",
            "ram": f"{facts.memory_bytes / 1e9:.0f} GB",
        },
        python=".".join(facts.python.split(".")[:2]),
        facets={name: harmless(facts.packages[name]) for name in _FACETS if name in facts.packages}
        | {"device": device},
    )
