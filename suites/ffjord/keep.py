"""Keep the nets of a run's checkpoints: ``python suites/ffjord/keep.py results/ffjord/RUN``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from odebench.record import Record
from odebench.store import Store


def keep(run: Path) -> None:
    """Write every net's parameters in half precision, compressed, into the data folder, where
    ``weights = "trained"`` finds them."""
    store = Store.open(run)
    for record in store.records():
        with np.load(store.folder / "checkpoints" / f"{record.hash}.npz") as stored:
            params: dict[str, Any] = {
                name.removeprefix("params/"): stored[name].astype(np.float16)
                for name in stored.files
                if name.startswith("params/")
            }
        np.savez_compressed(Path(__file__).parent / "data" / _name(record), **params)


def _name(record: Record) -> str:
    """What the net learnt, and its seed."""
    options = record.config["options"]
    what = options["density"] if "density" in options else f"gaussian-{options['dimension']}"
    return f"{what}-{record.config['seed']}.npz"


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
