"""The table of metrics covers what suites measure."""

import json
from pathlib import Path

import pytest

from odebench.compare.metrics import Kind, metric

ROOT = Path(__file__).parents[3]
UNJUDGED = {
    # baselines and facts of the data
    "base_kl", "baseline_bits", "baseline_kl", "baseline_nats", "constant_log_likelihood", "exact_trace",
    "gaussian_nll", "histogram_bits", "true_log_likelihood", "true_nll",
    # answers to a question of their suite, of which neither is better
    "first_gradient", "gradient", "gradient_ratio", "latent_direction", "latent_separation", "outside", "overtaken",
    "standard_errors", "swapped", "variance_ratio",
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "kind", "better"),
    [
        ("nfe_forward", Kind.counter, -1),
        ("gradient_error_parameters", Kind.error, -1),
        ("reference_gradient_agreement_y0", Kind.part, 0),
        ("forward_iqr_s", Kind.part, 0),
        ("test_error", Kind.outcome, -1),
        ("wedge_accuracy", Kind.outcome, 1),
        ("test_log_likelihood", Kind.outcome, 1),
        ("memory_bytes", Kind.memory, -1),
        ("peak_growth_bytes", Kind.peak, -1),
        ("compile_s", Kind.once, -1),
        ("train_s", Kind.single, -1),
        ("part_norm", Kind.part, 0),
        ("host_syncs_per_step", Kind.counter, -1),
        ("nobody_has_heard_of_it", Kind.value, 0),
    ],
)
def test_kinds(name, kind, better):
    """Of each kind one, and in the right direction."""
    assert (metric(name).kind, metric(name).better) == (kind, better)


def test_a_time_with_samples():
    """What has samples is a time that an interval is known of; else it is one value."""
    assert metric("forward_s", sampled=True).kind is Kind.time
    assert metric("forward_s").kind is Kind.single


def test_what_suites_measure_has_a_rule():
    """Every metric of the committed runs is judged, or is one of those that are known to have no better."""
    names = {
        name
        for file in ROOT.glob("results/*/reference-*/records.jsonl")
        for line in file.read_text().splitlines()
        for name in json.loads(line)["metrics"]
    }
    assert names
    assert {name for name in names if "no rule" in metric(name).why} == names & UNJUDGED


def test_wall_time_does_not_gate():
    """A bare ``--fail-on regressed`` heeds what does not hang on the machine."""
    assert {kind for kind in Kind if kind.is_gating} & {kind for kind in Kind if kind.is_timed} == set()
    assert not Kind.value.is_gating
