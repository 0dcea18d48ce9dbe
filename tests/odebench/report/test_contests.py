"""Whose cost grows faster, and where a GPU begins to pay, of records made by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odebench.report.contests import EQUAL, contests, crossovers
from odebench.report.fits import fits

RIVALS = [{"ours": ["torch/*/adjoint"], "peers": ["torchdiffeq/*", "torchode/*"]}]
BATCH = {"x": "option_batch", "y": "forward_backward_s", "task": "*", "law": "offset"}
XS = (4, 64, 512, 1024, 4096)


@pytest.fixture
def swept(cell):
    """Cells of one backend along the batch, of a cost that is a function of it."""

    def make(backend, cost, device="cpu", xs=XS, **more):
        return [
            cell(backend=backend, metrics={"forward_backward_s": cost(x)}, device=device, options={"batch": x}, **more)
            for x in xs
        ]

    return make


def test_ours_stands_beside_the_peer_that_grows_least(swept):
    """Whatever it costs; and the ratio is that of the largest."""
    records = swept("torch/dopri5/adjoint", lambda x: 1 + x**1.5)
    records += swept("torchdiffeq/dopri5/adjoint", lambda x: 1 + 0.1 * x**2)
    records += swept("torchode/dopri5/backsolve", lambda x: 900 + 2 * x)
    records += swept("torch/dopri5/backprop", lambda x: 1 + x)  # is nobody's rival
    (found,) = contests(fits(records, [BATCH]), RIVALS)
    assert (found.ours.backend, found.peer.backend) == ("torch/dopri5/adjoint", "torchode/dopri5/backsolve")
    assert (found.ours.law.exponent, found.peer.law.exponent) == (pytest.approx(1.5), pytest.approx(1.0))
    assert found.ratio == pytest.approx((1 + 4096**1.5) / (900 + 2 * 4096))
    assert found.verdict == "steeper"


@pytest.mark.parametrize(
    ("exponent", "verdict"), [(1.3, "steeper"), (1.04, "alike"), (0.96, "alike"), (0.8, "flatter")]
)
def test_verdicts(swept, exponent, verdict):
    """Exact figures differ by a twentieth at least before they are said to."""
    records = swept("torch/dopri5/adjoint", lambda x: 3 + x**exponent)
    records += swept("torchode/dopri5/adjoint", lambda x: 2 + x)
    (found,) = contests(fits(records, [BATCH]), RIVALS)
    assert found.verdict == verdict


def test_growth_that_the_peer_would_hide_decides_nothing(swept):
    """The same growth beside a hundred times the cost: the peer has no exponent, and ours is not called the steeper;
    ten times the growth would be seen."""
    records = swept("torchode/dopri5/adjoint", lambda x: 2000 + 0.01 * x)
    for factor, verdict in ((1, "open"), (10, "steeper")):
        ours = swept("torch/dopri5/adjoint", lambda x, factor=factor: 20 + 0.01 * factor * x)
        (found,) = contests(fits([*records, *ours], [BATCH]), RIVALS)
        assert (found.ours.law.exponent, found.verdict) == (pytest.approx(1.0), verdict)


def test_a_peer_that_failed_on_the_way_decides_nothing(swept):
    """Its exponent is that of a shorter way."""
    records = swept("torch/dopri5/adjoint", lambda x: 1 + x**1.5)
    records += swept("torchode/dopri5/adjoint", lambda x: 1 + x, xs=XS[:-1])
    (found,) = contests(fits(records, [BATCH]), RIVALS)
    assert found.verdict == "open"


def test_without_scipy_nothing_is_held_against_a_peer(swept, monkeypatch):
    """Power laws are fitted without it, but their intervals are Student's."""
    records = swept("torch/dopri5/adjoint", lambda x: x**1.5) + swept("torchode/dopri5/adjoint", float)
    found = fits(records, [BATCH | {"law": "power"}])
    assert len(contests(found, RIVALS)) == 1
    monkeypatch.setattr("odebench.report.contests.find_spec", lambda name: None)
    assert contests(found, RIVALS) == []


def test_what_is_noisy_is_alike(swept):
    """A difference that is within the errors decides nothing."""
    records = swept("torch/dopri5/adjoint", lambda x: (3 + x**1.2) * {64: 1.5, 1024: 0.6}.get(x, 1))
    records += swept("torchode/dopri5/adjoint", lambda x: 2 + x)
    (found,) = contests(fits(records, [BATCH]), RIVALS)
    assert found.ours.law.exponent > found.peer.law.exponent + EQUAL
    assert found.verdict == "alike"


def test_a_smaller_tolerance_is_more_work(cell):
    """There the steeper one has the smaller exponent, and both were asked for most at the smallest."""
    records = [
        cell(backend=backend, metrics={"vjps": factor * rtol**-p}, rtol=rtol, atol=rtol)
        for backend, p, factor in (("torch/a/adjoint", 0.28, 1), ("torchode/a/b", 0.2, 2), ("torchdiffeq/a/b", 0.5, 1))
        for rtol in (1e-3, 1e-5, 1e-7, 1e-9)
    ]
    (found,) = contests(fits(records, [BATCH | {"x": "rtol", "y": "vjps"}]), RIVALS)
    assert found.peer.backend == "torchode/a/b"
    assert (found.ratio, found.verdict) == (pytest.approx(1e-9**-0.08 / 2), "steeper")


def test_only_one_problem_is_compared(swept):
    """Another device, type or option is another problem; what a solver is given is not: jax.experimental.ode takes no
    first step."""
    mine = swept("torch/dopri5/adjoint", lambda x: 1 + x, solve={"first_step": 0.1})
    for other in ({"device": "cuda"}, {"dtype": "float32"}, {"task": "u"}, {"rtol": 1e-6}):
        theirs = swept("torchode/dopri5/adjoint", lambda x: 1 + x, **other)
        assert contests(fits(mine + theirs, [BATCH]), RIVALS) == []
    theirs = swept("torchode/dopri5/adjoint", lambda x: 1 + x, seed=1)
    assert len(contests(fits(mine + theirs, [BATCH]), RIVALS)) == 1
    assert contests(fits(mine + theirs, [BATCH]), []) == []


@given(st.floats(3, 4000), st.floats(0.1, 2.0))
@settings(max_examples=50, deadline=None)
def test_where_a_gpu_begins_to_pay(swept_once, size, exponent):
    """A time that is a power law, against one that is constant: they cross where they are said to."""
    records = swept_once("torch/dopri5/adjoint", lambda x: x**exponent)
    records += swept_once("torch/dopri5/adjoint", lambda x: size**exponent, "cuda")
    (found,) = crossovers(fits(records, [BATCH | {"law": "power"}]))
    assert found.device == "cuda"
    if size < 4:
        assert (found.at, found.low, found.high, found.words) == (0, 0, 4, "below 4")
    else:
        assert found.at == pytest.approx(size)
        assert found.low <= size * (1 + 1e-9)
        assert found.high >= size * (1 - 1e-9)
        assert found.words == f"{found.at:.3g}"


@pytest.fixture(scope="session")
def swept_once(cell):
    def make(backend, cost, device="cpu"):
        return [
            cell(backend=backend, metrics={"forward_backward_s": cost(x)}, device=device, options={"batch": x})
            for x in XS
        ]

    return make


def test_a_gpu_that_never_pays(swept):
    """Is beyond the largest batch that both were given."""
    records = swept("torch/dopri5/adjoint", lambda x: 1 + x)
    records += swept("torch/dopri5/adjoint", lambda x: 9 + 2 * x, "cuda:0", xs=(4, 16, 64, 512))
    (found,) = crossovers(fits(records, [BATCH]))
    assert (found.at, found.low, found.words) == (math.inf, 512, "above 512")


def test_the_last_crossing_counts(swept):
    """A time that happens to be low at a small batch is not where the GPU begins to pay."""
    records = swept("torch/dopri5/adjoint", lambda x: x)
    records += swept("torch/dopri5/adjoint", lambda x: {4: 3, 64: 100}.get(x, x / 2), "cuda")
    (found,) = crossovers(fits(records, [BATCH]))
    assert (found.low, found.high) == (64, 512)


def test_no_figure_without_data(swept, cell):
    """One device, two backends, another unit, or a batch that they do not share: no crossover."""
    cpu = swept("torch/dopri5/adjoint", lambda x: 1 + x)
    assert crossovers(fits(cpu, [BATCH])) == []
    other = swept("torch/dopri5/backprop", lambda x: 9 + x / 9, "cuda")
    assert crossovers(fits(cpu + other, [BATCH])) == []
    apart = swept("torch/dopri5/adjoint", lambda x: 9 + x / 9, "cuda", xs=(5, 65, 513, 1025))
    assert crossovers(fits(cpu + apart, [BATCH])) == []
    for one in (bytes_of := cpu + swept("torch/dopri5/adjoint", lambda x: 9 + x / 9, "cuda")):
        one.metrics["memory_bytes"] = one.metrics["forward_backward_s"]
    assert crossovers(fits(bytes_of, [BATCH | {"y": "memory_bytes"}])) == []
