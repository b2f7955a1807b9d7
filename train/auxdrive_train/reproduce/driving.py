"""Recorded driving with other sensors beside the camera, and how students are trained on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from auxdrive.command_process import command
from auxdrive.machine.workers import workers_of
from auxdrive.runs import RunResult

from auxdrive_train.reproduce.base import Workshop, percent
from auxdrive_train.reproduce.findings import Budget
from auxdrive_train.tasks.steering_angle import SteeringTask

TAKES = "a data set of driving with depth, lidar and segmentation; without it, one is recorded"
AUXILIARIES = ("depth", "lidar", "segmentation")
FRAMES: Mapping[Budget, int] = {"quick": 800, "standard": 3000, "full": 24000}
EPOCHS: Mapping[Budget, int] = {"quick": 4, "standard": 6, "full": 12}
SEEDS: Mapping[Budget, int] = {"quick": 2, "standard": 3, "full": 5}
SETTINGS: Mapping[str, Any] = {
    "task": SteeringTask.name,
    "backbone": "pilotnet_bn",
    "preprocessing": {"size": [66, 128]},
    "evaluate": ["test"],
}


def recorded(workshop: Workshop) -> Path:
    """The user's data, or a recording of the embedded simulator's expert by day and at night, which
    reproductions of one budget share.

    Args:
        workshop: where it is made.

    Raises:
        AuxdriveError: it cannot be recorded; the log says why.
    """
    if workshop.data is not None:
        return workshop.data
    out = workshop.folder.parent / f"driving-{workshop.budget}"
    command(
        "collect", "--out", str(out), "--frames", str(FRAMES[workshop.budget]),
        "--modalities", ",".join(("rgb", *AUXILIARIES)), "--size", "128x72",
        "--conditions", "day,night", "--workers", str(workers_of(workshop.workers).count),
        prefix="collect: ",
    )  # fmt: skip
    return out


def trained(
    workshop: Workshop, students: Mapping[str, Mapping[str, Any]]
) -> dict[str, list[RunResult]]:
    """Train students on it, with as many seeds as the budget has.

    Args:
        workshop: where that is done.
        students: by name, the settings that are theirs alone.

    Returns:
        By name, a result for each seed.
    """
    data, seeds = recorded(workshop), range(SEEDS[workshop.budget])
    common = {**SETTINGS, "data": str(data), "epochs": EPOCHS[workshop.budget]}
    wanted = {
        f"{name}-{seed}": {**common, **own, "seed": seed}
        for name, own in students.items()
        for seed in seeds
    }
    results = workshop.results(wanted)
    return {name: [results[f"{name}-{seed}"] for seed in seeds] for name in students}


def accuracies(results: Sequence[RunResult], role: str = "student") -> list[float]:
    """mAcc on the test part in per cent, of each seed.

    Args:
        results: one for each seed.
        role: whose.
    """
    return [percent(each, role, metric="macc") for each in results]


def settings_of(budget: Budget) -> dict[str, Any]:
    """The common settings, for the findings."""
    return {**SETTINGS, "epochs": EPOCHS[budget], "frames": FRAMES[budget]}
