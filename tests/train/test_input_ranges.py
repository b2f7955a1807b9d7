"""Training ranges of the ego inputs: what the card's `input_ranges` is made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard, InputRange
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.modalities import Modality
from auxdrive_train.data.ranges import input_ranges
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks.steering_angle import SteeringTask
from auxdrive_train.tasks.waypoints import WaypointsTask


def recorded(folder: Path) -> Dataset:
    """40 ticks at 10 Hz, of which the first 20 have waypoints 2 s ahead; what comes later is in no
    sample.
    """
    with EpisodeWriter(folder, "drive", [Modality.RGB]) as writer:
        for tick in range(40):
            state = {
                "time_s": 0.1 * tick,
                "x_m": 0.5 * tick,
                "y_m": 0.0,
                "yaw_rad": 0.0,
                "steer_rad": 0.0,
                "throttle": 0.0,
                "brake": 0.0,
            }
            inputs = {
                "speed_mps": 3.0 + 0.25 * tick,
                "target_x_m": 20.0 - 0.5 * tick,
                "target_y_m": 1.0 + tick,
            }
            writer.append({Modality.RGB: np.zeros((8, 8, 3), np.uint8)}, {**state, **inputs})
    write_card(
        folder,
        DatasetCard(
            name="t", rate_hz=10.0, modalities=(Modality.RGB,), camera=CameraSpec(width=8, height=8)
        ),
    )
    return Dataset.open(folder)


def test_of_every_column_over_the_samples_and_their_mirror_images(tmp_path: Path) -> None:
    samples = SampleSet.open(recorded(tmp_path), ["drive"], WaypointsTask(), [Modality.RGB])
    assert len(samples) == 20
    speed = InputRange(low=(3.0,), high=(3.0 + 0.25 * 19,))
    assert input_ranges(samples, mirrored=False) == {
        "speed_mps": speed,
        "target_ego_m": InputRange(low=(20.0 - 0.5 * 19, 1.0), high=(20.0, 20.0)),
    }
    assert input_ranges(samples, mirrored=True) == {
        "speed_mps": speed,
        "target_ego_m": InputRange(low=(20.0 - 0.5 * 19, -20.0), high=(20.0, 20.0)),
    }


def test_a_task_without_ego_inputs_has_none(tmp_path: Path) -> None:
    assert (
        input_ranges(
            SampleSet.open(recorded(tmp_path), ["drive"], SteeringTask(), [Modality.RGB]),
            mirrored=True,
        )
        == {}
    )
