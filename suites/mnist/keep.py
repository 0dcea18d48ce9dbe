"""Keep the weights of a training checkpoint: ``python suites/mnist/keep.py CHECKPOINT.npz odenet-conv.npz``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


def keep(checkpoint: Path, name: str) -> Path:
    """Write the parameters in half precision, deterministically compressed, into the data folder."""
    with np.load(checkpoint) as stored:
        params = {
            k.removeprefix("params/"): stored[k].astype(np.float16) for k in stored.files if k.startswith("params/")
        }
    file = Path(__file__).parent / "data" / name
    np.savez_compressed(file, allow_pickle=False, **params)
    return file


if __name__ == "__main__":
    keep(Path(sys.argv[1]), sys.argv[2])
