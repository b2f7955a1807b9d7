"""Depth, classes and colours of the renderer in a town made by hand, in which every distance is
known.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from auxdrive.cards import CameraSpec
from auxdrive.modalities import (
    FIRST_CLASSES,
    MODALITIES,
    SEGMENTATION_CLASSES,
    Modality,
    coarse_ids,
)
from auxdrive.types import AnyArray
from auxdrive_eval.simulators.embedded.render.cone import Cone
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.simulators.embedded.town.model import CarKind
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import LightColour
from town_by_hand import CAMERA, CLASS, FURNISHED, STOP_X, WEATHERS, box, car, hand_town, scene


def _ground_depth_m(pitch_rad: float, height_m: float = CAMERA.z_m, z_m: float = 0.0) -> AnyArray:
    """Depth along the camera's axis of flat ground at `z_m`, (H, 1), infinite above the horizon."""
    focal = CAMERA.width / 2
    up = (CAMERA.height / 2 - (np.arange(CAMERA.height) + 0.5)) / focal
    down = math.sin(pitch_rad) - up * math.cos(pitch_rad)
    depth = np.full(CAMERA.height, np.inf)
    depth[down > 1e-9] = (height_m - z_m) / down[down > 1e-9]
    return depth[:, None]


@pytest.mark.parametrize("pitch_rad", [0.0, 0.1, -0.05])
def test_depth_of_the_ground_is_right_to_a_centimetre(pitch_rad: float) -> None:
    camera = CAMERA.model_copy(update={"pitch_rad": pitch_rad})
    renderer = PandaRenderer(camera)
    try:
        renderer.load(hand_town(), Weather())
        for ego_yaw in (0.0, 0.7):
            depth, classes = renderer.depth_and_segmentation(scene(-90.0, yaw=ego_yaw))
            flat = np.isin(classes, [CLASS["road"], CLASS["lane_marking"], CLASS["terrain"]])
            wanted = np.broadcast_to(_ground_depth_m(pitch_rad), depth.shape)
            near = flat & (wanted < 60.0)
            assert near.sum() > 8000
            assert np.abs(depth[near] / 100.0 - wanted[near]).max() <= 0.0051 + 1e-3
    finally:
        renderer.close()


def test_depth_of_a_box_and_of_a_car_is_right_to_a_centimetre(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(box(-50.0, 0.0, width=6.0)), Weather())
    depth, classes = renderer.depth_and_segmentation(scene(-90.0, 0.0, 0.0, car(-75.0, -4.0)))
    building, vehicle = classes == CLASS["building"], classes == CLASS["vehicle"]
    assert building.sum() > 300
    assert np.abs(depth[building] / 100.0 - (40.0 - 1.2 - 3.0)).max() <= 0.01
    tail = 15.0 - 1.2 - 2.2
    assert abs(depth[vehicle].min() / 100.0 - tail) <= 0.01
    assert depth[vehicle].max() / 100.0 <= tail + 4.4 + 0.01


def test_the_sky_has_the_greatest_depth_and_frames_have_the_stored_format(
    renderer: PandaRenderer,
) -> None:
    renderer.load(FURNISHED, Weather())
    here = scene(-100.0)
    depth, classes = renderer.depth_and_segmentation(here)
    assert (depth[classes == CLASS["sky"]] == 65535).all()
    assert (depth[classes != CLASS["sky"]] < 65535).mean() > 0.98
    rgb = renderer.rgb(here)
    for modality, frame in (
        (Modality.RGB, rgb),
        (Modality.DEPTH, depth),
        (Modality.SEGMENTATION, classes),
    ):
        assert MODALITIES[modality].check_frame(frame.shape, frame.dtype) is None
    assert {SEGMENTATION_CLASSES[i] for i in np.unique(classes)} >= {
        "road", "lane_marking", "sidewalk", "building", "vegetation", "vehicle", "red_light",
        "pole", "terrain", "sky",
    }  # fmt: skip
    points = renderer.lidar_points(here)
    assert points.dtype == np.float32
    assert points.ndim == 2
    assert points.shape[1] == 4


@pytest.mark.parametrize(("y", "half"), [(14.0, slice(0, 128)), (-18.0, slice(128, 256))])
def test_left_is_left_and_the_frames_are_aligned(
    renderer: PandaRenderer, y: float, half: slice
) -> None:
    renderer.load(hand_town(), Weather())
    empty = renderer.rgb(scene(-90.0)).astype(int)
    renderer.load(hand_town(box(-65.0, y)), Weather())
    here = scene(-90.0)
    depth, classes = renderer.depth_and_segmentation(here)
    building = classes == CLASS["building"]
    assert building[:, half].sum() == building.sum() > 100
    changed = np.abs(renderer.rgb(here).astype(int) - empty).max(axis=2) > 12
    grown = (
        building
        | np.roll(building, 1, 0)
        | np.roll(building, -1, 0)
        | np.roll(building, 1, 1)
        | np.roll(building, -1, 1)
    )
    assert (changed & ~grown).sum() == 0
    assert (changed & building).sum() > 0.9 * building.sum()
    corners = [(y + side + 2.0, 25.0 + end - 1.2) for side in (-2.0, 2.0) for end in (-3.0, 3.0)]
    columns = np.array([128 - 128 * left / forward for left, forward in corners])
    seen = np.flatnonzero(building.any(axis=0))
    assert columns.min() - 1.5 <= seen.min()
    assert seen.max() <= columns.max() + 1.5
    assert depth[building].min() / 100.0 >= 22.0 - 1.2 - 0.01


def test_weather_changes_the_image_alone(renderer: PandaRenderer) -> None:
    here = scene(-90.0, -2.0, 0.0, car(-78.0, 2.0, math.pi))
    frames = []
    for weather in WEATHERS:
        renderer.load(FURNISHED, weather)
        depth, classes = renderer.depth_and_segmentation(here)
        frames.append((renderer.rgb(here), depth, classes, renderer.lidar_points(here)))
        assert classes.max() < len(SEGMENTATION_CLASSES)
    for other in frames[1:]:
        for a, b in zip(frames[0][1:], other[1:], strict=True):
            np.testing.assert_array_equal(a, b)
    images = [frame[0].astype(int) for frame in frames]
    for i, first in enumerate(images):
        for second in images[i + 1 :]:
            assert np.abs(first - second).mean() > 5.0
    assert images[2].mean() < 0.5 * images[0].mean()


def test_the_order_of_calls_does_not_matter(renderer: PandaRenderer) -> None:
    renderer.load(FURNISHED, WEATHERS[2])
    a, b = scene(-90.0, -2.0, 0.0, car(-80.0, 2.0)), scene(-60.0, -2.0, 0.3)
    rgb_a = renderer.rgb(a)
    depth_a, _ = renderer.depth_and_segmentation(a)
    renderer.lidar_points(b)
    renderer.depth_and_segmentation(b)
    np.testing.assert_array_equal(renderer.depth_and_segmentation(a)[0], depth_a)
    np.testing.assert_array_equal(renderer.rgb(dataclasses.replace(a)), rgb_a)


@pytest.mark.parametrize(
    "weather", [Weather(), Weather(sun_altitude_deg=-20.0), Weather(fog_density=40.0)]
)
@pytest.mark.parametrize("back_m", [4.0, 30.0])
def test_the_state_of_a_light_is_visible_before_the_stop_line(
    renderer: PandaRenderer, weather: Weather, back_m: float
) -> None:
    renderer.load(hand_town(), weather)
    lit: dict[LightColour, AnyArray] = {}
    for colour in LightColour:
        here = scene(STOP_X - back_m, light=colour)
        _, classes = renderer.depth_and_segmentation(here)
        is_light = coarse_ids(len(FIRST_CLASSES))[classes] == CLASS["traffic_light"]
        lit[colour] = renderer.rgb(here)[is_light].astype(int)
        shown = {other for other in LightColour if (classes == CLASS[f"{other}_light"]).any()}
        assert shown == {colour}
        assert (classes == CLASS["stop_line"]).any() == (back_m < 20.0)
    red = (lit[LightColour.RED][:, 0] - lit[LightColour.RED][:, 1]) > 50
    green = (lit[LightColour.GREEN][:, 1] - lit[LightColour.GREEN][:, 0]) > 50
    assert red.sum() >= 3
    assert green.sum() >= 3
    assert ((lit[LightColour.GREEN][:, 0] - lit[LightColour.GREEN][:, 1]) > 50).sum() == 0
    assert np.abs(lit[LightColour.YELLOW] - lit[LightColour.RED]).max() > 50


def test_a_light_that_faces_away_and_a_stop_sign_from_both_sides(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), Weather())
    _, classes = renderer.depth_and_segmentation(scene(30.0, 2.0, math.pi))
    seen = {SEGMENTATION_CLASSES[i] for i in np.unique(classes)}
    assert {"traffic_light", "stop_sign", "stop_line"} <= seen
    assert not {"red_light", "yellow_light", "green_light", "traffic_sign"} & seen
    _, behind = renderer.depth_and_segmentation(scene(-1.0, 2.0, 0.0))
    seen = {SEGMENTATION_CLASSES[i] for i in np.unique(behind)}
    assert "traffic_sign" in seen
    assert "stop_sign" not in seen


def test_brake_lights_show_and_far_cars_do_not(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), Weather(cloudiness=100.0))
    images = [
        renderer.rgb(scene(-90.0, -2.0, 0.0, car(-80.0, -2.0, braking=braking))).astype(int)
        for braking in (False, True)
    ]
    changed = np.abs(images[1] - images[0]).max(axis=2) > 40
    assert 10 < changed.sum() < 600
    assert (images[1] - images[0])[changed][:, 0].min() > 0
    _, classes = renderer.depth_and_segmentation(scene(-90.0, -2.0, 0.0, car(80.0, -2.0)))
    assert not (classes == CLASS["vehicle"]).any()


@pytest.mark.parametrize("kind", list(CarKind))
def test_every_kind_of_car_stands_within_its_box(renderer: PandaRenderer, kind: CarKind) -> None:
    renderer.load(hand_town(), Weather())
    for yaw in (0.0, 1.0, 2.5):
        depth, classes = renderer.depth_and_segmentation(
            scene(-90.0, -2.0, 0.0, car(-80.0, -2.0, yaw, kind), car(-100.0, 2.0))
        )
        rows, columns = np.nonzero(classes == CLASS["vehicle"])
        assert len(rows) > 300
        forward = depth[rows, columns] / 100.0
        left = (128 - columns - 0.5) / 128 * forward
        up = (72 - rows - 0.5) / 128 * forward + 1.5
        c, s = math.cos(yaw), math.sin(yaw)
        x, y = forward - (10.0 - 1.2), left
        along, across = c * x + s * y, -s * x + c * y
        slack = 0.02 + 2 * forward / 128  # the rasteriser's edges are up to a pixel off
        assert (np.abs(along) <= 2.2 + slack).all()
        assert (np.abs(across) <= 0.95 + slack).all()
        assert (up <= 1.5 + slack).all()
        assert (up >= -slack).all()


def test_odd_image_sizes_work() -> None:
    renderer = PandaRenderer(
        CameraSpec(width=97, height=61, fov_deg=110.0, x_m=0.5, y_m=0.2, z_m=1.1, pitch_rad=0.05)
    )
    renderer.load(FURNISHED, Weather(sun_altitude_deg=-10.0, precipitation=30.0))
    assert renderer.rgb(scene(-90.0)).shape == (61, 97, 3)
    assert renderer.depth_and_segmentation(scene(-90.0))[0].shape == (61, 97)
    renderer.close()


def test_cars_out_of_view_are_left_out_and_change_no_pixel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ring = [
        car(radius_m * math.cos(angle), -2.0 + radius_m * math.sin(angle), 3 * angle)
        for radius_m, angle in zip([6.0, 9.0, 14.0, 40.0] * 12, np.arange(48.0), strict=True)
    ]
    renderer = PandaRenderer(CAMERA.model_copy(update={"pitch_rad": 0.1, "x_m": 1.0}))
    renderer.load(hand_town(), Weather(fog_density=10.0))
    shown = []
    for everything in (False, True):
        if everything:
            monkeypatch.setattr(Cone, "may_show", lambda *_: True)
        here = scene(0.0, -2.0, 0.4, *ring)
        shown.append((renderer.rgb(here), *renderer.depth_and_segmentation(here)))
        assert renderer._actors is not None
        drawn = renderer._actors._numbers.get_num_children()
        assert (drawn == len(ring)) is everything
    renderer.close()
    for lean, whole in zip(*shown, strict=True):
        assert (lean == whole).all()
    assert (shown[0][2] == CLASS["vehicle"]).any()
