"""A listener that ends the run when its first cell begins."""

from __future__ import annotations

import os
from typing import Any

import odebench


@odebench.hookimpl
def odebench_cell_started(cell: Any) -> None:
    os._exit(0)
