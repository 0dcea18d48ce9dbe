"""The claims of every suite against the cells that their presets are planned to make."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from odebench.claims.model import read_claims
from odebench.claims.sample import matches, values
from odebench.plan import Selection, plan
from odebench.record import Record
from odebench.registry import load_registry
from odebench.suite import plugin_folders, read_suite

SUITES = Path(__file__).parents[2] / "suites"
CLAIMS, WRONG = read_claims(SUITES)


@cache
def planned(suite: str, preset: str) -> list[Record]:
    """An empty record for every cell that can be run."""
    folder = SUITES / suite
    model = read_suite(folder)
    registry = load_registry((), plugin_folders(folder), strict=True)
    cells = plan(suite, model, model.preset(preset), registry, Selection())
    return [Record(cell.config, cell.hash, cell.row) for cell in cells if not cell.skip]


def test_every_file_is_a_claim():
    """And cites items of the checklist."""
    assert WRONG == []


@pytest.mark.parametrize("filed", CLAIMS, ids=lambda filed: filed.name)
def test_its_preset_makes_what_it_asks_for(filed):
    """For each check there are cells that are meant, three seeds where chance matters, and rivals to be paired with."""
    records = planned(filed.suite, filed.claim.preset)
    for check in filed.claim.check:
        meant = [record for record in records if matches(record, check.where)]
        assert meant, check.says
        if check.random:
            assert len({record.config["seed"] for record in meant}) >= 3, check.says
        if check.against is not None:
            rivals = [record for record in records if matches(record, check.against)]
            shared = [{tuple(values(r).get(key) for key in check.pair) for r in some} for some in (meant, rivals)]
            assert set.intersection(*shared), check.says
