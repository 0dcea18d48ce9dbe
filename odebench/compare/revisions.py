"""Runs that are committed at a git revision, as folders to read."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from odebench.errors import UserError

_FILES = ("records.jsonl", "run.json")


def commit_of(revision: str) -> str:
    """The full hash of a revision of the repository that the current folder is in.

    :raises UserError: where there is no git, no repository, or no such revision.
    """
    try:
        found = _git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    except subprocess.CalledProcessError as error:
        why = error.stderr.decode(errors="replace").strip().partition("\n")[0] or "no such revision"
        raise UserError(
            f"{revision!r} is no run, no {_FILES[0]}, and no revision of git ({why}); "
            "give a run's folder, a revision, or REVISION:results/SUITE/RUN"
        ) from error
    return found.decode().strip()


def extract(commit: str, path: str, into: Path, reference: str) -> Path:
    """Write the runs that are committed at or below a path, their records and environments alone.

    :param reference: what was typed, for what is said.
    :returns: the path below ``into``.
    :raises UserError: where the revision has no run there.
    """
    path = path.strip("/")
    try:
        top = _git("rev-parse", "--show-toplevel").decode().strip()
        listed = _git("-C", top, "ls-tree", "-r", "-z", "--name-only", commit, "--", path or ".").decode().split("\0")
        wanted = [name for name in listed if _is_of_run(Path(name).name)]
        if not any(name.endswith(_FILES[0]) for name in wanted):
            raise UserError(f"{reference}: no run is committed there, in {path or '.'}")
        archive = _git("-C", top, "archive", "--format=tar", commit, "--", *wanted)
    except subprocess.CalledProcessError as error:
        raise UserError(f"{reference}: {error.stderr.decode(errors='replace').strip()}") from error
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(into, filter="data")
    except tarfile.TarError as error:  # a link that leads out of the folder
        raise UserError(f"{reference}: {error}") from error
    return into / path


def _is_of_run(name: str) -> bool:
    return name in _FILES or (name.startswith("environment") and name.endswith(".json"))


def _git(*arguments: str) -> bytes:
    """:raises UserError: where git is not installed or does not answer."""
    command = ["git", "--literal-pathspecs", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, check=True, timeout=60)
    except FileNotFoundError as error:
        raise UserError("git is not installed: give runs as folders") from error
    except subprocess.TimeoutExpired as error:
        raise UserError(f"git {arguments[0]} does not answer") from error
    return done.stdout
