"""What lies on disk, which anybody may have written or cut short, checked as it is read: the rest of odebench trusts
the types of what it holds."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, Required

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict  # before Python 3.12 pydantic takes no other

_STRICT = ConfigDict(strict=True, extra="ignore")
_OPEN = ConfigDict(strict=True, extra="allow")
_HALF_LETTER = re.compile(r"\\u[dD][89a-fA-F]")

Number = bool | int | float


@with_config(_OPEN)
class _Config(TypedDict, total=False):
    suite: str
    task: str
    backend: str
    framework: str
    library: str
    solver: str
    gradient: str
    device: str
    dtype: str
    rtol: Number | None
    atol: Number | None
    num_steps: int | None
    seed: int | None
    options: dict[str, Any]
    solve: dict[str, Any]


@with_config(_STRICT)
class _Record(TypedDict, total=False):
    """The fields of :class:`odebench.record.Record`."""

    config: Required[_Config]
    hash: Required[str]
    row: Required[str]
    status: Required[str]
    reason: str
    unlike: str
    metrics: dict[str, Number]
    samples: dict[str, list[float]]
    curve: list[dict[str, Number]]
    started: str
    seconds: float
    schema: int


@with_config(_STRICT)
class _Selection(TypedDict, total=False):
    backends: list[str]
    only: list[str]
    devices: list[str]


@with_config(_STRICT)
class _Rivals(TypedDict):
    ours: list[str]
    peers: list[str]


@with_config(_OPEN)
class _Request(TypedDict, total=False):
    suite: Required[str]
    preset: Required[str]
    plugins: Required[list[str]]
    strict: Required[bool]
    selection: Required[_Selection]
    columns: list[str]
    fits: list[dict[str, str | list[str]]]
    rivals: list[_Rivals]
    command: list[str]
    cells: int


def loads(text: str) -> Any:
    """JSON, but for whole numbers of more than 64 bits, which become floats, and half letters, which no file can hold.

    :raises ValueError: for what is no JSON, or is nested too deeply.
    """
    try:
        found = json.loads(text, parse_int=_whole)
        if _HALF_LETTER.search(text):
            found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return found


def checked_record(data: Any) -> dict[str, Any]:
    """The fields of a record, without any that are not known. :raises ValueError: says which is not of its type."""
    return _checked(_Record, data)


def checked_request(data: Any) -> dict[str, Any]:
    """What a run was asked for. :raises ValueError: says which key is missing, or not of its type."""
    return _checked(_Request, data)


def _checked(kind: Any, data: Any) -> dict[str, Any]:
    try:
        found: dict[str, Any] = _adapter(kind).validate_python(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(key) for key in first["loc"])
        raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from error
    return found


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _whole(digits: str) -> int | float:
    value = float(digits)
    return int(digits) if abs(value) < 2**63 else value
