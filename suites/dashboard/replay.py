"""Measure the counters of the project's past: the suite as it is now, with odebench and plugins as they were.

``python suites/dashboard/replay.py --last 20`` takes the last commits that touch ``odebench/`` or ``plugins/``, each in
a temporary worktree and in the environment that it is called in, and exports them to asv's results. What is there
already is not made anew; a commit where the suite does not run is named, and left out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from odebench.dashboard.export import Commit, Facts, export, find_commit, place_of, results_folder
from odebench.dashboard.files import CommitFile, write_benchmarks
from odebench.environment import environment, task_versions
from odebench.errors import UserError
from odebench.registry import load_registry
from odebench.stored import read_run

SUITE = Path(__file__).resolve().parent / "counters"
CHECKOUT = SUITE.parents[2]
LIMIT = 900.0
"""Seconds that one commit may take."""

_OF_A_TREE = """
import sys
checkout, tree, *arguments = sys.argv[1:]
ours = [checkout, checkout + "/plugins", ""]
sys.path = [tree, tree + "/plugins", *(path for path in sys.path if path not in ours)]
sys.argv = ["odebench", *arguments]
from odebench.cli import main
main()
"""
"""The command line of another checkout. An editable install lies on the path, too: a plugin that the other one lacks
must not come from there. Spawned workers are given this path by multiprocessing."""


class DoesNotRun(Exception):
    """Why there are no figures of a commit."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--last", type=int, default=20, metavar="N", help="how many commits (default: 20)")
    last = parser.parse_args().last
    try:
        results, _ = results_folder()
        replay(touching(last), results)
    except UserError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; what was measured is stored, and the same command goes on from there")


def touching(last: int) -> list[Commit]:
    """The last commits that change what is measured, the newest first."""
    log = ["git", "-C", str(CHECKOUT), "log", "--first-parent", f"-{last}", "--format=%H", "--", "odebench", "plugins"]
    hashes = subprocess.run(log, capture_output=True, text=True, check=True).stdout.split()
    return [find_commit(CHECKOUT, name) for name in hashes]


def replay(commits: list[Commit], results: Path) -> None:
    """Measure and export those that are not there yet."""
    versions = current_versions()
    wanted = [commit for commit in commits if not is_there(commit, results, versions)]
    say(f"{len(commits) - len(wanted)} of {len(commits)} commits are there already")
    begin = time.monotonic()
    for done, commit in enumerate(wanted, start=1):
        try:
            outcome = measure(commit, results, versions)
        except DoesNotRun as failure:
            outcome = f"does not run: {failure}"
        write_benchmarks(results)
        spent = time.monotonic() - begin
        left = spent / done * (len(wanted) - done)
        say(f"[{done}/{len(wanted)}] {commit.hash[:8]} {outcome}; {spent:.0f} s so far, about {left:.0f} s to go")


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def current_versions() -> dict[str, str]:
    """The digests of the suite's tasks as they are now, which is what is run of every commit."""
    registry = load_registry((), [SUITE])
    return task_versions(registry, [name for name in registry.tasks if name.startswith(f"{SUITE.name}/")])


def is_there(commit: Commit, results: Path, versions: dict[str, str]) -> bool:
    """Whether these tasks were measured of it before, on this machine and with these frameworks."""
    here = Facts.model_validate(environment(SUITE))
    file = CommitFile.open(results, place_of(here, "cpu"), commit.hash, commit.date)
    ours = {one.version for name, one in file.series.items() if name.startswith(f"{SUITE.name}.")}
    return bool(ours) and ours <= set(versions.values())


def measure(commit: Commit, results: Path, versions: dict[str, str]) -> str:
    """Run the suite with a commit's odebench, and export that. :raises DoesNotRun: where nothing came of it."""
    with worktree(commit) as tree:
        ended = run(tree, ["run", str(SUITE), "--results", str(tree.parent / "results")])
        folders = list((tree.parent / "results" / SUITE.name).glob("*"))
        if ended.returncode > 1 or not folders:
            raise DoesNotRun((ended.stderr.strip() or "it said nothing").splitlines()[-1])
        found = read_run(folders[0])
        if found.environment["odebench_git"]["commit"] != commit.hash:
            raise DoesNotRun("another commit's odebench was imported")
        found.environment["tasks"] = versions
        (exported,) = export(found, commit, results)
        ok = sum(record.status == "ok" for record in found.records)
        return f"{ok} of {len(found.records)} cells ended well, {exported.series} series"


def run(tree: Path, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """``odebench`` of another checkout, with ``arguments``, in this environment."""
    command = [sys.executable, "-c", _OF_A_TREE, str(CHECKOUT), str(tree), *arguments]
    env = os.environ | {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu", "CUDA_VISIBLE_DEVICES": ""}
    try:
        return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=LIMIT)
    except subprocess.TimeoutExpired as error:
        raise DoesNotRun(f"it was stopped after {LIMIT:.0f} s") from error


@contextmanager
def worktree(commit: Commit) -> Iterator[Path]:
    """A checkout of a commit outside of this one, for as long as it is needed."""
    git = ["git", "-C", str(CHECKOUT), "worktree"]
    with TemporaryDirectory(prefix="odebench-replay-") as folder:
        tree = Path(folder).resolve() / commit.hash[:8]
        subprocess.run([*git, "add", "--detach", "--quiet", str(tree), commit.hash], check=True, capture_output=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True, capture_output=True)


if __name__ == "__main__":
    main()
