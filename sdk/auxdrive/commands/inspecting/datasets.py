"""What `auxdrive inspect` prints for data sets."""

from __future__ import annotations

from pathlib import Path

import auxdrive.console as console
from auxdrive.data.dataset import Dataset
from auxdrive.inspection.base import Inspection, Summary
from auxdrive.inspection.page import dataset_page
from auxdrive.inspection.summary import (
    camera_told,
    is_dataset,
    number,
    sentences,
    summarise,
)
from auxdrive.storage.reading import is_folder


def _holds(path: Path) -> bool:
    """Whether a folder is a data set. Episodes without a card count, since the error for them says
    how to write one.
    """
    return is_dataset(path) or is_folder(path / "episodes")


def _page(path: Path, summary: Summary) -> str:
    return dataset_page(Dataset.open(path), summary)


def _show_dataset(summary: Summary) -> None:
    steering = summary["steering"]
    console.note(
        f"{summary['name']}: {summary['rate_hz']:g} Hz, {camera_told(summary)}, maximum steering "
        f"angle {steering['max_road_wheel_deg']:g} degrees"
    )
    for key in ("source", "licence", "fingerprint"):
        if summary[key]:
            console.note(f"{key}: {summary[key]}")
    counts, labels = [], []
    for name, split in summary["splits"].items():
        steer, speed = split["steer_deg"], split["speed_mps"]
        seconds, apart = f"{split['duration_s']:.0f}", number(split["apart_s"])
        counts.append((name, split["sessions"], split["episodes"], split["frames"], seconds, apart))
        steering = (
            f"{number(steer['mean'], 1)} ± {number(steer['std'], 1)}, {number(steer['min'], 0)} to "
            f"{number(steer['max'], 0)}"
        )
        straight = number(
            None if steer["straight_share"] is None else 100 * steer["straight_share"], 0
        )
        speeds = (
            f"{number(speed['mean'])} ± {number(speed['std'])}"
            if speed["known_share"]
            else "unknown"
        )
        labels.append((name, steering, straight, speeds))
    console.table(
        "splits", ("split", "sessions", "episodes", "frames", "seconds", "apart, s"), counts
    )
    console.table("labels", ("split", "steering, degrees", "straight, %", "speed, m/s"), labels)
    for line in sentences(summary):
        console.note(line)
    coverage = []
    for name, each in summary["modalities"].items():
        shapes = ", ".join("x".join(map(str, shape)) for shape in each["shapes"])
        coverage.append(
            (name, shapes, each["episodes"], each["frames"], f"{100 * each['share']:.0f} %")
        )
    console.table(
        "modalities", ("modality", "shape", "episodes", "frames", "of all frames"), coverage
    )


DATASET = Inspection(
    what="data set",
    known_by="dataset.json",
    holds=_holds,
    summarise=lambda path: summarise(Dataset.open(path)),
    show=_show_dataset,
    page=_page,
)
