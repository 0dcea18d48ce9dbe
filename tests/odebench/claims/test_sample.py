"""Which records a check means, how they are paired and grouped, and what is left out."""

import math

import pytest

from odebench.claims.sample import matches, samples


def seeds(check, records):
    return {name: sample.seeds for name, sample in samples(check, records).items()}


@pytest.mark.parametrize(
    ("where", "meant"),
    [
        ({"backend": "toy/*/numeric", "row": "row"}, True),
        ({"backend": "toy/rk4/*"}, False),
        ({"rtol": 1e-3, "option_points": 30}, True),
        ({"rtol": "<= 1e-3"}, True),
        ({"rtol": "< 1e-3"}, False),
        ({"rtol": "1e-6 .. 1e-2"}, True),
        ({"num_steps": "> 1"}, False),
        ({"option_points": [10, 30]}, True),
        ({"option_points": "3*"}, True),
        ({"option_points": [10, 50]}, False),
        ({"option_flag": True, "solve_max_steps": 99}, True),
        ({"option_flag": 1}, False),
        ({"option_absent": "*"}, False),
        ({"seed": 0}, True),
    ],
)
def test_where(record, check, where, meant):
    """Globs, rules, lists and values, of the configuration, the options and the row."""
    one = record({"loss": 1.0}, options={"points": 30, "flag": True}, solve={"max_steps": 99})
    assert matches(one, check(where=where).where) is meant


def test_groups_and_seeds(record, check):
    """A number a seed for each of the groups, the mean of what there is several of."""
    records = [record({"loss": 10.0 * seed + n}, seed=seed, options={"points": n}) for seed in (0, 1) for n in (1, 3)]
    assert seeds(check(), records) == {"toy/dopri5/numeric": {0: 2.0, 1: 12.0}}
    found = seeds(check(per=["framework", "option_points"]), records)
    assert found == {"toy points=1": {0: 1.0, 1: 11.0}, "toy points=3": {0: 3.0, 1: 13.0}}
    assert seeds(check(per=[]), records) == {"all": {0: 2.0, 1: 12.0}}


def test_devices_are_not_mixed(record, check):
    """Each is a group, and is held against its like."""
    records = [
        record({"loss": loss}, device=device, gradient=gradient)
        for device, gradient, loss in (("cpu", "a", 6.0), ("cpu", "b", 2.0), ("cuda", "a", 5.0), ("cuda", "b", 1.0))
    ]
    given = check(where={"gradient": "a"}, against={"gradient": "b"}, pair=["framework"])
    assert seeds(given, records) == {"toy/dopri5/numeric": {0: 3.0}, "toy/dopri5/numeric device=cuda": {0: 5.0}}
    assert dict(samples(given, records[:3])["toy/dopri5/numeric device=cuda"].left_out) == {"no rival": 1}


def test_x_may_be_anything(record, check):
    """Configuration, option, metric."""
    records = [
        record({"loss": 2.0 * n, "nfe": 4.0 * n}, rtol=1.0 * n, options={"points": n}, num_steps=n) for n in (1, 2, 3)
    ]
    for x, expected in (("rtol", 2.0), ("option_points", 2.0), ("nfe", 0.5), ("num_steps", 2.0)):
        assert seeds(check(statistic="linear", x=x), records)["toy/dopri5/numeric"] == {0: pytest.approx(expected)}


def test_the_curve(record, check):
    """With x = step the points are those of the training; a metric that only the curve has is that of its end."""
    curve = [{"step": 1, "nfe": 10, "loss": 9.0}, {"step": 50, "nfe": 30, "loss": 3.0}]
    records = [record({"loss": 1.0}, curve=curve)]
    assert seeds(check(statistic="growth", x="step", y="nfe"), records) == {"toy/dopri5/numeric": {0: 3.0}}
    assert seeds(check(statistic="last", x="step"), records) == {"toy/dopri5/numeric": {0: 3.0}}
    assert seeds(check(y="nfe"), records) == {"toy/dopri5/numeric": {0: 30.0}}
    assert seeds(check(y="loss"), records) == {"toy/dopri5/numeric": {0: 1.0}}


def test_quotients(record, check):
    """One metric over another, of the record or of each point of its curve; nothing where that is 0."""
    curve = [{"step": 1, "back": 10, "nfe": 20}, {"step": 2, "back": 30, "nfe": 40}, {"step": 3, "back": 30, "nfe": 0}]
    records = [record({"loss": 3.0, "nfe": 4.0}, curve=curve)]
    assert seeds(check(y="loss / nfe"), records) == {"toy/dopri5/numeric": {0: 0.75}}
    assert seeds(check(y="back / nfe", x="step"), records) == {"toy/dopri5/numeric": {0: 0.625}}
    assert seeds(check(y="loss / absent"), records) == {}


def test_rivals(record, check):
    """The statistic over the rival's or less it, of the same seed and framework."""
    records = [record({"loss": 6.0 + seed}, seed=seed) for seed in (0, 1, 2)]
    records += [record({"loss": 2.0 + seed}, seed=seed, backend="toy", solver="") for seed in (0, 1)]
    given = {"where": {"solver": "dopri5"}, "against": {"backend": "toy"}, "pair": ["framework"]}
    found = samples(check(**given), records)["toy/dopri5/numeric"]
    assert found.seeds == {0: 3.0, 1: pytest.approx(7 / 3)}
    assert dict(found.left_out) == {"no rival": 1}
    assert seeds(check(compare="difference", **given), records)["toy/dopri5/numeric"] == {0: 4.0, 1: 4.0}


def test_pairs_are_compared_one_by_one(record, check):
    """The mean of the quotients, not the quotient of the means; what has no rival is left out, and said to be."""
    records = [record({"loss": loss}, rtol=rtol, gradient="a") for rtol, loss in ((1e-2, 2.0), (1e-4, 30.0))]
    records += [record({"loss": loss}, rtol=rtol, gradient="b") for rtol, loss in ((1e-2, 1.0), (1e-4, 10.0))]
    given = {"where": {"gradient": "a"}, "against": {"gradient": "b"}, "per": ["framework"]}
    assert seeds(check(pair=["library", "rtol"], **given), records) == {"toy": {0: 2.5}}
    assert seeds(check(pair=["library"], **given), records) == {"toy": {0: pytest.approx(16 / 5.5)}}
    lonely = record({"loss": 99.0}, rtol=1e-6, gradient="a")
    found = samples(check(pair=["library", "rtol"], **given), [*records, lonely])["toy"]
    assert (found.seeds, dict(found.left_out)) == ({0: 2.5}, {"no rival": 1})


def test_what_breaks_another_rule_is_left_out(record, check):
    """And no more is said of it than that."""
    records = [record({"loss": 9.0, "kl": 0.5}), record({"loss": 9.0}, rtol=1e-2)]
    found = samples(check(require={"kl": "< 0.1"}), records)["toy/dopri5/numeric"]
    assert (found.seeds, dict(found.left_out)) == ({}, {"left out: kl is not < 0.1": 1, "left out: no kl": 1})


def test_what_is_left_out_is_said(record, check):
    """Cells that failed, fields that were not integrated, NaN; records of other passes are not meant at all."""
    records = [
        record({"loss": 1.0, "reconstruction_error": 0.01}),
        record({"loss": 9.0, "reconstruction_error": 0.5}, rtol=1e-1),
        record({"loss": 9.0}, rtol=1e-2),
        record({"loss": math.nan, "reconstruction_error": 0.01}, rtol=1e-4),
        record(status="diverged", rtol=1.0),
        record(status="timeout", rtol=1e-9),
        record({"nfe": 9}, rtol=1e-5),
    ]
    found = samples(check(require={"reconstruction_error": "< 0.1"}), records)["toy/dopri5/numeric"]
    assert found.seeds == {0: 1.0}
    assert dict(found.left_out) == {
        "not integrated: reconstruction_error is not < 0.1": 1,
        "not known to be integrated: no reconstruction_error": 1,
        "loss is NaN": 1,
        "diverged": 1,
        "timeout": 1,
    }


def test_points_of_a_curve_are_left_out_one_by_one(record, check):
    """By the reconstruction error at that step; by the record's where the curve has none."""
    curve = [{"step": 1, "nfe": 10, "error": 0.0}, {"step": 2, "nfe": 20, "error": 0.9}, {"step": 3, "nfe": 30}]
    given = {"statistic": "last", "x": "step", "y": "nfe", "require": {"error": "< 0.1"}}
    assert samples(check(**given), [record({"error": 0.05}, curve=curve)])["toy/dopri5/numeric"].seeds == {0: 30.0}
    assert samples(check(**given), [record({"error": 0.5}, curve=curve)])["toy/dopri5/numeric"].seeds == {0: 10.0}


def test_undefined(record, check):
    """One tolerance has no slope, and nothing is over nothing, or over what is below it."""
    found = samples(check(statistic="slope", x="rtol"), [record({"loss": 1.0})])["toy/dopri5/numeric"]
    assert (found.seeds, dict(found.left_out)) == ({}, {"undefined slope": 1})
    for theirs in (0.0, -0.5):
        records = [record({"loss": 1.0}, gradient="a"), record({"loss": theirs}, gradient="b")]
        found = samples(check(where={"gradient": "a"}, against={"gradient": "b"}), records)["toy/dopri5/numeric"]
        assert dict(found.left_out) == {"undefined value": 1}


def test_other_records_are_no_group(record, check):
    """Neither those that are not meant, nor those of another pass."""
    assert samples(check(where={"task": "other/*"}), [record({"loss": 1.0})]) == {}
    assert samples(check(), [record({"nfe": 1.0})]) == {}


def test_an_exponent_has_an_interval_of_its_own(record, check):
    """Of what fits exactly it is nothing, of what does not as wide as Student's t has it; of two it is that of their
    difference."""

    def along(gradient, costs):
        sizes = (4, 16, 64, 256, 1024)
        return [record({"loss": y}, gradient=gradient, options={"n": n}) for n, y in zip(sizes, costs, strict=True)]

    exact = along("a", [10 + n for n in (4, 16, 64, 256, 1024)])
    rough = along("b", [14, 25, 80, 240, 1100])
    given = {"statistic": "exponent", "x": "option_n", "per": ["gradient"]}
    one, other = samples(check(**given), [*exact, *rough]).values()
    assert (one.seeds[0], one.margin) == (pytest.approx(1), pytest.approx(0, abs=1e-4))
    assert (other.seeds[0], 0.05 < other.margin < 1) == (pytest.approx(1, abs=0.1), True)
    held = check(where={"gradient": "a"}, against={"gradient": "b"}, pair=["framework"], compare="difference", **given)
    (found,) = samples(held, [*exact, *rough]).values()
    assert found.seeds[0] == pytest.approx(one.seeds[0] - other.seeds[0])
    assert found.margin == pytest.approx(math.hypot(one.margin, other.margin))
