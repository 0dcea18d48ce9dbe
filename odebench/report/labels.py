"""What tells one record from another, in a few words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

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


class Labels:
    """Names for records that are shown together."""

    def __init__(self, among: Iterable[Record]) -> None:
        values: dict[Any, set[str]] = defaultdict(set)
        cells: Counter[Any] = Counter()
        for record in among:
            config = record.config
            task, backend = config["task"], config["backend"]
            cells[task, backend] += 1
            values[task, backend, "run"].add(str(config.get("run")))
            for key in ("device", "dtype", "seed"):
                values[key].add(str(config.get(key)))
            for table in ("options", "solve"):
                for name, value in config.get(table, {}).items():
                    values[task, table, name].add(repr(value))
                    cells[task, backend, table, name] += 1
        self._differing = {what for what, found in values.items() if len(found) > 1}
        for (task, backend, *option), count in cells.items():
            if option and count < cells[task, backend]:
                self._differing.add((task, *option))

    def label(self, record: Record, *without: str) -> str:
        """The backend, with whatever of device, dtype, seed and options is not the same in all the records, and the
        run where the backend's records on the task are of several.

        :param without: the names of those that are left out.
        """
        config = record.config
        whats = {
            "run": (config["task"], config["backend"], "run"),
            "device": "device",
            "dtype": "dtype",
            "seed": "seed",
        }
        words = [
            f"seed={config.get(key)}" if key == "seed" else str(config.get(key))
            for key, what in whats.items()
            if what in self._differing and key not in without
        ]
        return " ".join([config["backend"], *words, *self.varying(record, *without)])

    def varying(self, record: Record, *without: str) -> list[str]:
        """``name=value`` of the options, of the task and of the backend, that differ among the records on its task. It
        is no difference that a backend does not know an option at all."""
        config, task = record.config, record.config["task"]
        return [
            f"{name}={value}"
            for table in ("options", "solve")
            for name, value in config.get(table, {}).items()
            if (task, table, name) in self._differing and name not in without
        ]

    def row(self, record: Record) -> str:
        """The row's name, with what tells it from the others on its task."""
        seed = [f"seed={record.config.get('seed')}"] if "seed" in self._differing else []
        return " ".join([record.row, *self.varying(record), *seed])


def plain(text: str) -> str:
    """On one line, and with nothing in it that a terminal or a page obeys."""
    return "".join(c if c.isprintable() else "�" for c in " ".join(text.split()))


def backend(record: Record) -> str:
    """The backend, and the device where it is not the CPU."""
    device = record.config.get("device", "cpu")
    return str(record.config["backend"]) + ("" if device == "cpu" else f" {device}")


def accuracy(record: Record) -> str:
    """The relative tolerance, or the number of equal steps; empty without an ODE."""
    steps, rtol = record.config.get("num_steps"), record.config.get("rtol")
    if steps is not None:
        return f"{steps} steps"
    return "" if rtol is None else f"{rtol:.0e}".replace("e-0", "e-").replace("e+00", "")
