"""Towns from OpenDRIVE maps in the embedded simulator: their lanes, signals and what is seen there,
and the expert on them.
"""

from __future__ import annotations

import hashlib
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from auxdrive.types import Control, RoadOption
from auxdrive_eval.criteria.base import EventKind
from auxdrive_eval.road_maps.carla_map import open_map
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.opendrive.short_lanes import ENOUGH_M
from auxdrive_eval.simulators.embedded.opendrive.source import OpenDriveTown, file_sha256
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.town.model import Ground, Town
from auxdrive_eval.simulators.embedded.town.validate import town_faults
from auxdrive_eval.simulators.embedded.traffic.conflicts import junction_conflicts, priorities
from auxdrive_eval.simulators.embedded.traffic.lights import LightCycles
from auxdrive_eval.world import LightColour
from opendrive_towns import BRIDGED, REAL, WIDE, drive, real, simulator_of, town_of, written
from small_world import CAMERA


@pytest.mark.parametrize("seed", [0, 1])
def test_the_expert_drives_round_the_small_town(small: Path, seed: int) -> None:
    simulator = simulator_of(small)
    route = simulator.random_route(seed)
    assert drive(simulator, route, seed, small) == [EventKind.ROUTE_COMPLETED] * 2


PAST_LIGHT_AND_SIGN = ((60.0, -1.75), (241.75, 40.0), (50.0, 81.75))


@pytest.mark.parametrize("seed", [0, 1])
def test_the_expert_waits_at_the_light_and_stops_at_the_sign(small: Path, seed: int) -> None:
    simulator = simulator_of(small, 3)
    route = simulator.plan("Small", PAST_LIGHT_AND_SIGN)
    assert drive(simulator, route, seed, small) == [EventKind.ROUTE_COMPLETED] * 2


def test_who_ignores_light_and_sign_is_seen(small: Path) -> None:
    simulator = simulator_of(small, 0)
    route = simulator.plan("Small", PAST_LIGHT_AND_SIGN)
    found = set()
    for seed in range(4):
        criteria = RULE_SETS["1.0"].criteria(route)
        state = simulator.reset(route, seed)
        while simulator.progress_m < route.length_m - 5.0:
            wish = simulator.expert()
            throttle = 0.5 if state.speed_mps < 7.0 else 0.0
            state = simulator.step(Control(wish.steer_rad, throttle, 0.0))
            found |= {event.kind for one in criteria for event in one.update(state)}
    assert found == {EventKind.RED_LIGHT, EventKind.STOP_SIGN}


@pytest.mark.parametrize("seed", [0, 4])
def test_the_expert_drives_in_a_real_town(seed: int) -> None:
    path = real("Town02")
    simulator = simulator_of(path, 20)
    route = simulator.random_route(seed)
    assert any(option in (RoadOption.LEFT, RoadOption.RIGHT) for option in route.options)
    assert drive(simulator, route, seed, path) == [EventKind.ROUTE_COMPLETED] * 2


def test_signals_on_an_open_road_have_a_crossing_of_their_own(small: Path) -> None:
    town = town_of(small)
    (light,), (sign,) = town.lights.values(), town.stop_signs.values()
    assert np.allclose(town.lanes[light.lane_id].centreline[-1], (120.0, -1.75), atol=0.5)
    assert np.allclose(town.lanes[sign.lane_id].centreline[-1], (80.0, 81.75), atol=0.5)
    assert town.lanes[light.lane_id].light_id == light.light_id
    assert town.lanes[sign.lane_id].stop_sign_id == sign.sign_id
    for lane in town.lanes.values():
        assert len(lane.successors) == len(lane.predecessors) == 1
        assert (lane.junction_id is None) != (town.lanes[lane.successors[0]].junction_id is None)
    assert town.geo.latitude_deg == 10.0


@pytest.mark.parametrize("name", REAL)
def test_what_is_green_together_crosses_only_by_turning_left(name: str) -> None:
    town = town_of(real(name))
    assert town.lights
    cycles, conflicts = LightCycles(town, 5), junction_conflicts(town)
    green: set[int] = set()
    for time_s in np.arange(0.0, 90.0, 1.0):
        colours = cycles.colours(float(time_s))
        green |= {light for light, colour in colours.items() if colour is LightColour.GREEN}
        for junction in town.junctions.values():
            free = {
                lane.lane_id
                for lane in (town.lanes[i] for i in junction.connector_ids)
                if (light := town.lanes[lane.predecessors[0]].light_id) is not None
                and colours[light] is not LightColour.RED
                and lane.turn is RoadOption.STRAIGHT
            }
            for lane_id in free:
                crossed = free & {conflict.other for conflict in conflicts[lane_id]}
                assert all(_road_before(town, i) == _road_before(town, lane_id) for i in crossed)
    assert green == town.lights.keys()


def _road_before(town: Town, lane_id: int) -> int:
    return town.lanes[town.lanes[lane_id].predecessors[0]].road_id


@pytest.mark.parametrize("name", REAL)
def test_every_lane_leads_on_and_every_way_through_a_junction_has_one_before_it(name: str) -> None:
    town = town_of(real(name))
    for lane in town.lanes.values():
        assert lane.successors
        for after in lane.successors:
            other = town.lanes[after]
            assert lane.lane_id in other.predecessors
            assert (other.junction_id is None) != (lane.junction_id is None)
            assert np.hypot(*(other.centreline[0] - lane.centreline[-1])) < 0.05
        if lane.junction_id is not None:
            assert len(lane.successors) == len(lane.predecessors) == 1


def test_the_same_seed_gives_the_same_run_in_another_process(small: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2]); import test_opendrive_towns as t; "
        "from pathlib import Path; print(t.digest(Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(small), str(Path(__file__).parent)]
    other = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "1"},
    )
    assert other.stdout.strip() == digest(small)


def digest(path: Path) -> str:
    """Of what happens during the first seconds of a route."""
    simulator = simulator_of(path)
    found = hashlib.sha256()
    simulator.reset(simulator.random_route(3), 5)
    for _ in range(200):
        state = simulator.step(simulator.expert())
        found.update(repr((state, simulator.scene().cars)).encode())
    return found.hexdigest()


@pytest.mark.parametrize("name", ["Small", *REAL])
def test_nothing_stands_in_a_lane(name: str, small: Path) -> None:
    town = town_of(small if name == "Small" else real(name))
    assert len(town.props) > 50
    assert [fault for fault in town_faults(town) if "stands in a driving lane" in fault] == []


@pytest.mark.parametrize("name", ["Small", "Town02", "Town10HD"])
def test_the_sensors_see_the_road_ahead(name: str, small: Path) -> None:
    pytest.importorskip("panda3d")
    path = small if name == "Small" else real(name)
    simulator = EmbeddedSimulator(
        camera=CAMERA, traffic=0, towns=OpenDriveTown(path, file_sha256(path))
    )
    try:
        route = simulator.random_route(0)
        simulator.reset(route, 0)
        seen = simulator.sense([Modality.SEGMENTATION, Modality.DEPTH])
        classes = seen[Modality.SEGMENTATION]
        ahead = classes[-1, classes.shape[1] // 2]
        assert SEGMENTATION_CLASSES[ahead] in ("road", "lane_marking")
        assert {"road", "sidewalk" if name != "Small" else "terrain", "building"} <= {
            SEGMENTATION_CLASSES[i] for i in np.unique(classes)
        }
        points = simulator.lidar_points()
        assert len(points) > 1000
        on_road = points[(np.abs(points[:, 1]) < 1.5) & (points[:, 0] > 4) & (points[:, 0] < 12)]
        assert len(on_road) > 10
        assert np.abs(on_road[:, 2]).max() < 0.02
    finally:
        simulator.close()


def test_crosswalks_and_sidewalks_lie_where_the_map_has_them() -> None:
    path = real("Town10HD")
    import carla

    town, roads = town_of(path), open_map(path)
    assert len(town.crosswalks) == 16
    for crosswalk in town.crosswalks:
        assert len(crosswalk) >= 4
    sidewalks = [band for band in town.bands if band.ground is Ground.SIDEWALK]
    for band in sidewalks[::5]:
        for x, y in (band.left + band.right)[1:-1:4] / 2:
            place = carla.Location(float(x), -float(y), 0.0)
            lane = roads.client_map.get_waypoint(place, True, carla.LaneType.Any)
            assert str(lane.lane_type) == "Sidewalk"


def test_roads_one_above_the_other_are_kept_apart(tmp_path: Path) -> None:
    simulator = simulator_of(written(tmp_path, "Bridged", BRIDGED), 1)
    town, roads = simulator.town("Bridged"), simulator.road_map("Bridged")
    crossing = (241.75, 38.25)
    below, above = (roads.nearest(*crossing, height_m) for height_m in (0.0, 6.0))
    assert (round(below.z_m), round(above.z_m)) == (0, 6)
    views = [roads.lane_view(*crossing, 0.0, height_m) for height_m in (0.0, 6.0)]
    assert views[0].lane_id == below.lane.lane != above.lane.lane == views[1].lane_id
    route = simulator.plan("Bridged", ((150.0, -1.75), (241.75, 40.0), (150.0, 81.75)))
    simulator.reset(route, 3)
    traffic = simulator._driving().traffic
    (car,) = traffic.cars.values()
    near = []
    while simulator.progress_m < route.length_m - 3:
        car.lane, car.speed_mps, car.accel_mps2 = above.lane.lane, 0.0, 0.0
        car.along_m = traffic.graph.foot(car.lane, *crossing)
        car.ahead = list(town.lanes[car.lane].successors)
        traffic._look_ahead(car)
        state = simulator.step(simulator.expert())
        assert not state.contacts
        assert state.lane is not None
        assert round(traffic.graph.height_at(state.lane.lane_id, 0.0) or 0.0) == 0
        if math.dist(state.ego_centre, crossing) < 4.0:
            near.append(state.speed_mps)
    assert near
    assert min(near) > 3.0


@pytest.mark.parametrize("name", REAL)
def test_lanes_are_seen_as_the_stock_client_sees_them(name: str) -> None:
    path = real(name)
    simulator, carla_roads = simulator_of(path, 0), open_map(path)
    town = simulator.town(name)
    roads = simulator.road_map(name)
    for lane in town.lanes.values():
        if lane.junction_id is not None or lane.length_m < 8.0:
            continue
        middle = len(lane.centreline) // 2
        (x, y), yaw = lane.centreline[middle], float(lane.yaw_rad[middle])
        place = float(x - 0.5 * np.sin(yaw)), float(y + 0.5 * np.cos(yaw))
        own, other = roads.lane_view(*place, yaw), carla_roads.lane_view(*place, yaw)
        assert own.offset_m == pytest.approx(0.5, abs=0.1)
        assert other.offset_m == pytest.approx(own.offset_m, abs=0.1)
        assert own.width_m == pytest.approx(other.width_m, abs=0.3)
        assert np.cos(own.yaw_rad - other.yaw_rad) > 0.999
        # a lane that was too short has taken a part of the way through the junction before it
        assert own.in_junction == other.in_junction or lane.length_m <= ENOUGH_M + 1.0
        assert own.parking_m <= other.parking_m + 0.01


def test_a_parking_lane_beside_the_whole_lane_belongs_to_it(tmp_path: Path) -> None:
    outer = '<lane id="-2" type="driving"'
    text = WIDE.replace(outer, outer.replace("driving", "parking"))
    path = written(tmp_path, "Parked", text)
    roads = simulator_of(path, 0).road_map("Parked")
    for place in ((50.0, -1.75), (50.0, 1.75)):
        own, other = (each.lane_view(*place, 0.0) for each in (roads, open_map(path)))
        assert own.parking_m == pytest.approx(other.parking_m)
        assert own.parking_m == pytest.approx(3.5 if place[1] < 0 else 0.0)


def test_who_must_give_way_waits_for_the_others() -> None:
    town = town_of(real("Town07"))
    ranks, compared = priorities(town), 0
    for junction in town.junctions.values():
        by_sign: dict[bool, list[int]] = {True: [], False: []}
        for lane_id in junction.connector_ids:
            before = town.lanes[town.lanes[lane_id].predecessors[0]]
            by_sign[before.gives_way].append(ranks[lane_id])
        if by_sign[True] and by_sign[False]:
            assert min(by_sign[True]) > max(by_sign[False])
            compared += 1
    assert compared >= 3
