"""TOML files read into pydantic models, with errors that name the file, the key and the valid choices."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from odebench.errors import UserError, choices

Model = TypeVar("Model", bound=BaseModel)


def read_toml(file: Path, kind: type[Model]) -> Model:
    """:raises UserError: naming the file, the key and the valid choices."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file}: not valid TOML: {error}") from error
    try:
        return kind.model_validate(data)
    except ValidationError as error:
        raise UserError("\n".join(f"{file}: {_explain(e, kind)}" for e in error.errors())) from error


def _explain(error: Any, kind: type[BaseModel]) -> str:
    """One line for one of pydantic's errors of a model, with the nearest valid key or value."""
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key {where!r}; {choices(str(error['loc'][-1]), _keys_beside(error['loc'], kind))}"
    if error["type"] == "literal_error":
        valid = [word.strip("'") for word in error["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        return f"{where}: unknown value {error['input']!r}; {choices(str(error['input']), valid)}"
    return (
        f"{where}: {error['msg'].lower()} (got {error['input']!r})"
        if error["type"] != "missing"
        else (f"missing key {where!r}")
    )


def _keys_beside(loc: tuple[Any, ...], kind: type[BaseModel]) -> list[str]:
    """The valid keys of the table that ``loc``'s last key stands in, found by walking the models."""
    model: Any = kind
    for part in loc[:-1]:
        if isinstance(part, int) or not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        annotation = model.model_fields[part].annotation if part in model.model_fields else None
        model = _model_in(annotation) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for arg in get_args(annotation) if (m := _model_in(arg))), None)
