"""What the reference shows from the code itself: the keys of TOML files, what is registered, the columns of tables."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any

from docutils import nodes
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import ExtensionMetadata

import odebench
from odebench.backends import solvers
from odebench.registry import load_registry

Row = Sequence[str]
_PARAMETER = re.compile(r":param (\w+):\s*(.*?)(?=\n:|\Z)", re.DOTALL)
_WORDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}
_BOUNDS = {"exclusiveMinimum": "> {}", "minimum": "≥ {}", "exclusiveMaximum": "< {}", "maximum": "≤ {:g}"}


class _Table(SphinxDirective):
    """A directive that is a table, of cells in reStructuredText."""

    required_arguments = 1

    def table(self, header: Row, rows: Iterable[Row]) -> list[nodes.Node]:
        lines = [".. list-table::", "   :header-rows: 1", ""]
        for row in (header, *rows):
            lines += [f"   {'  -' if i else '* -'} {' '.join(cell.split())}" for i, cell in enumerate(row)]
        return self.parse_text_to_nodes("\n".join(lines))


class Keys(_Table):
    """``.. odebench-keys:: module:Model``: the keys of a table of a TOML file, from its pydantic model."""

    def run(self) -> list[nodes.Node]:
        module, _, name = self.arguments[0].partition(":")
        return self.table(("key", "value", "when left out", "what it is"), _keys(getattr(import_module(module), name)))


def _keys(model: type[BaseModel]) -> Iterator[Row]:
    said = dict(_PARAMETER.findall(inspect.getdoc(model) or ""))
    kinds = model.model_json_schema()["properties"]
    for name, field in model.model_fields.items():
        default = field.get_default()
        left_out = "must be given" if field.is_required() else "" if default is None else f"``{_toml(default)}``"
        yield f"``{name}``", _kind(kinds[name]), left_out, said.get(name, "")


def _kind(schema: dict[str, Any]) -> str:
    """What a value may be, in the words of whoever writes TOML."""
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_kind(one) for one in schema["anyOf"] if one.get("type") != "null"))
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2].lower()
    if "enum" in schema:
        return ", ".join(f"``{value}``" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    if schema.get("type") == "object":
        inner = schema.get("additionalProperties")
        return f"table of {_kind(inner)}" if isinstance(inner, dict) and inner else "table"
    bounds = [text.format(schema[key]) for key, text in _BOUNDS.items() if key in schema]
    return ", ".join([_WORDS.get(schema.get("type", ""), "any value"), *bounds])


def _toml(value: Any) -> str:
    if isinstance(value, BaseModel):
        return "{ " + ", ".join(f"{key} = {_toml(v)}" for key, v in value) + " }"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(v)}" for key, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return f'"{value}"'
    return f"{value:g}".replace("e-0", "e-") if isinstance(value, float) else str(value).lower()


class Registered(_Table):
    """``.. odebench-registered:: solvers|methods``: what odebench's own plugins register, whatever is installed."""

    def run(self) -> list[nodes.Node]:
        header, rows = _REGISTERED[self.arguments[0]]
        return self.table(header, rows())


def _solvers() -> Iterator[Row]:
    for one in sorted(solvers(load_registry()), key=lambda one: (one.library, one.order or 0, one.name)):
        steps = ("adaptive" if one.adaptive else "fixed") + (", implicit" if one.implicit else "")
        yield f"``{one.key}``", str(one.order or "–"), steps, one.unlike


def _methods() -> Iterator[Row]:
    for one in load_registry().gradients.values():
        yield f"``{one.key}``", one.summary, one.unlike


_REGISTERED: dict[str, tuple[Row, Callable[[], Iterator[Row]]]] = {
    "solvers": (("solver", "order", "steps", "what cannot be set as the others' is"), _solvers),
    "methods": (("gradient method", "what it is", "what cannot be set as the others' is"), _methods),
}


def _escape_help(_app: Sphinx, _context: Any, lines: list[str]) -> None:
    """Help is plain text, which sphinx-click reads as reStructuredText: ``option_…`` is no link, ``*`` no emphasis."""
    for i, line in enumerate(lines):
        if not line.lstrip().startswith(("..", ":")) and "``" not in line:
            lines[i] = re.sub(r"[*_|]", r"\\\g<0>", line)


def _escape_shapes(_app: Sphinx, _what: str, _name: str, _object: Any, _options: Any, lines: list[str]) -> None:
    """``(T, *leaf.shape)`` in a docstring is no emphasis."""
    lines[:] = [re.sub(r", \*(?=[\w.]+\))", r", \\*", line) for line in lines]


def _skip_fields(_app: Sphinx, _what: str, _name: str, found: Any, _skip: bool, _options: Any) -> bool | None:
    """A named tuple's fields are its parameters, which are said already."""
    return True if type(found).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> ExtensionMetadata:
    app.add_directive("odebench-keys", Keys)
    app.add_directive("odebench-registered", Registered)
    for part in ("description", "options", "arguments"):
        app.connect(f"sphinx-click-process-{part}", _escape_help)
    app.connect("autodoc-process-docstring", _escape_shapes)
    app.connect("autodoc-skip-member", _skip_fields)
    return {"version": odebench.__version__, "parallel_read_safe": True}
