"""``pytest --odebench PLUGIN`` in a pytest of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

ROWS = "order or repeated or tolerance"


@pytest.fixture
def run(tmp_path):
    def run(*arguments):
        command = [sys.executable, "-m", "pytest", "-p", "odebench.pytest_plugin", "-p", "no:cacheprovider", *arguments]
        environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    return run


def test_a_row_is_a_test(run, support):
    """Passed, failed with figure and bound, and skipped with the reason; one fails, so pytest exits with 1."""
    done = run("--odebench-plugin", str(support / "toy.py"), "--odebench", "toy/rk4/numeric", "-v", "-rs", "-k", ROWS)
    assert done.returncode == 1, done.stdout
    assert "toy/rk4/numeric: order PASSED" in done.stdout
    assert "toy/rk4/numeric: repeated times FAILED" in done.stdout
    assert "toy/rk4/numeric: repeated times: bound an error; returned [" in done.stdout
    assert "not adaptive" in done.stdout
    assert "Traceback" not in done.stdout


def test_choosing_rows(run):
    """As tests are chosen."""
    done = run("--odebench", "torch/dopri5/adjoint", "-k", "interior or registration", "-q")
    assert done.returncode == 0, done.stdout
    assert "3 passed, " in done.stdout


def test_an_unknown_plugin(run):
    """Is a usage error, in a line."""
    done = run("--odebench", "torch-adjiont")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--odebench torch-adjiont: unknown plugin 'torch-adjiont'; did you mean 'torch-adjoint'?" in done.stderr


def test_it_costs_nothing(tmp_path):
    """Without the option, none of the checks is imported, nor the registry's plugins."""
    (tmp_path / "test_one.py").write_text(
        "import sys\ndef test_one():\n"
        "    assert not [name for name in sys.modules if name.startswith(('odebench.check', 'odebench_', 'torch'))]\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "odebench.pytest_plugin", "-p", "no:cacheprovider"]
    environment = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
