"""Road maps: what planner and criteria ask of embedded towns and of CARLA's."""

from __future__ import annotations

import gzip
import math
import sys
from pathlib import Path

import carla_towns
import numpy as np
import pytest
from auxdrive.errors import AuxdriveError, DataError, MissingExtra
from auxdrive_eval.criteria import RedLight
from auxdrive_eval.road_maps import CarlaRoadMap, LaneId, RoadMap, Side, open_map
from auxdrive_eval.routes import RoutePlanner, RouteSpec
from auxdrive_eval.scoring.leaderboard1 import RED_LINE_REACH
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.world import TAIL_M, LightColour, Point, Pose2, WorldState


def test_an_embedded_town_is_a_road_map() -> None:
    simulator = EmbeddedSimulator(render=False, traffic=0)
    roads: RoadMap = simulator.road_map("EmbeddedTown1000")
    first = roads.segments(1.0)[0]
    point = first.path[3]
    assert roads.nearest(point.x_m, point.y_m) == point
    (ahead,) = roads.ahead(point, 1.0)
    assert (ahead.x_m, ahead.y_m) == pytest.approx((first.path[4].x_m, first.path[4].y_m), abs=1e-6)
    beyond = roads.ahead(first.path[-1], 5.0)
    assert all(other.lane != point.lane for other in beyond)
    assert roads.beside(point, Side.LEFT) is None
    left = point.x_m - math.sin(point.yaw_rad), point.y_m + math.cos(point.yaw_rad)
    view = roads.lane_view(*left, point.yaw_rad)
    assert view.offset_m == pytest.approx(1.0, abs=0.01)
    assert view.lane_id == point.lane.lane
    assert roads.town_map().lanes[0].width_m == view.width_m


def test_a_road_of_carla_in_our_frame(tmp_path: Path) -> None:
    roads: RoadMap = carla_towns.road(tmp_path)
    assert roads.name == "Road"
    assert (roads.geo.latitude_deg, roads.geo.longitude_deg) == (35.25, -101.5)
    point = roads.nearest(50.0, -4.9)
    assert point.lane == LaneId(7, 0, -2)
    assert (point.x_m, point.y_m, point.yaw_rad) == pytest.approx((50.0, -5.25, 0.0), abs=1e-5)
    view = roads.lane_view(50.0, -4.9, 0.0)
    assert (view.offset_m, view.width_m, view.in_junction) == (
        pytest.approx(0.35, abs=1e-5), 3.5, False,
    )  # fmt: skip
    (ahead,) = roads.ahead(point, 10.0)
    assert ahead.x_m == pytest.approx(60.0, abs=1e-5)
    assert roads.ahead(point, 500.0) == ()
    beside = roads.beside(point, Side.LEFT)
    assert beside is not None
    assert beside.lane == LaneId(7, 0, -1)
    assert roads.beside(beside, Side.LEFT) is None  # oncoming, though the line is broken
    assert abs(roads.nearest(50.0, 1.75).yaw_rad) == pytest.approx(math.pi)
    assert roads.stop_signs((0.0, 0.0)) == ()
    assert len(roads.town_map().lanes) >= 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not XML"),
        (b"<xml/>", "the root element is <xml>; that of a map is <OpenDRIVE>"),
        (b"<OpenDRIVE/>", "holds no roads"),
        (b"\x00\x01", "is not XML"),
        (b"\xff\xfe", "is not UTF-8"),
        (gzip.compress(b"<xml/>" * 99, mtime=0)[:-9], "damaged gzip"),
        (gzip.compress(b" " * (65 << 20), mtime=0), "unpacks to more than 64 MiB"),
        (carla_towns.ROAD.replace("35.25", "north").encode(), "carla cannot read this map"),
    ],
)
def test_what_is_no_map_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    carla_towns.needs_carla()
    (tmp_path / "Road.xodr").write_bytes(content)
    with pytest.raises(AuxdriveError, match=message):
        open_map(tmp_path / "Road.xodr")


def test_without_its_extra_a_map_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "carla", None)
    (tmp_path / "Road.xodr").write_text(carla_towns.ROAD)
    with pytest.raises(MissingExtra, match=r"auxdrive\[carla\]"):
        open_map(tmp_path / "Road.xodr")
    monkeypatch.setitem(sys.modules, "networkx", None)
    roads = EmbeddedSimulator(render=False, traffic=0).road_map("EmbeddedTown1000")
    with pytest.raises(MissingExtra, match=r"auxdrive\[carla\]"):
        RoutePlanner(roads)


def test_a_missing_map_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        open_map(tmp_path / "Town99.xodr")


@pytest.mark.parametrize(("name", "lights"), [("Town02", 24), ("Town10HD", 17), ("Town07", 17)])
def test_stop_lines_of_real_lights_lie_before_their_junctions(name: str, lights: int) -> None:
    roads = carla_towns.town(name)
    assert len(roads.signals.light_ids) == lights
    red = dict.fromkeys(roads.signals.light_ids, LightColour.RED)
    lines = roads.town_map().lights
    assert len(lines) >= lights
    for left, right in lines:
        centre = np.mean([left, right], axis=0).tolist()
        assert 2.5 < math.dist(left, right) < 5.0
        views = [view for view in roads.lights(tuple(centre), red) if view.stop_line[0] == left]
        assert views
        point = roads.lane_view(*centre, views[0].lane_yaw_rad)
        assert abs(point.offset_m) < 0.2
        assert math.cos(point.yaw_rad - views[0].lane_yaw_rad) > 0.9 or point.in_junction


def test_town07_has_stop_signs() -> None:
    roads = carla_towns.town("Town07")
    (left, right), *more = roads.town_map().stop_signs
    assert len(more) > 10
    centre = tuple(np.mean([left, right], axis=0).tolist())
    sign = min(roads.stop_signs(centre), key=lambda view: math.dist(view.trigger_centre, centre))
    assert math.dist(sign.trigger_centre, centre) == pytest.approx(3.0, abs=0.1)


def state_at(roads: RoadMap, frame: int, centre: Point, yaw_rad: float, red: dict) -> WorldState:
    """The world with the ego at a place of a real town, every light red."""
    half_m = 2.3
    back_m = half_m + TAIL_M
    tail = centre[0] - back_m * math.cos(yaw_rad), centre[1] - back_m * math.sin(yaw_rad)
    return WorldState(
        frame,
        frame * 0.05,
        Pose2(*centre, yaw_rad),
        centre,
        5.0,
        0.0,
        (half_m, 0.9),
        lights=roads.lights(centre, red),
        lane=roads.lane_view(*centre, yaw_rad),
        tail_lane_id=roads.lane_view(*tail, yaw_rad).lane_id,
    )


@pytest.mark.parametrize(("colour", "count"), [(LightColour.RED, 1), (LightColour.GREEN, 0)])
def test_a_stop_line_of_town02_crossed_on_red_is_one_event(colour: LightColour, count: int) -> None:
    roads = carla_towns.town("Town02")
    lights = dict.fromkeys(roads.signals.light_ids, colour)
    left, right = roads.town_map().lights[0]
    x_m, y_m = np.mean([left, right], axis=0).tolist()
    view = min(roads.lights((x_m, y_m), lights), key=lambda v: math.dist(v.stop_line[0], left))
    yaw_rad = view.lane_yaw_rad
    criterion = RedLight(RED_LINE_REACH)
    events = []
    for frame in range(80):
        along_m = -12.0 + 0.25 * frame
        centre = x_m + along_m * math.cos(yaw_rad), y_m + along_m * math.sin(yaw_rad)
        events += criterion.update(state_at(roads, frame, centre, yaw_rad, lights))
    assert len(events) == count


def test_the_map_of_a_server_is_a_road_map() -> None:
    """The lights of the map are the server's, by the ids of OpenDRIVE; routes are planned on it."""
    carla_towns.needs_carla()
    pytest.importorskip("msgpack", reason="the test server needs it")
    from stock_client import running

    with running() as (_, _, world):
        roads = CarlaRoadMap(world.get_map())
        lights = world.get_actors().filter("traffic.traffic_light")
        ids = {int(light.get_opendrive_id()) for light in lights}
        assert set(roads.signals.light_ids) == ids
        assert ids
        start = world.get_map().get_spawn_points()[0].location
        point = roads.nearest(start.x, -start.y, start.z)
        (ahead,) = roads.ahead(point, 30.0)
        spec = RouteSpec("0", roads.name, ((point.x_m, point.y_m), (ahead.x_m, ahead.y_m)))
        assert RoutePlanner(roads).plan(spec).length_m == pytest.approx(30.0, abs=2.5)
