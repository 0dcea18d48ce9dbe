"""NFE: what the solver says of itself, against what the harness counts."""

from __future__ import annotations

from odebench.check.outcome import NotApplicable, Outcome, equal
from odebench.check.problems import VECTOR
from odebench.check.subject import Subject


def nfe(subject: Subject) -> Outcome:
    """What it claims, against the count; a solver that claims none has nothing to be held to."""
    counts, stats = subject.counted(VECTOR)
    if int(stats.nfe) <= 0:
        raise NotApplicable(f"claims no NFE; {counts.f} were counted")
    return equal(int(stats.nfe), counts.f)
