"""What a picture shows, whoever draws it: matplotlib for a file, the page for a reader."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Point:
    """:param about: the configuration of its cell, ``name → value`` in words, and the figures at the point. Points of
    one cell, be they of several charts, share one table, but for those of a curve.
    """

    x: float
    y: float
    about: dict[str, str]


@dataclass(frozen=True)
class Line:
    """One backend's points, in the order of x.

    :param name: the backend, with what tells it from others of the same backend; lines that differ in the seed alone
        have the same name.
    """

    backend: str
    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Guide:
    """The law ``y = constant + factor · x^exponent`` of a backend or of the reader's.

    :param label: what it says, such as ``2.0e3 bytes a step``.
    :param backend: whose it is; empty where it is nobody's.
    :param span: the x between which it is drawn; all of the panel's when None.
    :param name: of the line that it is fitted to; empty where there is none.
    """

    label: str
    factor: float
    exponent: float
    backend: str = ""
    span: tuple[float, float] | None = None
    name: str = ""
    constant: float = 0.0


@dataclass(frozen=True)
class Panel:
    """What is to be seen of one task.

    :param title: the task.
    """

    title: str
    lines: Sequence[Line]
    guides: Sequence[Guide] = ()


@dataclass(frozen=True)
class Chart:
    """One figure against another, a panel a task.

    :param name: what ``odebench plot --kind`` calls it.
    :param x: the title of the axis, its unit included; ``y`` likewise.
    :param log_x: whether the axis is logarithmic; then every x is positive.
    :param joined: whether the points of a line are joined.
    """

    name: str
    title: str
    x: str
    y: str
    panels: Sequence[Panel]
    log_x: bool = True
    log_y: bool = True
    joined: bool = True


@dataclass(frozen=True)
class Part:
    """A part of a bar, with the interval of its value where one is known (else NaN)."""

    name: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Bar:
    """:param parts: stacked in this order."""

    backend: str
    name: str
    parts: Sequence[Part]
    about: dict[str, str]


@dataclass(frozen=True)
class BarPanel:
    """:param title: the task."""

    title: str
    bars: Sequence[Bar]


@dataclass(frozen=True)
class BarChart:
    """Bars from 0, a panel a task.

    :param value: the title of the axis, its unit included.
    :param limit: where a line marks what cannot be beaten; None where there is no such thing.
    :param by_part: whether it is the parts that have colours of their own, not the backends.
    """

    name: str
    title: str
    value: str
    panels: Sequence[BarPanel]
    limit: float | None = None
    by_part: bool = False
