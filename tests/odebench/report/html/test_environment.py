"""Where runs were made, as a table."""

from odebench.report.document import Document
from odebench.report.html.environment import facts


def as_dict(found):
    return {fact.title: list(fact.values) for fact in found}


def test_what_a_run_says(record, make_run):
    """In words; the versions of the frameworks and libraries of its records apart from all the packages."""
    environment = {
        "cpu": "a processor", "cores": 2, "memory_bytes": 25e9, "git": {"commit": "abc", "dirty": True}, "load": [0.5],
        "flags": {"OMP_NUM_THREADS": "1"}, "frameworks": {"torch": {"threads": 2, "omp": ""}},
        "packages": {"torch": "2.13", "numpy": "2.4", "click": "8"},
    }  # fmt: skip
    found = facts(Document([make_run([record(0)], environment=environment)]))
    assert as_dict(found.general) == {
        "processor": ["a processor"], "cores": ["2"], "memory": ["25.0 GB"], "load at the start": ["0.5"],
        "commit of the suite": ["abc, with changes"], "OMP_NUM_THREADS": ["1"], "torch": ["threads 2"],
    }  # fmt: skip
    assert as_dict(found.versions) == {"torch": ["2.13"], "numpy": ["2.4"]}
    assert len(found.packages) == 3


def test_two_runs_beside_each_other(record, make_run):
    """What differs is known; what one does not say is empty."""
    runs = [make_run([record(0)], name, {"cpu": name, "python": "3.11"}) for name in ("a", "b")]
    found = facts(Document(runs)).general
    assert [(fact.title, fact.differs) for fact in found] == [("processor", True), ("Python", False)]


def test_what_is_of_another_kind_than_it_should_be(record, make_run):
    """Is shown as it is: another version of odebench may have written it."""
    strange = {
        "cpu": ["x", {"y": 1}],
        "packages": "none",
        "frameworks": 3,
        "flags": None,
        "git": "abc",
        "new": {"a": 1},
    }
    found = facts(Document([make_run([record(0)], environment=strange)]))
    assert as_dict(found.general) == {"processor": ["x, y 1"], "commit of the suite": ["abc"], "new": ["a 1"]}
    assert found.packages == []
    assert facts(Document([make_run([record(0)], "list", environment=["a"])])) == ([], [], [])
