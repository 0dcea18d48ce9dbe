"""The workflows are what GitHub reads, and their commands are ours."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

yaml = pytest.importorskip("yaml")
pytest.importorskip("check_jsonschema")

SCHEMAS = {
    "vendor.github-workflows": ".github/workflows/*.yml",
    "vendor.github-actions": ".github/actions/*/action.yml",
    "vendor.readthedocs": ".readthedocs.yaml",
}


def _steps(repository):
    """``(file, step)`` of every workflow and action."""
    for file in sorted(repository.glob(".github/workflows/*.yml")):
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            yield from ((file, step) for step in job["steps"])
    for file in sorted(repository.glob(".github/actions/*/action.yml")):
        yield from ((file, step) for step in yaml.safe_load(file.read_text())["runs"]["steps"])


@pytest.mark.parametrize("schema", SCHEMAS)
def test_schema(repository, schema):
    """GitHub's and Read the Docs' own schemas, which are in the package: no network is needed."""
    files = sorted(map(str, repository.glob(SCHEMAS[schema])))
    assert files
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout


def test_commands_are_ours(repository, commands_of, read_command):
    """What a step has odebench do is read by its command line: its commands and options exist."""
    found = 0
    for file, step in _steps(repository):
        for words in commands_of(step.get("run", ""), "odebench"):
            found += 1
            try:
                read_command(words)
            except click.ClickException as error:
                pytest.fail(f"{file.name}: odebench {' '.join(words)}: {error.format_message()}")
    assert found >= 5


def test_files_exist(repository):
    """The scripts, suites, actions and committed runs that a step names."""
    for file, step in _steps(repository):
        if step.get("uses", "").startswith("./"):
            assert (repository / step["uses"] / "action.yml").is_file(), file.name
        for path in re.findall(r"(?<![\w/:])(?:suites/[\w/]+|\.ci/\w+)", step.get("run", "")):
            assert (repository / path).exists(), f"{file.name}: {path}"
        for run in re.findall(r"main:(results/[\w/-]+)", step.get("run", "")):
            assert (repository / run / "records.jsonl").is_file(), f"{file.name}: {run}"


def test_extras_exist(repository):
    """What a job has installed is an extra of the project."""
    import tomllib

    known = tomllib.loads((repository / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for file, step in _steps(repository):
        for extra in filter(None, step.get("with", {}).get("extras", "").split(",")):
            assert extra in known, f"{file.name}: {extra}"


def test_shell(repository):
    """Every script is one that bash can read."""
    for file, step in _steps(repository):
        script = re.sub(r"\$\{\{.*?\}\}", "x", step.get("run", ""))
        read = subprocess.run(["/bin/bash", "-n", "-c", script], capture_output=True, text=True, check=False)
        assert read.returncode == 0, f"{file.name}: {read.stderr}"


def test_nothing_of_a_stranger_is_in_a_script(repository):
    """Expressions reach scripts through the environment only: a branch may be called ``$(rm -rf .)``."""
    for file, step in _steps(repository):
        assert "${{" not in step.get("run", ""), file.name


def test_what_runs_foreign_code_may_only_read(repository):
    """A job that a pull request starts has no permission to write; the one that writes checks nothing out."""
    for file in repository.glob(".github/workflows/*.yml"):
        workflow = yaml.safe_load(file.read_text())
        events = workflow[True]  # YAML's own word for `on`
        if "pull_request" in events:
            assert workflow["permissions"] == {"contents": "read"}
            assert all("permissions" not in job for job in workflow["jobs"].values())
        assert "pull_request_target" not in events
        if "workflow_run" in events:
            uses = [step.get("uses", "") for job in workflow["jobs"].values() for step in job["steps"]]
            assert not [one for one in uses if one.startswith(("actions/checkout", "./"))]
