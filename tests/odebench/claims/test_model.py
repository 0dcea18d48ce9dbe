"""Claim files: what is wrong with one is named, with the file, the key and the valid choices."""

import pytest

from odebench.claims.model import read_claim, read_claims
from odebench.claims.statistics import STATISTICS
from odebench.errors import UserError


def test_defaults(suites):
    """A claim says no more than it must."""
    filed = read_claim(suites())
    (check,) = filed.claim.check
    assert (filed.name, filed.command) == ("made/one", "odebench run suites/made --preset quick")
    assert (filed.claim.number, filed.claim.documents, filed.claim.later) == (None, [], "")
    assert (check.per, check.pair, check.compare, check.random) == (["backend"], ["backend"], "ratio", False)


def test_every_statistic_is_there(suites):
    """Those that may be written are those that are calculated."""
    for name in STATISTICS:
        assert read_claim(suites(**{'"value"': f'"{name}"\nx = "rtol"'})).claim.check[0].statistic == name
    with pytest.raises(UserError, match=r"check\.0\.statistic: unknown value 'mean'"):
        read_claim(suites(value="mean"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("statement =", "statment =", "unknown key 'statment'; did you mean 'statement'? valid: check, documents"),
        ("says =", "say =", "unknown key 'check.0.say'; did you mean 'says'? valid: against, compare"),
        ('"< 1"', '"= 1"', "check.0.rule: value error, no rule: '= 1'; write \"< v\""),
        ('"< 1"', "1", "check.0.rule: value error, write a rule"),
        ('"value"', '"slope"', "check.0: value error, statistic 'slope' needs an x"),
        ('"value"', '"exponent"\nx = "rtol"\nagainst = { task = "a" }', "exponents are compared by their difference"),
        ("task =", "tusk =", "unknown key 'tusk'; did you mean 'task'? valid: atol, backend"),
        ('"quick"', '"quik"', "unknown preset 'quik'; did you mean 'quick'? valid: quick, slow"),
        ("source =", 'documents = ["002: Euler tabel"]\nsource =', "did you mean '002: Euler table'?"),
        ('y = "loss"', 'y = "loss"\nrequire = { error = 1 }', "check.0.require.error: value error, write a rule"),
        ('source = "Nobody 2020, p. 1"', "", "missing key 'source'"),
        ("[[check]]", "[[check", "not valid TOML"),
        ("[[check]]", "[[checks]]", "missing key 'check'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(suites, old, new, message):
    """On a line that begins with the file."""
    file = suites(**{old: new})
    with pytest.raises(UserError) as raised:
        read_claim(file)
    assert str(raised.value).startswith(str(file))
    assert message in str(raised.value)


def test_all_of_a_folder(suites):
    """Those of the table come first, in its order; a bad one is reported and does not hide the others."""
    suites("b")
    suites("ten", statement="number = 10\nstatement")
    suites("two", statement="number = 2\nstatement")
    bad = suites("bad", value="mean")
    filed, wrong = read_claims(suites.folder)
    assert [one.name for one in filed] == ["made/two", "made/ten", "made/b"]
    assert len(wrong) == 1
    assert wrong[0].startswith(str(bad))
