"""The documents' items, and where they run."""

import pytest

from odebench.claims.checklist import documents, unknown_item
from odebench.claims.coverage import table
from odebench.errors import UserError


def test_the_checklist():
    """Five documents, no item twice, none with what would break a table."""
    assert [document.number for document in documents()] == ["000", "001", "002", "003", "004"]
    cited = [item for document in documents() for item in document.cited]
    assert len(cited) == len(set(cited)) == 88
    assert not any("|" in item or "\n" in item for item in cited)


@pytest.mark.parametrize(
    ("cited", "nearest"),
    [
        ("002: Euler tabel", "002: Euler table"),
        ("Euler table", "002: Euler table"),
        ("003: pendulums", "003: pendulum"),
    ],
)
def test_unknown_items(cited, nearest):
    """Are told with the nearest that there is."""
    assert unknown_item(cited).endswith(f"did you mean {nearest!r}?")
    assert unknown_item(nearest) == ""


def test_table(suites):
    """An item is run by claims and by suites, each with its command; what nothing runs is listed as such."""
    suites(source='documents = ["003: pendulum", "002: integration by parts mistyped"]\nsource')
    suite = suites.folder / "made" / "suite.toml"
    suite.write_text('covers = ["003: pendulum", "000: RK4"]\n' + suite.read_text())
    text = table(suites.folder)
    commands = "`odebench run suites/made --preset quick`<br>`odebench run suites/made`"
    assert f"| pendulum | claim made/one, suite made | {commands} |" in text
    assert "| RK4 | suite made | `odebench run suites/made` |" in text
    assert "| Algorithm 1 | nowhere |  |" in text
    assert "2 of 88 items run. Nothing runs:" in text
    assert "* 003: Algorithm 1\n" in text
    assert "Errata: NeurIPS 2018, not 2019; integration by parts mistyped (claim made/one); CNF" in text


def test_what_is_no_item(suites):
    """Is an error that names the file."""
    suite = suites.folder / "made" / "suite.toml"
    suite.write_text('covers = ["003: pendulun"]\n' + suite.read_text())
    with pytest.raises(UserError) as raised:
        table(suites.folder)
    assert str(raised.value) == f"{suite}: covers: unknown item '003: pendulun'; did you mean '003: pendulum'?"
    file = suites(value="mean")
    with pytest.raises(UserError, match=str(file)):
        table(suites.folder)
