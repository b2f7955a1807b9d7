"""Labels of a student's drive: what the expert would have done, not what came of the student's."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks.base import Task
from auxdrive_train.tasks.steering_angle import SteeringTask
from auxdrive_train.tasks.waypoints import WaypointsTask

RATE_HZ, ROWS = 4.0, 6


def pose(row: int) -> tuple[float, float, float]:
    """The student drives north, a little faster each time."""
    return 3.0, 0.5 * row**2, math.pi / 2


def expert(row: int, step: int) -> tuple[float, float]:
    """From there the expert turns to the east."""
    x_m, y_m, _ = pose(row)
    return x_m + 0.1 * step**2, y_m + 1.0 * step


def record(folder: Path, ahead: int) -> Dataset:
    image = np.zeros((4, 6, 3), np.uint8)
    acted = {"throttle": 0.5, "brake": 0.0}
    with EpisodeWriter(folder, "e0", [Modality.RGB], ahead=ahead) as writer:
        for row in range(ROWS):
            x_m, y_m, yaw_rad = pose(row)
            state = {
                "time_s": row / RATE_HZ, "x_m": x_m, "y_m": y_m, "yaw_rad": yaw_rad,
                "speed_mps": 1.0 + row, "target_x_m": 9.0, "target_y_m": 0.5 * row,
                "steer_rad": -0.1 * row, "disturbed": 1, **acted,
            }  # fmt: skip
            later = []
            for step in range(1, ahead + 1):
                x_m, y_m = expert(row, step)
                time_s = (row + step) / RATE_HZ
                later.append(
                    {"time_s": time_s, "x_m": x_m, "y_m": y_m, "yaw_rad": 0.0, "steer_rad": 0.0}
                    | acted
                )
            writer.append({Modality.RGB: image}, state, later)
    card = DatasetCard(
        name="a", rate_hz=RATE_HZ, modalities=(Modality.RGB,),
        camera=CameraSpec(width=6, height=4), splits={"train": ("e0",)},
    )  # fmt: skip
    write_card(folder, card)
    return Dataset.open(folder)


def samples_of(dataset: Dataset, task: Task) -> SampleSet:
    return SampleSet.open(dataset, ("e0",), task, [Modality.RGB])


def test_waypoints_are_the_experts_from_each_frame_of_the_student(tmp_path: Path) -> None:
    samples = samples_of(record(tmp_path, 8), WaypointsTask())
    assert len(samples) == ROWS  # the last ones too: their future was simulated
    for row in range(ROWS):
        x_m, y_m, yaw_rad = pose(row)
        expected = []
        for step in (2, 4, 6, 8):
            dx, dy = np.subtract(expert(row, step), (x_m, y_m))
            cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
            expected.append((cos * dx + sin * dy, -sin * dx + cos * dy))
        np.testing.assert_allclose(samples.label[row], expected, atol=1e-5)
        np.testing.assert_allclose(samples.ego[row], [1.0 + row, 9.0, 0.5 * row])


def test_a_horizon_that_is_too_short_gives_no_label(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="none of 6 records in 1 episodes has labels"):
        samples_of(record(tmp_path, 7), WaypointsTask())
    shorter = replace(WaypointsTask(), times_s=(0.5, 1.75))
    assert len(samples_of(Dataset.open(tmp_path), shorter)) == ROWS


def test_without_the_simulation_of_the_expert_there_is_steering_alone(tmp_path: Path) -> None:
    dataset = record(tmp_path, 0)
    samples = samples_of(dataset, SteeringTask())
    np.testing.assert_allclose(samples.label[:, 0], -0.1 * np.arange(ROWS), atol=1e-6)
    with pytest.raises(DataError, match="none of 6 records in 1 episodes has labels"):
        samples_of(dataset, WaypointsTask())
