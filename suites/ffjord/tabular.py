"""A flow of a table that the user has: MINIBOONE, or any other, one row a sample."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from odebench.contract import PyTree
from odebench.errors import DataError, UserError
from odebench.tasks import whole
from odebench.tasks.nets import Floats

from .task import FlowTask, gaussian_nats, in_chunks

LEAST = 20


class Table(NamedTuple):
    """Rows (N, D), each column with the training rows' mean 0 and standard deviation 1."""

    train: Floats
    validation: Floats
    test: Floats


class TabularTask(FlowTask):
    """A flow of standardised columns, in which its likelihoods are, as FFJORD's and MAF's.

    :param file: see :func:`load`.
    :param width: of the hidden layers.
    :param layers: hidden ones.
    """

    def __init__(
        self,
        framework: str,
        *,
        seed: int,
        file: str = "",
        width: int = 860,
        layers: int = 2,
        activation: str = "softplus",
        trace: str = "rademacher",
        steps: int = 10_000,
        batch_size: int = 1000,
        weight_decay: float = 1e-6,
    ) -> None:
        self._table = load(file)
        train, columns = self._table.train, self._table.train.shape[1]
        hidden = whole("ffjord", "layers", layers, 1) * [whole("ffjord", "width", width, 1)]
        super().__init__(
            lambda rng, n: train[rng.integers(0, len(train), n)],
            [columns, *hidden, columns],
            framework,
            seed=seed,
            trace=trace,
            steps=steps,
            batch_size=batch_size,
            weight_decay=weight_decay,
            activation=activation,
        )

    def evaluate(self, predict: Callable[[PyTree], Any]) -> dict[str, float]:
        """By the exact trace, in nats: ``test_nats``, ``validation_nats``, and the ``baseline_nats`` of a Gaussian with
        all covariances, fitted to the training rows."""
        train, validation, test = self._table
        size = min(self._batch_size, len(validation), len(test))
        return {
            "test_nats": -float(in_chunks(predict, "x", test, size).mean()),
            "validation_nats": -float(in_chunks(predict, "x", validation, size).mean()),
            "baseline_nats": gaussian_nats(train, test),
        }


def load(file: str) -> Table:
    """A tenth of the rows is the test set, a tenth of the others the validation set, as MAF splits MINIBOONE; which
    ones, a generator with seed 0 says.

    :param file: numbers in rows and columns: ``.npy``, ``.npz`` with one array, or ``.csv``, whose first line may name
        the columns. A relative path is looked up in the folder that ``ODEBENCH_DATA`` names, else in the
        current one.
    :raises DataError: where there is none, or it is not such a table.
    """
    if not file:
        raise DataError(
            "ffjord/tabular: no table: give it option file = a path of a .npy, .npz or .csv file, one row a sample "
            "(for MINIBOONE the 36,488 rows of 43 columns that Papamakarios et al. 2017 made of it)"
        )
    return _load(Path(os.environ.get("ODEBENCH_DATA") or "") / file)


@cache
def _load(path: Path) -> Table:
    rows = _read(path)
    if rows.ndim != 2 or len(rows) < LEAST or not rows.shape[1]:
        raise DataError(f"ffjord/tabular: {path} must hold rows and columns, {LEAST} rows or more; it has {rows.shape}")
    if not np.all(np.isfinite(rows)):
        raise DataError(f"ffjord/tabular: {path} holds a number that is not finite, or is missing")
    rows = rows[np.random.default_rng(0).permutation(len(rows))]
    test, rest = np.split(rows, [len(rows) // 10])
    validation, train = np.split(rest, [len(rest) // 10])
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    if not np.all(deviation > 0):
        raise DataError(
            f"ffjord/tabular: {path}: column {int(np.argmin(deviation))} (from 0) is constant: leave it out"
        )
    return Table(*((part - mean) / deviation for part in (train, validation, test)))


def _read(path: Path) -> Floats:
    readers = {".npy": _numpy, ".npz": _numpy, ".csv": _csv}
    if path.suffix not in readers:
        raise UserError(f"ffjord/tabular: {path} must end in {', '.join(readers)}")
    try:
        return np.asarray(readers[path.suffix](path), np.float64)
    except OSError as error:
        raise DataError(
            f"ffjord/tabular: cannot read {path} ({error.strerror}): put the table there, or give option file another "
            f"path; a relative one is looked up in the folder that ODEBENCH_DATA names, or else in the current one"
        ) from error
    except (ValueError, TypeError) as error:
        raise DataError(f"ffjord/tabular: {path} is no table of numbers: {error}") from error


def _numpy(path: Path) -> Any:
    stored = np.load(path, allow_pickle=False)
    if path.suffix == ".npy":
        return stored
    with stored:
        if len(stored.files) != 1:
            raise ValueError(f"it holds {len(stored.files)} arrays, not one")
        return stored[stored.files[0]]


def _csv(path: Path) -> Any:
    with path.open(encoding="utf-8") as file:
        names = any(part.strip()[:1].isalpha() for part in file.readline().split(","))
    return np.loadtxt(path, delimiter=",", skiprows=int(names), ndmin=2)
