"""The tasks on points of the line, the plane and beyond: which model, which points, which recipe."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from odebench.contract import Recipe
from odebench.tasks import positive, whole

from .learning import TEST, TRAIN, LineTask, PointsTask
from .models import OdeBlock, ResNet
from .points import Sets, across, annuli_without_wedge, line, pair, spheres

_LEAST = {"augment": 0, "steps": 0, "points": 3, "test_size": 6}


def _make_line(
    sign: int,
    framework: str,
    *,
    seed: int,
    augment: int = 0,
    hidden: int = 16,
    points: int = 500,
    batch_size: int = 32,
    steps: int = 750,
    learning_rate: float = 5e-4,
) -> LineTask:
    """x = ±1 to sign · x, by an ODE block alone.

    :param augment: p, the zeros appended to the state.
    :param steps: 50 epochs when left out.
    :raises UserError: for an option out of range.
    """
    _check(augment=augment, hidden=hidden, points=points)
    sets = Sets(pair(points, sign), {"test": pair(2, sign)}, grid=line(sign), followed=line(sign))
    model = OdeBlock(framework, 1, augment, hidden, head=False)
    return LineTask(framework, model, sets, _recipe(steps, learning_rate), seed=seed, batch_size=batch_size)


def make_spheres(
    framework: str,
    *,
    seed: int,
    d: int = 2,
    augment: int = 0,
    hidden: int = 32,
    points: int = 3000,
    test_size: int = 900,
    batch_size: int = 64,
    steps: int = 2300,
    learning_rate: float = 1e-3,
) -> PointsTask:
    """The ball to -1 and the shell around it to +1, by an ODE block and a linear head.

    :param d: dimensions.
    :param augment: p, the zeros appended to the state.
    :param steps: 50 epochs when left out.
    :raises UserError: for an option out of range.
    """
    _check(d=d, augment=augment, hidden=hidden, points=points, test_size=test_size)
    model = OdeBlock(framework, d, augment, hidden, head=True)
    sets = _balls(seed, d, points, test_size)
    return PointsTask(framework, model, sets, _recipe(steps, learning_rate), seed=seed, batch_size=batch_size)


def make_spheres_resnet(
    framework: str,
    *,
    seed: int,
    d: int = 2,
    blocks: int = 5,
    hidden: int = 32,
    points: int = 3000,
    test_size: int = 900,
    batch_size: int = 64,
    steps: int = 2300,
    learning_rate: float = 1e-3,
) -> PointsTask:
    """The same by residual blocks and a linear head."""
    _check(d=d, blocks=blocks, hidden=hidden, points=points, test_size=test_size)
    sets, model = _balls(seed, d, points, test_size), ResNet(framework, d, hidden, blocks)
    return PointsTask(framework, model, sets, _recipe(steps, learning_rate), seed=seed, batch_size=batch_size)


def make_wedge(
    framework: str,
    *,
    seed: int,
    augment: int = 0,
    hidden: int = 32,
    points: int = 3000,
    test_size: int = 900,
    batch_size: int = 64,
    steps: int = 2300,
    learning_rate: float = 1e-3,
) -> PointsTask:
    """In the plane, trained on no point whose angle is in [0, π/5], and tested on such besides."""
    _check(augment=augment, hidden=hidden, points=points, test_size=test_size)
    sets, model = _discs(seed, points, test_size), OdeBlock(framework, 2, augment, hidden, head=True)
    return PointsTask(framework, model, sets, _recipe(steps, learning_rate), seed=seed, batch_size=batch_size)


def make_wedge_resnet(
    framework: str,
    *,
    seed: int,
    blocks: int = 5,
    hidden: int = 32,
    points: int = 3000,
    test_size: int = 900,
    batch_size: int = 64,
    steps: int = 2300,
    learning_rate: float = 1e-3,
) -> PointsTask:
    """The same by residual blocks and a linear head."""
    _check(blocks=blocks, hidden=hidden, points=points, test_size=test_size)
    sets, model = _discs(seed, points, test_size), ResNet(framework, 2, hidden, blocks)
    return PointsTask(framework, model, sets, _recipe(steps, learning_rate), seed=seed, batch_size=batch_size)


make_swap = partial(_make_line, -1)
make_identity = partial(_make_line, 1)


def _balls(seed: int, d: int, points: int, test_size: int) -> Sets:
    test = spheres(np.random.default_rng([seed, TEST]), d, test_size)
    train = spheres(np.random.default_rng([seed, TRAIN]), d, points)
    return Sets(train, {"test": test}, grid=across(d), followed=test.where(np.arange(min(60, test_size))))


def _discs(seed: int, points: int, test_size: int) -> Sets:
    """As many points as are asked for are left of the training set; the wedge is tested by half of ``test_size``."""
    train, _ = annuli_without_wedge(np.random.default_rng([seed, TRAIN]), points, 1)
    test, wedge = annuli_without_wedge(np.random.default_rng([seed, TEST]), test_size, test_size // 2)
    followed = wedge.where(np.arange(min(60, len(wedge.x))))
    return Sets(train, {"test": test, "wedge": wedge}, grid=across(2), followed=followed)


def _recipe(steps: int, learning_rate: float) -> Recipe:
    whole("anode", "steps", steps, 0)
    return Recipe(steps, positive("anode", "learning_rate", learning_rate), optimizer="adam")


def _check(**options: Any) -> None:
    for name, value in options.items():
        whole("anode", name, value, _LEAST.get(name, 1))
