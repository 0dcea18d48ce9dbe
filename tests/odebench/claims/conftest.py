"""Records, checks and claim files, made by hand."""

from __future__ import annotations

import json

import pytest

from odebench.claims.model import Check
from odebench.record import CellStatus, Record

SUITE = """
title = "made"
default_preset = "quick"
[[matrix]]
tasks = ["toy/decay"]
backends = ["toy/dopri5/numeric"]
[presets.quick]
[presets.slow]
"""
CLAIM = """
statement = "It is so."
source = "Nobody 2020, p. 1"
preset = "quick"
[[check]]
says = "how much"
statistic = "value"
y = "loss"
where = { task = "toy/*" }
rule = "< 1"
random = false
"""


@pytest.fixture
def record():
    """A record that ended well unless said otherwise; what is no part of the configuration is a metric."""

    def make(metrics=None, *, status="ok", curve=(), options=None, solve=None, started="", **config):
        config = {
            "suite": "made", "task": "toy/decay", "backend": "toy/dopri5/numeric", "framework": "toy", "library": "toy",
            "solver": "dopri5", "gradient": "numeric", "device": "cpu", "dtype": "float64", "rtol": 1e-3, "atol": 1e-3,
            "num_steps": None, "seed": 0, "options": options or {}, "solve": solve or {},
        } | config  # fmt: skip
        digest = str(abs(hash(json.dumps(config, sort_keys=True))))
        return Record(
            config, digest, "row", CellStatus(status), metrics=metrics or {}, curve=list(curve), started=started
        )

    return make


@pytest.fixture
def check():
    def make(**given):
        default = {"says": "how much", "statistic": "value", "y": "loss", "where": {"task": "*"}, "rule": "< 1"}
        default["random"] = False
        return Check.model_validate(default | given)

    return make


@pytest.fixture
def suites(tmp_path):
    """A folder of suites with one suite, ``made``, and a function that writes its claims."""
    folder = tmp_path / "suites" / "made"
    (folder / "claims").mkdir(parents=True)
    (folder / "suite.toml").write_text(SUITE)

    def write(name="one", text=CLAIM, **replaced):
        for old, new in replaced.items():
            text = text.replace(old, new)
        (folder / "claims" / f"{name}.toml").write_text(text)
        return folder / "claims" / f"{name}.toml"

    write.folder = tmp_path / "suites"
    return write


@pytest.fixture
def write_run(tmp_path):
    """A run on disk: its folder."""

    def write(records, name="run", preset="quick", suite="made", selection=None):
        folder = tmp_path / "results" / suite / name
        folder.mkdir(parents=True)
        request = {"suite": f"suites/{suite}", "preset": preset, "plugins": [], "strict": False}
        request["selection"] = selection or {}
        (folder / "run.json").write_text(json.dumps(request))
        lines = [json.dumps(record.to_dict()) for record in records]
        (folder / "records.jsonl").write_text("\n".join(lines) + "\n")
        return folder

    return write
