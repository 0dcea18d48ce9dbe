"""A claim: ``suites/<suite>/claims/<slug>.toml``, validated."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from odebench.claims.checklist import unknown_item
from odebench.claims.rule import Rule, parse_rule
from odebench.errors import UserError, choices
from odebench.suite import read_suite
from odebench.toml import read_toml

Statistic = Literal["value", "last", "ratio", "slope", "exponent", "linear", "r2", "spearman", "rise", "fall", "growth"]
WITHOUT_X = ("value",)
KEYS = (
    "suite", "task", "backend", "framework", "library", "solver", "gradient", "device", "dtype", "rtol", "atol",
    "num_steps", "seed", "row",
)  # fmt: skip
"""What tells records apart, beside ``option_…`` and ``solve_…``."""

Scalar = str | bool | int | float | Rule
Text = Annotated[str, Field(min_length=1)]


def _rule(value: Any) -> Rule:
    if not isinstance(value, str):
        raise ValueError('write a rule, as "< 1"')
    return parse_rule(value)


def _wanted(value: Any) -> Any:
    """Globs and other values as they are, rules of a number parsed."""
    if isinstance(value, list):
        return [_wanted(part) for part in value]
    if not isinstance(value, str):
        return value
    try:
        return parse_rule(value)
    except ValueError:
        return value


Wanted = Annotated[Scalar | list[Scalar], BeforeValidator(_wanted)]
Ruled = Annotated[Rule, BeforeValidator(_rule)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Check(_Table):
    """One thing that must be so.

    :param says: what the statistic is, in words.
    :param statistic: of the points (x, y), see :mod:`odebench.claims.statistics`.
    :param y: a metric of the record; where it has none of that name, of the last point of its training curve. Or a
        quotient of two, ``nfe_backward / nfe_forward``.
    :param x: a metric, a configuration key, ``option_…``, ``solve_…``; or ``step``, with which the points are those of
        the training curve.
    :param where: the records that are meant: globs, rules or values by configuration key.
    :param against: the rivals, likewise; the statistic is held against theirs.
    :param compare: by what.
    :param pair: what a record and its rival share, beside the seed.
    :param per: a verdict for each combination of these.
    :param require: rules on metrics; what breaks one is left out: of ``reconstruction_error``, as not integrated.
    :param rule: what the statistic must be.
    :param random: whether the seed changes it, so that three are needed: yes, unless it is said not to.
    """

    says: Text
    statistic: Statistic
    y: Text
    x: Text | None = None
    where: dict[str, Wanted]
    against: dict[str, Wanted] | None = None
    compare: Literal["ratio", "difference"] = "ratio"
    pair: list[str] = ["backend"]
    per: list[str] = ["backend"]
    require: dict[str, Ruled] = {}
    rule: Ruled
    random: bool = True

    @field_validator("where", "against", "pair", "per")
    @classmethod
    def _known_keys(cls, keys: Any) -> Any:
        for key in keys or ():
            if key not in KEYS and not key.startswith(("option_", "solve_")):
                raise ValueError(f"unknown key {key!r}; {choices(key, KEYS)}, option_…, solve_…")
        return keys

    @model_validator(mode="after")
    def _has_x(self) -> Self:
        if self.x is None and self.statistic not in WITHOUT_X:
            raise ValueError(f"statistic {self.statistic!r} needs an x")
        if self.statistic == "exponent" and self.against is not None and self.compare == "ratio":
            raise ValueError("exponents are compared by their difference")
        return self


class Claim(_Table):
    """A statement of the literature and what decides it: all of its checks must hold.

    :param number: in the table of the original paper's claims; None for others.
    :param source: paper and place.
    :param documents: items of the checklist that it tests, as ``number: item``.
    :param later: what was found since.
    :param preset: of the suite, makes the records.
    """

    number: int | None = None
    statement: Text
    source: Text
    documents: list[str] = []
    later: str = ""
    preset: str
    check: Annotated[list[Check], Field(min_length=1)]


@dataclass(frozen=True)
class Filed:
    """A claim, and the suite and file that it is in."""

    suite: str
    slug: str
    claim: Claim

    @property
    def name(self) -> str:
        return f"{self.suite}/{self.slug}"

    @property
    def command(self) -> str:
        """What makes its records."""
        return f"odebench run suites/{self.suite} --preset {self.claim.preset}"


def read_claim(file: Path) -> Filed:
    """:raises UserError: naming the file, the key and the valid choices."""
    claim = read_toml(file, Claim)
    presets = read_suite(file.parents[1]).presets
    if claim.preset not in presets:
        raise UserError(f"{file}: unknown preset {claim.preset!r}; {choices(claim.preset, presets)}")
    for item in claim.documents:
        if problem := unknown_item(item):
            raise UserError(f"{file}: documents: {problem}")
    return Filed(file.parents[1].name, file.stem, claim)


def read_claims(suites: Path = Path("suites")) -> tuple[list[Filed], list[str]]:
    """The claims of every suite, those of the paper's table first and by number; and what is wrong with the rest."""
    found: list[Filed] = []
    wrong = []
    for file in sorted(suites.glob("*/claims/*.toml")):
        try:
            found.append(read_claim(file))
        except UserError as error:
            wrong.append(str(error))
    return sorted(found, key=lambda f: (f.claim.number is None, f.claim.number or 0, f.name)), wrong
