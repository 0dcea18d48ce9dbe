"""``pytest --odebench PLUGIN``: the rows of ``odebench check PLUGIN`` as tests. Does nothing without the option."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from odebench.check.outcome import Row
    from odebench.check.report import Item


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("odebench", "conformance of odebench plugins")
    group.addoption(
        "--odebench",
        action="append",
        default=[],
        metavar="PLUGIN",
        help="Check what a plugin registers: a file, a module, an installed plugin or a glob of backends; repeatable.",
    )
    group.addoption(
        "--odebench-plugin",
        action="append",
        default=[],
        metavar="FILE|MODULE",
        help="Load a plugin that the checked ones need; repeatable.",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    items.extend(_items(session, config.getoption("odebench"), tuple(config.getoption("odebench_plugin"))))


def _items(session: pytest.Session, references: list[str], plugins: tuple[str, ...]) -> Iterator[pytest.Item]:
    if not references:
        return
    from odebench.check.report import items
    from odebench.errors import UserError
    from odebench.registry import load_registry

    try:
        for reference in references:
            registry = load_registry(plugins)
            for item in items(registry, reference, plugins):
                yield Conformance.from_parent(session, name=f"{item.backend}: {item.check}", item=item)
    except UserError as error:
        raise pytest.UsageError(f"--odebench {reference}: {error}") from None


class Unfit(Exception):
    """A check that failed."""


class Conformance(pytest.Item):
    """One row of the report: what does not apply is skipped."""

    def __init__(self, *, item: Item, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._item = item

    def runtest(self) -> None:
        row = self._item.run()
        if row.outcome.verdict == "n-a":
            pytest.skip(row.outcome.note or _measured(row))
        if row.outcome.verdict == "fail":
            raise Unfit(_measured(row))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, Unfit):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, None, str]:
        return self.path, None, self.name


def _measured(row: Row) -> str:
    _, figure, bound, note = row.outcome
    parts = ["" if math.isnan(figure) else f"measured {figure:.3g}", f"bound {bound}" if bound else "", note]
    return f"{row.backend}: {row.check}: {'; '.join(filter(None, parts))}"
