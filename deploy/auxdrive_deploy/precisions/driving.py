"""The driving score as a gate: the same routes driven in float32 and in a lower precision."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Protocol

import numpy as np
from auxdrive.cards import PrecisionGate
from auxdrive.errors import UsageError
from auxdrive.precisions import FP32
from auxdrive.registry import Registry
from auxdrive.statistics import paired_difference

LEAST_ROUTES = 6
"""With fewer routes the interval of the difference has no bounds."""


class DrivingScores(Protocol):
    """A function that drives a bundle in closed loop."""

    def __call__(self, bundle: Path, precision: str, routes: int, work: Path) -> list[float]:
        """The score of each route, 0 to 100; the same routes in the same order each time.

        Args:
            bundle: its directory.
            precision: of its graph.
            routes: how many are driven.
            work: a folder that does not exist yet, for whatever is written.
        """


SCORES: Registry[DrivingScores] = Registry(
    "measure of driving", "auxdrive.driving_scores", check=callable
)


def embedded_scores() -> DrivingScores:
    """What drives in the embedded simulator.

    Raises:
        UsageError: it is not installed.
    """
    if "embedded" not in SCORES:
        raise UsageError("--drive needs the embedded simulator: pip install 'auxdrive[sim]'")
    return SCORES["embedded"]


def driving_gate(
    drive: DrivingScores, bundle: Path, precision: str, routes: int, limit: float, work: Path
) -> PrecisionGate:
    """How much of its driving score a bundle may lose in a lower precision: the upper end of the
    95 % interval of the mean loss over routes (sign-flip test).

    Args:
        drive: gives the scores.
        bundle: a directory that holds both precisions.
        precision: that is judged.
        routes: how many are driven in each precision.
        limit: in points.
        work: a folder, made if need be; drives in float32 that lie there are not repeated.
    """
    work.mkdir(exist_ok=True)
    kept = work / f"{FP32}.npy"
    if not kept.exists():
        np.save(kept, np.array(drive(bundle, FP32, routes, work / FP32)))
    before = np.load(kept)
    after = np.array(drive(bundle, precision, routes, work / precision))
    loss = paired_difference(before, after, seed=0).high
    return PrecisionGate(
        name="driving score lost",
        value=loss if math.isfinite(loss) else 100.0,
        limit=limit,
        unit="points",
        samples=routes,
    )
