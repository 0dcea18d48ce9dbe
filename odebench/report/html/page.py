"""The page: what a document holds, handed to the templates."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import groupby

from odebench.claims.verdict import Judged
from odebench.claims.verdict import Row as Judgement
from odebench.report.document import Document
from odebench.report.html.charts import plain
from odebench.report.html.environment import facts
from odebench.report.palette import COLOURS
from odebench.report.summary import Row, summary
from odebench.stored import StoredRun

DARK = ("#4AA3E8", "#F2803A", "#22B58A", "#E08FBD", "#F0B73A", "#A5DAF7", "#F2F2F2")
"""The palette on a dark ground, colour by colour: lighter, and as far apart."""

ROWS_AT_FIRST = 200
"""Rows of the summary that a screen shows before it is asked for all."""

LIBRARIES = ("vendor/d3.min.js", "vendor/plot.umd.min.js")
CHART_SCRIPTS = ("tip.js", "lines.js", "bars.js", "charts.js")


def html(document: Document) -> str:
    """The report: one file, with its style, its scripts and its pictures in it.

    Whatever is written in a record is shown as text: the page's policy lets no script run but its own.
    """
    from jinja2 import Environment, PackageLoader
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("odebench.report.html"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    environment.filters |= {"sortable": sortable, "checks": checks}
    scripts = [*map(_read, LIBRARIES), _script(CHART_SCRIPTS)] if document.charts else [_script()]
    choices = _choices(document)
    return environment.get_template("page.html.j2").render(
        document=document,
        colours=[*zip(COLOURS, DARK, strict=True)],
        style=Markup(_read("assets/style.css")),  # noqa: S704  # our own
        scripts=[Markup(script) for script in scripts],  # noqa: S704  # our own
        policy=policy(scripts),
        table=summary(document.records, document.columns),
        choices=choices,
        place={key: {name: i for i, name in enumerate(names)} for key, names in choices.items()},
        counts=lambda run: Counter(str(record.status) for record in run.records).most_common(),
        began=_began,
        facts=facts(document),
        charts=plain(document.charts, document.styles),
        rows_at_first=ROWS_AT_FIRST,
    )


def policy(scripts: list[str]) -> str:
    """The page's content security policy: no request at all, and no script but these."""
    sums = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{found}'" for found in sums)
    return f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src {allowed}"


def sortable(row: Row) -> float | None:
    """What stands for a row's accuracy when rows are sorted by it."""
    steps, rtol = row.record.config.get("num_steps"), row.record.config.get("rtol")
    found = rtol if steps is None else steps
    return found if isinstance(found, int | float) else None


def checks(judged: Judged) -> list[list[Judgement]]:
    """The rows of a claim, those of one check together."""
    return [list(rows) for _, rows in groupby(judged.rows, key=lambda row: id(row.check))]


def _began(run: StoredRun) -> str:
    return min((record.started for record in run.records if record.started), default="")


def _choices(document: Document) -> dict[str, list[str]]:
    """What the summary can be narrowed to."""
    keys = ("run", "task", "backend") if len(document.runs) > 1 else ("task", "backend")
    found = {key: list(dict.fromkeys(str(r.config[key]) for r in document.records)) for key in keys}
    return found | {"status": list(dict.fromkeys(str(record.status) for record in document.records))}


@cache
def _read(name: str) -> str:
    return (files("odebench.report.html") / name).read_text(encoding="utf-8")


def _script(more: Sequence[str] = ()) -> str:
    """Our own: the table's, and the page's last."""
    parts = "\n".join(_read(f"assets/{name}") for name in ("table.js", *more, "page.js"))
    return f'"use strict";\n{{\n{parts}\n}}\n'
