"""What the embedded simulator senses: stored formats, once per tick, and the LiDAR's points."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive.cards import CameraSpec
from auxdrive.data.lidar import bev_histogram
from auxdrive.errors import SimulatorError
from auxdrive.modalities import MODALITIES, Modality
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import SENSED


def test_sensors_come_in_the_stored_format_and_once_per_instant() -> None:
    with_sensors = EmbeddedSimulator(
        CameraSpec(width=64, height=36, fov_deg=100.0, x_m=1.7, z_m=1.6), traffic=3
    )
    try:
        with_sensors.reset(with_sensors.random_route(0), 0)
        frames = with_sensors.sense(SENSED)
        for modality, frame in frames.items():
            height, width = (64, 64) if modality is Modality.LIDAR else (36, 64)
            spec = MODALITIES[modality]
            assert frame.shape == spec.array_shape(height, width)
            assert spec.check_frame(frame.shape, frame.dtype) is None
        assert with_sensors.sense([Modality.DEPTH])[Modality.DEPTH] is frames[Modality.DEPTH]
    finally:
        with_sensors.close()


def test_the_lidars_points_are_those_of_its_histogram() -> None:
    simulator = EmbeddedSimulator(
        CameraSpec(width=32, height=18, fov_deg=100.0, x_m=1.7, z_m=1.6), traffic=3
    )
    try:
        simulator.reset(simulator.random_route(0), 0)
        points = simulator.lidar_points()
        assert points.dtype == np.float32
        assert points.shape[1:] == (4,)
        np.testing.assert_array_equal(
            bev_histogram(points), simulator.sense([Modality.LIDAR])[Modality.LIDAR]
        )
        assert simulator.lidar_points() is points
        assert not points.flags.writeable
        # The ego frame: nothing lies under the ground, whose height is 0 there and -2.4 m in the
        # sensor's frame.
        assert points[:, 2].min() > -0.05
        assert np.mean(np.abs(points[:, 2]) < 0.05) > 0.2
        for _ in range(30):
            simulator.step(simulator.expert())
        histogram = simulator.sense([Modality.LIDAR])[Modality.LIDAR]
        later = simulator.lidar_points()
        assert not np.array_equal(later, points)
        np.testing.assert_array_equal(bev_histogram(later), histogram)
    finally:
        simulator.close()
    with pytest.raises(SimulatorError, match="no route"):
        simulator.lidar_points()


def test_a_world_without_sensors_has_no_points() -> None:
    blind = EmbeddedSimulator(render=False, traffic=0)
    blind.reset(blind.random_route(0), 0)
    with pytest.raises(SimulatorError, match="has no sensors"):
        blind.lidar_points()
