"""What tells one record from another, in a few words."""

from __future__ import annotations

from collections.abc import Sequence

from odebench.record import Record


def label(record: Record, among: Sequence[Record]) -> str:
    """The backend, with whatever of device, dtype and options is not the same in all the records."""
    config = record.config
    differing = [config[key] for key in ("device", "dtype") if len({r.config.get(key) for r in among}) > 1]
    return " ".join([config["backend"], *differing, *varying(record, among)])


def varying(record: Record, among: Sequence[Record]) -> list[str]:
    """``name=value`` of the options, of the task and of the backend, that differ among the records on its task."""
    rivals = [r for r in among if r.config["task"] == record.config["task"]]
    found: list[str] = []
    for table in ("options", "solve"):
        own = record.config.get(table, {})
        values = {name: {repr(r.config.get(table, {}).get(name)) for r in rivals} for name in own}
        found += [f"{name}={own[name]}" for name in own if len(values[name]) > 1]
    return found


def accuracy(record: Record) -> str:
    """The relative tolerance, or the number of equal steps; empty without an ODE."""
    steps, rtol = (record.config.get(key) for key in ("num_steps", "rtol"))
    if steps is not None:
        return f"{steps} steps"
    return "" if rtol is None else f"{rtol:.0e}".replace("e-0", "e-").replace("e+00", "")
