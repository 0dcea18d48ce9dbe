"""What tells one record from another, in a few words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from odebench.record import Record

if TYPE_CHECKING:
    from odebench.store import Store


def of_runs(stores: Sequence[Store]) -> list[Record]:
    """The records of all runs; where there are several, each says in its configuration which ``run`` it is of."""
    found = []
    for store in stores:
        for record in store.records():
            if len(stores) > 1:
                record.config["run"] = store.folder.resolve().name
            found.append(record)
    return found


def label(record: Record, among: Sequence[Record], without: str = "") -> str:
    """The backend, with whatever of device, dtype, seed and options is not the same in all the records, and the run
    where the backend's records on the task are of several.

    :param without: the name of one that is left out.
    """
    config = record.config
    same = [r for r in among if all(r.config[key] == config[key] for key in ("task", "backend"))]
    pools = {"run": same, "device": among, "dtype": among, "seed": among}
    differing = [key for key, pool in pools.items() if key != without and len({r.config.get(key) for r in pool}) > 1]
    words = [f"seed={config[key]}" if key == "seed" else str(config[key]) for key in differing]
    return " ".join([config["backend"], *words, *varying(record, among, without)])


def varying(record: Record, among: Sequence[Record], without: str = "") -> list[str]:
    """``name=value`` of the options, of the task and of the backend, that differ among the records on its task."""
    rivals = [r for r in among if r.config["task"] == record.config["task"]]
    found: list[str] = []
    for table in ("options", "solve"):
        own = record.config.get(table, {})
        values = {name: {repr(r.config.get(table, {}).get(name)) for r in rivals} for name in own}
        found += [f"{name}={own[name]}" for name in own if name != without and len(values[name]) > 1]
    return found


def accuracy(record: Record) -> str:
    """The relative tolerance, or the number of equal steps; empty without an ODE."""
    steps, rtol = (record.config.get(key) for key in ("num_steps", "rtol"))
    if steps is not None:
        return f"{steps} steps"
    return "" if rtol is None else f"{rtol:.0e}".replace("e-0", "e-").replace("e+00", "")
