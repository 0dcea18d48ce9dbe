"""The suite at a tiny size through the command line: nets are the methods that they are said to be."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import odebench
from odebench.claims.model import read_claim
from odebench.plan import Selection, plan
from odebench.record import Record
from odebench.registry import load_registry
from odebench.suite import plugin_folders, read_suite
from suites.networks_as_solvers import figures

SUITE = Path(__file__).parents[3] / "suites" / "networks_as_solvers"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    home = tmp_path_factory.mktemp("networks")
    done = subprocess.run(
        [sys.executable, "-m", "odebench", "run", str(SUITE), "--preset", "tiny"],
        cwd=home,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    (folder,) = (home / "results" / "networks_as_solvers").iterdir()
    return folder


@pytest.fixture(scope="module")
def results(run):
    return odebench.load_results(run)


def exponent(rows, x, y):
    return np.polyfit(np.log(rows[x].astype(float)), np.log(rows[y].astype(float)), 1)[0]


def test_every_cell_ends_well(results):
    """And every truth is one that two codes agree on."""
    assert (results.status == "ok").all()
    assert (results.truth_agreement.dropna() < 1e-9).all()


def test_a_residual_net_is_euler(results):
    """To the last bit where 1/L is a power of two, to round-off where it is not."""
    rows = results[results.option_network == "tied_resnet"]
    exact = rows.option_blocks.isin([16, 64])
    assert (rows[exact].bitwise == 1).all()
    rounded = rows[~exact]
    assert (rounded.difference < np.where(rounded.dtype == "float32", 1e-6, 1e-14)).all()


@pytest.mark.parametrize(
    ("net", "order"), [("tied_resnet", 1), ("polynet", 1), ("fractalnet", 2), ("fixed_point", 1), ("revnet", 1)]
)
def test_nets_tend_to_the_ode(results, net, order):
    """With the order of the method that they are; but a PolyNet tends to x' = f(x) + f(0), which is another."""
    rows = results[(results.task == f"networks_as_solvers/{net}") & (results.dtype == "float64")]
    for field, of_field in rows.groupby(rows.option_field.fillna("")):
        expected = 0 if (net, field) == ("polynet", "mlp") else -order
        assert exponent(of_field, "option_blocks", "ode_error") == pytest.approx(expected, abs=0.2)


@pytest.mark.parametrize(
    ("net", "field", "order"),
    [("polynet", "linear", 3), ("polynet", "unbiased", 2), ("polynet", "mlp", 1), ("fixed_point", "mlp", 3)],
)
def test_a_polynet_is_backward_euler_where_it_is_linear(results, net, field, order):
    """Elsewhere a fixed-point iteration is, and a PolyNet is less the more F leaves 0 and the straight line."""
    rows = results[(results.option_network == net) & (results.option_field == field)]
    assert exponent(rows, "option_end", "difference") == pytest.approx(order, abs=0.2)


def test_a_revnet_keeps_what_it_should(results):
    """Its input and volume always, the symplectic form where F and G are gradients, and only there."""
    rows = results[(results.task == "networks_as_solvers/revnet") & (results.dtype == "float64")]
    assert (rows.inverse_error < 1e-14).all()
    assert (rows.volume_defect < 1e-13).all()
    gradients = rows.option_field == "hamiltonian"
    assert (rows[gradients].symplectic_defect < 1e-13).all()
    assert (rows[~gradients].symplectic_defect > 0.1).all()


def test_skips_keep_gradients(results):
    """The formulas for three layers, and what is left of a gradient after 16 and 64: by torch's default law nothing
    without skips; with weights √3 times as large some, with 5/3 times these more than there was."""
    assert (results.formula_error.dropna() < 1e-14).all()
    deep = results[results.option_depth >= 16].set_index(["option_form", "option_gain"]).gradient_ratio
    assert (deep["vanilla", 1] < 0.01).all()
    assert deep["vanilla", 1.7320508].between(0.01, 0.5).all()
    assert (deep["vanilla", 2.8867513] > 1).all()
    assert (deep["residual"] > 2).all()


@pytest.mark.parametrize("kind", ["order", "depth"])
def test_pictures(run, tmp_path, kind):
    """Drawn from the files alone."""
    file = tmp_path / f"{kind}.svg"
    command = ["plot", str(run), "--kind", f"networks_as_solvers/{kind}", "--output", str(file)]
    done = subprocess.run([sys.executable, "-m", "odebench", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "<svg" in file.read_text()


def test_picture_of_memory():
    """A line a row of the MNIST table, through its blocks in order, for each framework's own account."""
    accounts = {"torch": "kept_bytes", "jax": "temp_bytes"}
    records = [
        Record(
            {"task": f"mnist/{net}", "framework": framework, "options": {"blocks": blocks}},
            "",
            "",
            metrics={metric: 1e6 * blocks},
        )
        for framework, metric in accounts.items()
        for net in ("resnet", "revnet")
        for blocks in (18, 2, 6)
    ]
    (axis,) = figures.memory(records, lambda record: {}).axes
    found = {str(line.get_label()): list(line.get_xdata()) for line in axis.lines}
    assert found == {f"{framework} {net}": [2, 6, 18] for framework in accounts for net in ("resnet", "revnet")}


def test_presets_plan():
    """Every preset has cells, none of them skipped; quick those that the claims need in three seeds."""
    suite, folders = read_suite(SUITE), plugin_folders(SUITE)
    registry = load_registry((), folders, strict=True)
    cells = {name: plan("nets", suite, preset, registry, Selection()) for name, preset in suite.presets.items()}
    assert not [cell.skip for found in cells.values() for cell in found if cell.skip]
    assert {cell.seed for cell in cells["quick"]} == {0, 1, 2}
    assert len(cells["standard"]) > len(cells["quick"]) > len(cells["tiny"])


@pytest.mark.parametrize("file", sorted((SUITE / "claims").glob("*.toml")), ids=lambda file: file.stem)
def test_claims_can_be_read(file):
    """Each is valid and of a preset that there is."""
    assert read_claim(file).claim.check
