"""What lies in the camera's view: against its depth image, and where every distance is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.cards import CameraSpec
from auxdrive.errors import SimulatorError
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from auxdrive.types import Float64, Pose2
from auxdrive_eval.simulators.embedded.ego.sight import (
    EYE_M,
    REACH_M,
    Movers,
    Screens,
    Sight,
)
from auxdrive_eval.simulators.embedded.geometry.boxes import box as flat_box
from auxdrive_eval.simulators.embedded.geometry.boxes import distances
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from town_by_hand import CAMERA, box, hand_town

THIN = [SEGMENTATION_CLASSES.index(name) for name in ("pole", "traffic_sign", "traffic_light")]
ORIGIN = Pose2(0.0, 0.0, 0.0)
AHEAD = np.array([[21.2, 0.0, EYE_M]])
"""A place 20 m ahead of the camera of an ego at the origin."""


def test_it_says_what_the_depth_image_says() -> None:
    """Of places at a car's height all over the image, with traffic; poles are too thin to count."""
    simulator, rng = EmbeddedSimulator(traffic=30), np.random.default_rng(0)
    wrong, hidden, asked = 0, 0, 0
    route = simulator.random_route(23)
    state = simulator.reset(route, 23)
    sight = Sight(simulator.camera, Screens(simulator.town(route.town)))
    for _ in range(4):
        for _ in range(50):
            state = simulator.step(simulator.expert())
        cars = simulator.scene().cars
        boxes = np.array([flat_box(c.x_m, c.y_m, c.yaw_rad, c.length_m, c.width_m) for c in cars])
        heights = np.array([car.height_m for car in cars])
        view = sight.look(state.ego, Movers(boxes, heights, tuple(range(len(cars)))))
        places = _around(state.ego, simulator.camera, rng)
        free = np.min([distances(each, places[:, :2]) for each in view._boxes], axis=0) > 0.3
        places = places[free & view.in_frame(places)]
        frames = simulator.sense([Modality.DEPTH, Modality.SEGMENTATION])
        row, column, depth_m = _pixels(state.ego, simulator.camera, places)
        behind = frames[Modality.DEPTH][row, column] / 100.0 < depth_m - 0.2
        thick = ~behind | ~np.isin(frames[Modality.SEGMENTATION][row, column], THIN)
        wrong += int((view.sees(places)[thick] == behind[thick]).sum())
        hidden += int(behind[thick].sum())
        asked += int(thick.sum())
    simulator.close()
    assert asked > 5000
    assert hidden > 0.1 * asked
    assert wrong < 0.03 * asked


def _around(ego: Pose2, camera: CameraSpec, rng: np.random.Generator) -> Float64:
    away, turn = rng.uniform(3.0, REACH_M - 2.0, 2000), rng.uniform(-0.9, 0.9, 2000)
    x = ego.x_m + camera.x_m * math.cos(ego.yaw_rad) + away * np.cos(ego.yaw_rad + turn)
    y = ego.y_m + camera.x_m * math.sin(ego.yaw_rad) + away * np.sin(ego.yaw_rad + turn)
    return np.column_stack([x, y, np.full(2000, EYE_M)])


def _pixels(
    ego: Pose2, camera: CameraSpec, places: Float64
) -> tuple[np.ndarray, np.ndarray, Float64]:
    """Row, column and distance along the axis of the pixel that shows each place."""
    assert camera.fov_deg is not None
    half = math.tan(math.radians(camera.fov_deg) / 2)
    cos, sin = math.cos(ego.yaw_rad), math.sin(ego.yaw_rad)
    dx, dy = places[:, 0] - ego.x_m, places[:, 1] - ego.y_m
    depth, left = dx * cos + dy * sin - camera.x_m, dy * cos - dx * sin
    half_px = camera.width / 2
    column = half_px * (1 - left / depth / half)
    row = camera.height / 2 - half_px * (places[:, 2] - camera.z_m) / depth / half
    return row.astype(int), column.astype(int), depth


def test_what_stands_in_the_line_of_sight_hides_what_is_behind_it() -> None:
    wall = Sight(CAMERA, Screens(hand_town(box(11.0, 0.0))))
    low = Sight(CAMERA, Screens(hand_town(box(11.0, 0.0, height=1.3))))
    beside = Sight(CAMERA, Screens(hand_town(box(11.0, 2.2))))
    before = np.subtract(AHEAD, (14.0, 0.0, 0.0))
    over = np.add(AHEAD, (0.0, 0.0, 8.0))
    for sight, there, seen in (
        (wall, AHEAD, False),
        (wall, before, True),
        (wall, np.add(AHEAD, (0.0, 6.0, 0.0)), True),
        (low, AHEAD, False),
        (low, over, True),
        (beside, AHEAD, True),
    ):
        assert sight.look(ORIGIN).sees(there).tolist() == [seen]


def test_the_frame_ends_at_the_field_of_view_and_at_the_reach() -> None:
    sight = Sight(CAMERA, Screens(hand_town()))
    edge = 20.0 * sight.half_width
    offsets = [(0, 0, 0), (0, edge - 0.1, 0), (0, edge + 0.1, 0), (-30, 0, 0), (31, 0, 0)]
    top = 20.0 * sight.half_height + CAMERA.z_m - EYE_M
    offsets += [(0, 0, top - 0.1), (0, 0, top + 0.1)]
    seen = sight.look(ORIGIN).sees(AHEAD + np.array(offsets))
    assert seen.tolist() == [True, True, False, False, False, True, False]
    down = Sight(CAMERA.model_copy(update={"pitch_rad": 0.3}), Screens(hand_town()))
    assert not down.look(ORIGIN).sees(np.add(AHEAD, (0.0, 0.0, top - 0.1)))[0]
    assert down.look(ORIGIN).sees(np.array([[2.8, 0.0, 0.0]]))[0]
    assert not sight.look(ORIGIN).sees(np.array([[2.8, 0.0, 0.0]]))[0]


def test_cars_are_seen_past_each_other_only() -> None:
    """A sedan hides the one behind it, a van that looks over it or stands aside is seen; nobody
    hides himself.
    """
    sight = Sight(CAMERA, Screens(hand_town(box(30.0, 20.0, width=20.0))))
    sedan = flat_box(10.0, 0.0, 0.0, 4.5, 1.8)
    others = {
        "behind": (flat_box(17.0, 0.0, 0.0, 4.5, 1.8), 1.45),
        "aside": (flat_box(17.0, -4.0, 0.0, 4.5, 1.8), 1.45),
        "truck": (flat_box(24.0, 0.0, 0.0, 6.0, 1.8), 4.0),
        "out of the frame": (flat_box(4.0, 9.0, 0.0, 4.5, 1.8), 1.45),
        "behind the wall": (flat_box(40.0, 24.0, 0.0, 4.5, 1.8), 1.45),
    }
    boxes = np.array([sedan, *(where for where, _ in others.values())])
    heights = np.array([1.45, *(height for _, height in others.values())])
    seen = sight.look(ORIGIN, Movers(boxes, heights, tuple(range(6)))).seen_ids
    assert seen == {0, 2, 3}


def test_a_camera_without_a_field_of_view_is_refused() -> None:
    with pytest.raises(SimulatorError, match="field of view"):
        Sight(CameraSpec(width=8, height=8), Screens(hand_town()))
