"""The MNIST files: found, checked and read."""

from __future__ import annotations

import gzip
import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from odebench.errors import DataError

Split = Literal["train", "test"]
_HERE = Path(__file__).parent / "data"
_PREFIX = {"train": "train", "test": "t10k"}


class Images(NamedTuple):
    """uint8 ``images`` (N, 28, 28) and ``labels`` (N,), both read-only."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.uint8]


def load(split: Split) -> Images:
    """The 60,000 training or 10,000 test images.

    They are read from the folder that ``ODEBENCH_DATA`` names, or the suite's own.

    :raises DataError: where a file is missing, or is not the published one.
    """
    return _load(Path(os.environ.get("ODEBENCH_DATA") or _HERE), split)


@cache
def _load(folder: Path, split: Split) -> Images:
    images, labels = (folder / f"{_PREFIX[split]}-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1"))
    return Images(_idx(images), _idx(labels))


def _idx(path: Path) -> npt.NDArray[np.uint8]:
    """Read an IDX file: magic (its last byte the number of axes), the axes' lengths, then the bytes."""
    content = gzip.decompress(_checked(path))
    axes = content[3]
    shape = np.frombuffer(content, ">i4", count=axes, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * axes).reshape(shape)


def _checked(path: Path) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"MNIST: cannot read {path.name} in {path.parent} ({error.strerror}); "
            f"set ODEBENCH_DATA to a folder that holds {', '.join(sorted(_digests()))}"
        ) from error
    expected, found = _digests()[path.name], hashlib.sha256(content).hexdigest()
    if found != expected:
        raise DataError(
            f"MNIST: {path} is damaged or is another file: its SHA-256 is {found}, expected {expected}; "
            f"replace it, or set ODEBENCH_DATA to a folder with the published files"
        )
    return content


@cache
def _digests() -> dict[str, str]:
    lines = (_HERE / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in map(str.split, lines)}
