"""``suite.toml``: what a suite measures, validated."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PositiveFloat,
    PositiveInt,
    field_validator,
)

from odebench.errors import UserError, choices
from odebench.toml import read_toml

Pass = Literal[
    "timing",
    "counting",
    "accuracy",
    "difference",
    "reconstruction",
    "memory",
    "peak",
    "overhead",
    "profile",
    "evaluation",
    "training",
]
DType = Literal["bfloat16", "float32", "float64"]
MAX_SECONDS = 2e6  # what waiting for a pipe can be told: a 32-bit count of milliseconds
NonEmpty = Annotated[list[str], Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Tolerance(_Table):
    """``rtol`` and ``atol`` of the forward and, unless a backend says otherwise, of the backward solve."""

    rtol: PositiveFloat
    atol: PositiveFloat


_OWN_KEYS = {"rtol": "tolerances", "atol": "tolerances", "num_steps": "equal_steps"}
"""What a record says of a cell outside of ``solve``, so that nothing in there can contradict it."""


class Matrix(_Table):
    """A block of cells: the product of its lists.

    :param tasks: names or globs of registered tasks.
    :param tolerances: for adaptive solvers, each a cell.
    :param dtypes: of the state and the parameters; a cell each.
    :param backends: names or globs, ``library/solver/gradient``; the bare framework for tasks without an ODE.
    :param num_steps: equal steps between the first and the last time, for solvers that are not adaptive; of tolerances
        they get the first.
    :param equal_steps: numbers of equal steps for every solver, adaptive or not, in place of tolerances.
    :param options: of the tasks, beside the preset's. A list is a further dimension of the matrix.
    :param seeds: in place of the preset's.
    :param presets: those that the block is part of; all when left out.
    :param measure: the passes made of these cells; the preset's when left out, and never others than those.
    :param solve: options of the backends, as ``first_step``, ``max_steps`` or a gradient method's own; a list likewise.
        Not those that the matrix has itself.
    """

    tasks: NonEmpty
    backends: NonEmpty
    tolerances: Annotated[list[Tolerance], Field(min_length=1)] = [Tolerance(rtol=1e-6, atol=1e-6)]
    dtypes: Annotated[list[DType], Field(min_length=1)] = ["float32"]
    num_steps: PositiveInt = 8
    equal_steps: list[PositiveInt] = []
    seeds: Annotated[list[int], Field(min_length=1)] | None = None
    presets: list[str] | None = None
    measure: list[Pass] | None = None
    options: dict[str, JsonValue] = {}
    solve: dict[str, JsonValue] = {}

    @field_validator("options", "solve")
    @classmethod
    def _no_empty_sweep(cls, options: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for name, value in options.items():
            if value == []:
                raise ValueError(f"{name} has no value")
        return options

    @field_validator("solve")
    @classmethod
    def _said_elsewhere(cls, solve: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for name, key in _OWN_KEYS.items():
            if name in solve:
                raise ValueError(f"{name} is said by {key}")
        return solve


class Reference(_Table):
    """How the float64 truth is made: by two backends that must agree, far more tightly than any cell.

    :param task: a glob; the first entry that fits a task is taken.
    :param backends: the first two that are installed are taken; so list them with the most unlike ones first.
        Bare frameworks for tasks without an ODE.
    """

    task: str
    backends: Annotated[list[str], Field(min_length=2)]
    tolerance: Tolerance = Tolerance(rtol=1e-9, atol=1e-9)


class Row(_Table):
    """A name that tables show for the cells whose task and backend match two globs."""

    name: str
    task: str
    backend: str = "*"


class Fit(_Table):
    """A law to be fitted through the cells that differ in one thing, a fit a backend.

    :param x: a configuration key (``num_steps``), an option (``option_hidden``, ``solve_checkpoints``) or a metric; of
        several, each by itself.
    :param y: a metric; of several, each by itself.
    :param task: a glob.
    :param law: ``power`` is y ∝ x^p, ``offset`` the same beside a constant: what a call costs in any case.
    """

    x: str | NonEmpty
    y: str | NonEmpty
    task: str = "*"
    law: Literal["power", "offset"] = "power"


class Rivals(_Table):
    """Backends whose fits are shown beside those of the best peer: the one whose figures grow least.

    :param ours: globs; each that matches is held against the peers.
    :param peers: globs.
    """

    ours: NonEmpty
    peers: NonEmpty


class Preset(_Table):
    """How much to do.

    :param measure: the passes, each made apart from the others.
    :param backends: globs; of the suite's backends only those that match one take part.
    :param tasks: globs, likewise.
    :param tightest: cells with a smaller rtol are left out.
    :param options: passed on to the tasks.
    :param seeds: of parameters, data and draws; a cell each.
    :param options_for: the same for the tasks that match a glob: ``{"mnist/*" = {steps = 100}}``.
    :param time_limit: seconds after which a cell's process is killed, at most MAX_SECONDS.
    :param time_budget: seconds of timing samples a cell may take.
    :param min_samples: timing samples a cell takes at least.
    :param max_samples: timing samples a cell takes at most.
    :param precision: half-width of the median's 95 % interval, relative to it, at which sampling stops.
    :param checkpoint_every: training steps between checkpoints.
    :param count_every: training steps between counts of the NFE, which join the curve.
    """

    measure: list[Pass] = [p for p in get_args(Pass) if p not in ("profile", "evaluation")]
    backends: NonEmpty = ["*"]
    tasks: NonEmpty = ["*"]
    tightest: float = 0.0
    options: dict[str, JsonValue] = {}
    options_for: dict[str, dict[str, JsonValue]] = {}
    seeds: Annotated[list[int], Field(min_length=1)] = [0]
    time_limit: Annotated[float, Field(gt=0, le=MAX_SECONDS)] = 600.0
    time_budget: PositiveFloat = 10.0
    min_samples: PositiveInt = 5
    max_samples: PositiveInt = 200
    precision: PositiveFloat = 0.02
    checkpoint_every: PositiveInt = 500
    count_every: PositiveInt | None = None


class Suite(_Table):
    """A suite folder's ``suite.toml``.

    :param title: one line on what it is about.
    :param default_preset: the preset that is run when none is named.
    :param matrix: blocks of cells.
    :param presets: name → how much to do.
    :param reference: how the truth is made where a task does not know it; the first that fits a task is taken.
    :param rows: names that tables show; the first that fits a cell is taken.
    :param fits: laws of growth that are shown below the table and in the report.
    :param rivals: whose fits are compared with whose.
    :param uses: folders of suites, relative to this one, whose tasks it measures, too.
    :param columns: the metrics that its table shows, where not the usual ones.
    :param covers: items of the documents that the project started from (``odebench/claims/checklist.toml``) that it
        runs, as ``number: item``, beside those that its claims cite.
    """

    title: str
    uses: list[str] = []
    default_preset: str
    matrix: Annotated[list[Matrix], Field(min_length=1)]
    presets: dict[str, Preset]
    reference: list[Reference] = []
    rows: list[Row] = []
    columns: list[str] = []
    covers: list[str] = []
    fits: list[Fit] = []
    rivals: list[Rivals] = []

    def blocks(self, preset: Preset) -> list[Matrix]:
        """The blocks of the matrix that a preset of this suite is made of."""
        name = next((name for name, known in self.presets.items() if known is preset), "")
        return [matrix for matrix in self.matrix if matrix.presets is None or name in matrix.presets]

    def preset(self, name: str | None) -> Preset:
        name = name or self.default_preset
        if name not in self.presets:
            raise UserError(f"unknown preset {name!r}; {choices(name, self.presets)}")
        return self.presets[name]


def is_suite(folder: Path) -> bool:
    return (folder / "suite.toml").is_file()


def plugin_folders(folder: Path) -> list[Path]:
    """The folders whose tasks a suite measures: those that it uses, and its own.

    :raises UserError: for one that is no suite.
    """
    used = [(folder / name).resolve() for name in read_suite(folder).uses]
    for other in used:
        if not is_suite(other):
            raise UserError(f"{folder / 'suite.toml'}: uses: {other} is no suite")
    return [*used, folder]


def find_suite(reference: str) -> Path:
    """The folder of a suite given as a path, or by name among the suites below the current folder.

    :raises UserError: naming the suites that there are.
    """
    named = Path("suites") / reference
    for folder in (Path(reference), named):
        if is_suite(folder):
            return folder
    if Path(reference).is_dir():
        raise UserError(f"{reference} has no suite.toml, so it is no suite")
    found = [str(path.parent) for path in sorted(Path("suites").glob("*/suite.toml"))]
    raise UserError(f"there is no suite {reference!r}; {choices(reference, found)}")


def read_suite(folder: Path) -> Suite:
    """:raises UserError: naming the file, the key and the valid choices."""
    file = folder / "suite.toml"
    suite = read_toml(file, Suite)
    if suite.default_preset not in suite.presets:
        name = suite.default_preset
        raise UserError(f"{file}: unknown default_preset {name!r}; {choices(name, suite.presets)}")
    return suite
