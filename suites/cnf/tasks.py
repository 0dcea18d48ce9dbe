"""The suite's tasks: two kinds of flow, each matched to energies and fitted to data."""

from __future__ import annotations

from functools import partial

from odebench.contract import Recipe
from odebench.tasks import one_of, positive, whole

from .continuous import ContinuousFlow
from .data import CIRCLES, MOONS, Source
from .fit import FitTask
from .match import MatchTask
from .planar import PlanarFlow


def make_match(
    framework: str,
    *,
    seed: int,
    target: str = "u1",
    size: int = 8,
    form: str = "sum",
    steps: int = 10_000,
    learning_rate: float = 1e-3,
    batch_size: int = 256,
    test_size: int = 8192,
) -> MatchTask:
    """A continuous flow of ``size`` units matched to an energy, by Adam."""
    return MatchTask(
        ContinuousFlow(framework, size, form),
        framework,
        _recipe("adam", steps, learning_rate),
        inverts=True,
        seed=seed,
        target=target,
        batch_size=batch_size,
        test_size=test_size,
    )


def make_match_planar(
    framework: str,
    *,
    seed: int,
    target: str = "u1",
    size: int = 8,
    optimizer: str = "rmsprop",
    steps: int = 500_000,
    learning_rate: float = 1e-3,
    batch_size: int = 256,
    test_size: int = 8192,
) -> MatchTask:
    """A planar flow of ``size`` layers matched to an energy."""
    return MatchTask(
        PlanarFlow(framework, size),
        framework,
        _recipe(optimizer, steps, learning_rate),
        inverts=False,
        seed=seed,
        target=target,
        batch_size=batch_size,
        test_size=test_size,
    )


def _fit(
    source: Source,
    framework: str,
    *,
    seed: int,
    size: int = 64,
    form: str = "sum",
    end: float = 1.0,
    variance: float = 1.0,
    steps: int = 1000,
    learning_rate: float = 1e-3,
    batch_size: int = 512,
    test_size: int = 4096,
) -> FitTask:
    """A continuous flow of ``size`` units fitted to data at time ``end``, by Adam."""
    return FitTask(
        source,
        ContinuousFlow(framework, size, form, end),
        framework,
        _recipe("adam", steps, learning_rate),
        inverts=True,
        seed=seed,
        variance=variance,
        batch_size=batch_size,
        test_size=test_size,
    )


def _fit_planar(
    source: Source,
    framework: str,
    *,
    seed: int,
    size: int = 64,
    variance: float = 1.0,
    optimizer: str = "adam",
    steps: int = 1000,
    learning_rate: float = 1e-3,
    batch_size: int = 512,
    test_size: int = 4096,
) -> FitTask:
    """A planar flow of ``size`` layers fitted to data."""
    return FitTask(
        source,
        PlanarFlow(framework, size, inverse=True),
        framework,
        _recipe(optimizer, steps, learning_rate),
        inverts=False,
        seed=seed,
        variance=variance,
        batch_size=batch_size,
        test_size=test_size,
    )


make_two_moons, make_two_circles = partial(_fit, MOONS), partial(_fit, CIRCLES)
make_two_moons_planar, make_two_circles_planar = partial(_fit_planar, MOONS), partial(_fit_planar, CIRCLES)


def _recipe(optimizer: str, steps: int, learning_rate: float) -> Recipe:
    """:raises UserError: for an option out of range."""
    one_of("cnf", "optimizer", optimizer, ("adam", "rmsprop"))
    whole("cnf", "steps", steps, 0)
    positive("cnf", "learning_rate", learning_rate)
    return Recipe(
        steps,
        learning_rate,
        optimizer="adam" if optimizer == "adam" else "rmsprop",
        milestones=(steps * 3 // 4,),
    )
