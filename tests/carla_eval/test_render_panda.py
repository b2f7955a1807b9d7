"""The renderer in a town laid out by hand, where every distance is known. Run as a script it prints
a digest of its frames.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from auxdrive.cards import CameraSpec
from auxdrive.errors import SimulatorError
from auxdrive.modalities import MODALITIES, SEGMENTATION_CLASSES, Modality
from auxdrive.types import AnyArray, Pose2
from auxdrive_eval.simulators.embedded.render import roof_lidar as lidar
from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer
from auxdrive_eval.simulators.embedded.scene import Scene
from auxdrive_eval.simulators.embedded.town.model import (
    CarKind,
    CarPose,
    Junction,
    JunctionKind,
    Lane,
    Prop,
    PropKind,
    Road,
    StopSign,
    Town,
    TrafficLight,
)
from auxdrive_eval.world import LightColour, RoadOption, Weather

CAMERA = CameraSpec(width=256, height=144, fov_deg=90.0, x_m=1.2, z_m=1.5)
CLASS = {name: i for i, name in enumerate(SEGMENTATION_CLASSES)}
STOP_X = -10.0
WEATHERS = (
    Weather(),
    Weather(sun_altitude_deg=3.0, sun_azimuth_deg=200.0),
    Weather(sun_altitude_deg=-20.0),
    Weather(cloudiness=100.0, precipitation=90.0, wetness=90.0),
    Weather(fog_density=70.0),
)


def _lane(
    lane_id: int,
    road_id: int,
    start: float,
    end: float,
    y: float,
    light_id: int | None,
    stop_sign_id: int | None,
) -> Lane:
    count = round(abs(end - start)) + 1
    line = np.column_stack([np.linspace(start, end, count), np.full(count, y)])
    return Lane(
        lane_id, road_id, line, np.abs(line[:, 0] - start),
        np.full(count, 0.0 if end > start else math.pi), 4.0, 10.0, (), (), None,
        RoadOption.LANE_FOLLOW, light_id, stop_sign_id,
    )  # fmt: skip


def hand_town(*props: Prop) -> Town:
    """A straight road along x with one junction at the origin; a light for those who come from the
    left, a stop sign for the others.
    """
    west = np.column_stack([np.linspace(-120, STOP_X, 111), np.zeros(111)])
    east = np.column_stack([np.linspace(10, 120, 111), np.zeros(111)])
    polygon = np.array(
        [(-10, -4), (-4, -10), (4, -10), (10, -4), (10, 4), (4, 10), (-4, 10), (-10, 4)],
        dtype=np.float64,
    )
    light = TrafficLight(1, 1, 1, 0, (STOP_X, -5.5), math.pi, ((STOP_X, 0.0), (STOP_X, -4.0)))
    sign = StopSign(1, 1, 2, (10.0, 5.5), 0.0, ((10.0, 0.0), (10.0, 4.0)))
    return Town(
        name="hand",
        seed=7,
        lanes={1: _lane(1, 1, -120, STOP_X, -2.0, 1, None), 2: _lane(2, 2, 120, 10, 2.0, None, 1)},
        roads={1: Road(1, west, 4.0), 2: Road(2, east, 4.0)},
        junctions={1: Junction(1, JunctionKind.FOUR_WAY, (0.0, 0.0), polygon, ())},
        lights={1: light},
        stop_signs={1: sign},
        props=props,
        kerb_height_m=0.15,
        sidewalk_width_m=2.0,
        bounds=(-120.0, -60.0, 120.0, 60.0),
    )


def box(
    x: float,
    y: float,
    length: float = 6.0,
    width: float = 4.0,
    height: float = 12.0,
    yaw: float = 0.0,
) -> Prop:
    """A building without a pitched roof: a plain box."""
    return Prop(1, PropKind.BUILDING, x, y, yaw, length, width, height, 3)


FURNISHED = hand_town(
    box(-60.0, 16.0),
    Prop(2, PropKind.TREE, -70.0, -9.0, 0.0, 0.6, 0.6, 7.0, 1),
    Prop(3, PropKind.POLE, -80.0, 5.0, -1.5, 0.2, 0.2, 7.0, 0),
    Prop(4, PropKind.PARKED_CAR, -75.0, -7.5, 0.0, 4.4, 1.8, 1.5, 1, CarKind.HATCHBACK),
)


def car(
    x: float, y: float, yaw: float = 0.0, kind: CarKind = CarKind.SEDAN, *, braking: bool = False
) -> CarPose:
    return CarPose(5, kind, x, y, yaw, 4.4, 1.8, 1.5, 3, braking)


def scene(
    x: float,
    y: float = -2.0,
    yaw: float = 0.0,
    *cars: CarPose,
    light: LightColour = LightColour.RED,
    time_s: float = 0.0,
) -> Scene:
    return Scene(time_s, Pose2(x, y, yaw), cars, {1: light})


@pytest.fixture(scope="module")
def renderer() -> Iterator[PandaRenderer]:
    """One renderer for the module; every test loads its own town."""
    made = PandaRenderer(CAMERA)
    yield made
    made.close()


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
        "road", "lane_marking", "sidewalk", "building", "vegetation", "vehicle", "traffic_light",
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


def test_weather_changes_the_picture_alone(renderer: PandaRenderer) -> None:
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
    pictures = [frame[0].astype(int) for frame in frames]
    for i, first in enumerate(pictures):
        for second in pictures[i + 1 :]:
            assert np.abs(first - second).mean() > 5.0
    assert pictures[2].mean() < 0.5 * pictures[0].mean()


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
        lamps = renderer.rgb(here)[classes == CLASS["traffic_light"]].astype(int)
        lit[colour] = lamps
    red = (lit[LightColour.RED][:, 0] - lit[LightColour.RED][:, 1]) > 50
    green = (lit[LightColour.GREEN][:, 1] - lit[LightColour.GREEN][:, 0]) > 50
    assert red.sum() >= 3
    assert green.sum() >= 3
    assert ((lit[LightColour.GREEN][:, 0] - lit[LightColour.GREEN][:, 1]) > 50).sum() == 0
    assert np.abs(lit[LightColour.YELLOW] - lit[LightColour.RED]).max() > 50


def test_brake_lights_show_and_far_cars_do_not(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), Weather(cloudiness=100.0))
    pictures = [
        renderer.rgb(scene(-90.0, -2.0, 0.0, car(-80.0, -2.0, braking=braking))).astype(int)
        for braking in (False, True)
    ]
    changed = np.abs(pictures[1] - pictures[0]).max(axis=2) > 40
    assert 10 < changed.sum() < 600
    assert (pictures[1] - pictures[0])[changed][:, 0].min() > 0
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
        slack = 0.02 + 2 * forward / 128  # the rasteriser's rim is up to a pixel wide
        assert (np.abs(along) <= 2.2 + slack).all()
        assert (np.abs(across) <= 0.95 + slack).all()
        assert (up <= 1.5 + slack).all()
        assert (up >= -slack).all()


def test_lidar_points_lie_on_what_they_met(renderer: PandaRenderer) -> None:
    wall = box(-70.0, 0.0, length=4.0, width=30.0)
    renderer.load(hand_town(wall), Weather())
    points = renderer.lidar_points(scene(-90.0, 0.0, 0.0)).astype(np.float64)
    assert len(points) > 6000
    position, intensity = points[:, :3], points[:, 3]
    assert ((intensity > 0) & (intensity <= 1)).all()
    ray = position - np.array(lidar.MOUNT_M)
    distance = np.linalg.norm(ray, axis=1)
    assert distance.max() <= lidar.RANGE_M + 1e-3
    elevation = np.degrees(np.arcsin(ray[:, 2] / distance))
    step = (lidar.HIGHEST_DEG - lidar.LOWEST_DEG) / (lidar.RINGS - 1)
    ring = (elevation - lidar.LOWEST_DEG) / step
    assert np.abs(ring - np.rint(ring)).max() < 0.01
    on_wall = position[:, 2] > 0.3
    wall_x = 18.0
    facing = on_wall & (np.abs(position[:, 1]) < 14.5) & (position[:, 0] > 0)
    assert facing.sum() > 300
    assert np.abs(position[facing, 0] - wall_x).max() < 0.01
    near_road = (
        ~on_wall
        & (np.abs(position[:, 1]) < 3.5)
        & (position[:, 0] > 3)
        & (position[:, 0] < wall_x - 0.2)
    )
    assert near_road.sum() > 300
    assert np.abs(position[near_road, 2]).max() < 0.01
    kerb = (
        ~on_wall
        & (np.abs(position[:, 1]) > 4.1)
        & (np.abs(position[:, 1]) < 5.6)
        & (np.abs(position[:, 0]) < 15)
    )
    assert np.abs(position[kerb, 2] - 0.15).max() < 0.01


def test_lidar_sees_left_on_the_left_and_behind(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), Weather())
    for yaw in (0.0, 2.0):
        c, s = math.cos(yaw), math.sin(yaw)
        for forward, left in ((0.0, 8.0), (0.0, -8.0), (-12.0, 0.5), (12.0, 3.0)):
            other = car(-90.0 + c * forward - s * left, -2.0 + s * forward + c * left, yaw)
            points = renderer.lidar_points(scene(-90.0, -2.0, yaw, other))
            tall = points[(points[:, 2] > 0.4) & (np.abs(points[:, 0]) < 20)]
            box_hits = (np.abs(tall[:, 0] - forward) < 2.3) & (np.abs(tall[:, 1] - left) < 1.05)
            assert box_hits.sum() >= 10


def test_no_lidar_point_floats_between_edges(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(box(-75.0, 9.0, yaw=0.4), box(-60.0, -10.0)), Weather())
    points = renderer.lidar_points(scene(-90.0, -2.0, 0.2)).astype(np.float64)
    c, s = math.cos(0.2), math.sin(0.2)
    x, y = -90.0 + c * points[:, 0] - s * points[:, 1], -2.0 + s * points[:, 0] + c * points[:, 1]
    high = points[:, 2] > 0.2
    near_town = (x < -40) & (np.abs(y) < 20)
    surface = np.full(len(x), np.inf)
    for centre, yaw in (((-75.0, 9.0), 0.4), ((-60.0, -10.0), 0.0)):
        u = math.cos(yaw) * (x - centre[0]) + math.sin(yaw) * (y - centre[1])
        v = -math.sin(yaw) * (x - centre[0]) + math.cos(yaw) * (y - centre[1])
        outside = np.hypot(np.maximum(np.abs(u) - 3.0, 0), np.maximum(np.abs(v) - 2.0, 0))
        inside = np.minimum(3.0 - np.abs(u), 2.0 - np.abs(v))
        surface = np.minimum(surface, np.where(outside > 0, outside, inside))
    assert (high & near_town).sum() > 200
    assert surface[high & near_town].max() < 0.25


def _nodes(renderer: PandaRenderer) -> int:
    return sum(
        root.find_all_matches("**").get_num_paths()
        for root in (renderer._picture_root, renderer._number_root)
    )


def test_another_town_frees_the_former(renderer: PandaRenderer) -> None:
    counts, faces = [], []
    for town in (FURNISHED, hand_town(), FURNISHED, hand_town()):
        renderer.load(town, Weather())
        renderer.rgb(scene(-90.0, -2.0, 0.0, car(-80.0, 2.0)))
        counts.append(_nodes(renderer))
        faces.append(len(renderer._registry.offsets))
    assert counts[:2] == counts[2:]
    assert faces[:2] == faces[2:]
    assert counts[1] < counts[0]


def test_cars_are_drawn_from_a_pool(renderer: PandaRenderer) -> None:
    renderer.load(hand_town(), Weather())
    counts = []
    for step in range(4):
        here = scene(-90.0 + step, -2.0, 0.0, car(-80.0 + step, 2.0), car(-70.0, -2.0 - 0.1 * step))
        renderer.rgb(here)
        counts.append(_nodes(renderer))
    assert len(set(counts)) == 1


def test_it_can_be_closed_and_opened_again() -> None:
    digests = []
    for _ in range(2):
        renderer = PandaRenderer(CAMERA)
        with pytest.raises(SimulatorError, match="no town is loaded"):
            renderer.rgb(scene(0.0))
        digests.append(digest(renderer))
        renderer.close()
        renderer.close()
        with pytest.raises(SimulatorError, match="closed"):
            renderer.lidar_points(scene(0.0))
        with pytest.raises(SimulatorError, match="closed"):
            renderer.load(FURNISHED, Weather())
    assert digests[0] == digests[1]


def test_another_process_draws_the_same_bytes(renderer: PandaRenderer) -> None:
    result = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.strip() == digest(renderer)


def test_mistakes_are_said(renderer: PandaRenderer) -> None:
    with pytest.raises(
        SimulatorError, match=r"ingest --fov-deg.*camera\.fov_deg in the data set's dataset\.json"
    ):
        PandaRenderer(CameraSpec(width=64, height=48))
    renderer.load(hand_town(), Weather())
    with pytest.raises(SimulatorError, match="light 1"):
        renderer.rgb(Scene(0.0, Pose2(0.0, 0.0, 0.0), (), {}))


def test_odd_picture_sizes_work() -> None:
    renderer = PandaRenderer(
        CameraSpec(width=97, height=61, fov_deg=110.0, x_m=0.5, y_m=0.2, z_m=1.1, pitch_rad=0.05)
    )
    renderer.load(FURNISHED, Weather(sun_altitude_deg=-10.0, precipitation=30.0))
    assert renderer.rgb(scene(-90.0)).shape == (61, 97, 3)
    assert renderer.depth_and_segmentation(scene(-90.0))[0].shape == (61, 97)
    renderer.close()


def digest(renderer: PandaRenderer) -> str:
    """SHA-256 of all frames of a few scenes in several weathers."""
    total = hashlib.sha256()
    for weather in WEATHERS[2:]:
        renderer.load(FURNISHED, weather)
        for step in range(3):
            here = scene(
                -95.0 + 3 * step,
                -2.0,
                0.02 * step,
                car(-80.0, 2.0, 3.0),
                light=LightColour.GREEN,
                time_s=0.1 * step,
            )
            for frame in (
                renderer.rgb(here),
                *renderer.depth_and_segmentation(here),
                renderer.lidar_points(here),
            ):
                total.update(frame.tobytes())
    return total.hexdigest()


if __name__ == "__main__":
    print(digest(PandaRenderer(CAMERA)))
