"""The projection of predictions into images agrees with what the simulator's camera sees."""

from __future__ import annotations

import numpy as np
import pytest
from auxdrive.inspection.overlay import project
from auxdrive.modalities import MODALITIES, Modality
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator


@pytest.mark.parametrize("pitch_rad", [0.0, 0.15])
def test_the_road_ahead_is_where_it_is_drawn(
    short_routes: tuple[Route, ...], pitch_rad: float
) -> None:
    """A point of the road is as far from the camera as the depth image says at its pixel."""
    from small_world import CAMERA

    camera = CAMERA.model_copy(
        update={"width": 160, "height": 90, "y_m": 0.3, "pitch_rad": pitch_rad}
    )
    simulator = EmbeddedSimulator(camera=camera, traffic=0)
    try:
        simulator.reset(short_routes[0], 0)
        depth = simulator.sense({Modality.DEPTH})[Modality.DEPTH]
        depth_m = np.asarray(depth) * MODALITIES[Modality.DEPTH].scale
    finally:
        simulator.close()
    points = np.array([[x, y] for x in (5.0, 6.5, 8.0) for y in (-0.5, 0.3, 0.8)])
    pixels = project(points, camera)
    assert pixels is not None
    for (x_m, _), (u, v) in zip(points, pixels, strict=True):
        ahead_m = x_m - camera.x_m
        along_m = np.cos(pitch_rad) * ahead_m + np.sin(pitch_rad) * camera.z_m
        assert depth_m[int(v), int(u)] == pytest.approx(along_m, rel=0.06)
