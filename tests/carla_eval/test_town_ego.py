"""The ego on its route: how far it has come, how the expert drives it, what it collides with."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest
from auxdrive.types import Control, Pose2
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.ego.expert import OFF_ROUTE_MPS, Expert
from auxdrive_eval.simulators.embedded.ego.obstacles import POLE_M, StaticObstacles
from auxdrive_eval.simulators.embedded.ego.tracker import (
    ON_ROUTE_M,
    ON_ROUTE_RAD,
    RouteTracker,
)
from auxdrive_eval.simulators.embedded.ego.vehicle import Vehicle, VehicleParameters
from auxdrive_eval.simulators.embedded.geometry.boxes import box, distances, overlaps
from auxdrive_eval.simulators.embedded.town.generate import town_from_name
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.routing import random_route
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID
from auxdrive_eval.simulators.embedded.traffic.cars import Traffic
from auxdrive_eval.world import CollisionKind, LightColour
from hypothesis import given, settings
from hypothesis import strategies as st

GREEN, RED = LightColour.GREEN, LightColour.RED
PARAMETERS = VehicleParameters()
TICK_S = 0.05


@pytest.fixture(scope="module")
def graph() -> LaneGraph:
    return LaneGraph(town_from_name("EmbeddedTown0003"))


@pytest.fixture(scope="module")
def routes(graph: LaneGraph) -> list[Route]:
    return [random_route(graph, seed) for seed in range(6)]


def pose_on(route: Route, index: int, left_m: float = 0.0, turn_rad: float = 0.0) -> Pose2:
    (x, y), yaw = route.points[index].tolist(), float(route.yaw_rad[index])
    return Pose2(x - left_m * math.sin(yaw), y + left_m * math.cos(yaw), yaw + turn_rad)


# Tracker


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 999))
def test_progress_never_falls_and_never_jumps_ahead(
    seed: int, graph: LaneGraph, routes: list[Route]
) -> None:
    """Whatever the ego does: driving back and forth along its route, or far away from it."""
    rng = np.random.default_rng(seed)
    route = routes[seed % len(routes)]
    tracker, at, farthest = RouteTracker(route, graph, PARAMETERS), 0, 0
    last_m = 0.0
    for _ in range(60):
        at = int(np.clip(at + rng.integers(-6, 10), 0, len(route.points) - 1))
        farthest = max(farthest, at)
        tracker.update(pose_on(route, at, float(rng.normal(0, 2)), float(rng.normal(0, 0.5))))
        assert last_m <= tracker.progress_m <= tracker.length_m + 1.0
        assert tracker.progress_m <= float(tracker.along[farthest]) + 10.0
        last_m = tracker.progress_m


def test_on_the_route_progress_is_the_way_driven(graph: LaneGraph, routes: list[Route]) -> None:
    for route in routes:
        tracker = RouteTracker(route, graph, PARAMETERS)
        for index in range(len(route.points)):
            tracker.update(pose_on(route, index, 0.7))
            assert tracker.progress_m == pytest.approx(float(tracker.along[index]), abs=1e-6)
            assert tracker.left_m == pytest.approx(0.7)
            assert tracker.heading_error_rad(pose_on(route, index, 0.7, 0.2)) == pytest.approx(0.2)
        assert tracker.length_m == pytest.approx(route.length_m)


def test_a_route_that_comes_back_to_a_place_is_not_cut_short(
    graph: LaneGraph, routes: list[Route]
) -> None:
    """The search window is short: standing where the route ends does not finish it."""
    route = routes[0]
    tracker = RouteTracker(route, graph, PARAMETERS)
    tracker.update(pose_on(route, 0))
    tracker.update(pose_on(route, len(route.points) - 1))
    assert tracker.progress_m < 27.0


def test_points_ahead_lie_on_the_route_and_beyond_its_end_straight_on(
    graph: LaneGraph, routes: list[Route]
) -> None:
    route = routes[1]
    tracker = RouteTracker(route, graph, PARAMETERS)
    for index in (0, 7, len(route.points) - 1):
        at = tracker.point_at(float(tracker.along[index]))
        assert at == pytest.approx(tuple(route.points[index]))
    yaw, (x, y) = float(route.yaw_rad[-1]), route.points[-1]
    assert tracker.point_at(tracker.length_m + 4.0) == pytest.approx(
        (x + 4 * math.cos(yaw), y + 4 * math.sin(yaw))
    )
    along_m = np.arange(-2.0, tracker.length_m + 5.0, 0.7)
    assert tracker.points_at(along_m).tolist() == [
        [*tracker.point_at(each)] for each in along_m.tolist()
    ]


def test_the_ego_is_a_road_user_while_it_keeps_to_its_route(
    graph: LaneGraph, routes: list[Route]
) -> None:
    for route in routes[:3]:
        tracker = RouteTracker(route, graph, PARAMETERS)
        seen = set()
        for index in range(len(route.points) - 3):
            pose = pose_on(route, index)
            tracker.update(pose)
            ego = tracker.road_user(pose, 4.0)
            assert ego is not None
            seen.add(id(ego))
            centre_m = float(tracker.along[index]) + PARAMETERS.centre_ahead_m
            (where,), _ = graph.poses(np.array([ego.lane]), np.array([ego.along_m]))
            assert math.dist(where, tracker.point_at(centre_m)) < 0.3
            assert ego.lane in set(route.lane_ids[index:])
            assert ego.ahead[0] in graph.town.lanes[ego.lane].successors
            assert ego.ahead[1] in graph.town.lanes[ego.ahead[0]].successors
            for off in (pose_on(route, index, 0.0, ON_ROUTE_RAD + 0.1),):
                assert tracker.road_user(off, 4.0) is None
        assert len(seen) == 1  # one and the same, since it remembers its stops
        tracker.update(pose_on(route, len(route.points) - 3, ON_ROUTE_M + 0.2))
        assert tracker.road_user(pose_on(route, len(route.points) - 3), 4.0) is None


# Expert


@dataclass
class Drive:
    """An ego alone in its town, driven by the expert under lights of one colour."""

    graph: LaneGraph
    route: Route
    colour: LightColour = GREEN
    vehicle: Vehicle = field(default_factory=Vehicle)

    def __post_init__(self) -> None:
        self.vehicle.place(pose_on(self.route, 0))
        self.tracker = RouteTracker(self.route, self.graph, self.vehicle.parameters)
        self.traffic = Traffic(self.graph, 0, 0)
        self.expert = Expert(self.graph, self.tracker, self.vehicle, self.traffic)

    def tick(self) -> Control:
        car = self.vehicle
        self.tracker.update(car.pose)
        ego = self.tracker.road_user(car.pose, car.speed_mps)
        colours = dict.fromkeys(self.graph.town.lights, self.colour)
        footprint = box(*car.centre, car.yaw_rad, car.parameters.length_m, car.parameters.width_m)
        self.traffic.step(TICK_S, colours, ego, footprint)
        control = self.expert.control(self.expert.intent(ego))
        car.step(control, TICK_S)
        return control


def first_line_m(graph: LaneGraph, route: Route) -> float | None:
    """Distance along the route to its first stop line with a light, if no stop sign comes before;
    else None.
    """
    along = RouteTracker(route, graph, PARAMETERS).along
    for index in range(1, len(route.lane_ids)):
        lane = graph.town.lanes[route.lane_ids[index - 1]]
        if route.lane_ids[index] != lane.lane_id and lane.junction_id is None:
            return float(along[index - 1]) if lane.light_id is not None else None
    return None


def lit(graph: LaneGraph) -> tuple[Route, float]:
    for seed in range(60):
        route = random_route(graph, seed)
        line_m = first_line_m(graph, route)
        if line_m is not None and line_m > 25:
            return route, line_m
    raise AssertionError("no route of the town begins at a light")


def front_m(drive: Drive) -> float:
    parameters = drive.vehicle.parameters
    return drive.tracker.progress_m + parameters.length_m - parameters.rear_overhang_m


def test_the_expert_stops_for_red_and_goes_on_when_it_turns_green(graph: LaneGraph) -> None:
    route, line_m = lit(graph)
    drive = Drive(graph, route, RED)
    fastest = 0.0
    for _ in range(700):
        drive.tick()
        fastest = max(fastest, drive.vehicle.speed_mps)
        assert front_m(drive) < line_m
    assert fastest > 4.0
    assert drive.vehicle.speed_mps < 0.05
    assert front_m(drive) > line_m - 4.0  # at the line, and not far before it
    drive.colour = GREEN
    for _ in range(200):
        drive.tick()
    assert front_m(drive) > line_m + 5.0


def test_the_expert_keeps_to_its_lane_and_to_the_limits(
    graph: LaneGraph, routes: list[Route]
) -> None:
    drive = Drive(graph, routes[2])
    limit = max(lane.speed_limit_mps for lane in graph.town.lanes.values())
    sideways, ticks = [], 0
    while drive.tracker.progress_m < drive.tracker.length_m - 3.0 and ticks < 3000:
        drive.tick()
        ticks += 1
        sideways.append(drive.vehicle.speed_mps**2 * math.tan(drive.vehicle.steer_rad) / 2.8)
        assert abs(drive.tracker.left_m) < 0.6
        assert drive.vehicle.speed_mps <= limit
    assert ticks < 3000
    assert np.quantile(np.abs(sideways), 0.99) < 3.5


def test_the_expert_steers_towards_its_route_and_fully_when_it_lies_behind(
    graph: LaneGraph, routes: list[Route]
) -> None:
    for left_m, turn_rad, sign in ((1.0, 0.0, -1), (-1.0, 0.0, 1), (0.0, 0.4, -1), (0.0, -0.4, 1)):
        drive = Drive(graph, routes[0])
        drive.vehicle.place(pose_on(routes[0], 3, left_m, turn_rad))
        assert math.copysign(1, drive.tick().steer_rad) == sign
    for turn_rad in (2.6, -2.6):
        drive = Drive(graph, routes[0])
        drive.vehicle.place(pose_on(routes[0], 3, 0.0, turn_rad))
        limit = drive.vehicle.parameters.max_steer_rad
        assert drive.tick().steer_rad == -math.copysign(limit, turn_rad)


def test_an_expert_off_its_route_creeps_back(graph: LaneGraph, routes: list[Route]) -> None:
    drive = Drive(graph, routes[0])
    drive.vehicle.place(pose_on(routes[0], 3, 20.0))
    speeds = []
    for _ in range(400):
        drive.tick()
        if drive.tracker.road_user(drive.vehicle.pose, drive.vehicle.speed_mps) is not None:
            break
        speeds.append(drive.vehicle.speed_mps)
    else:
        raise AssertionError("it never came back")
    assert 2.0 < max(speeds) < OFF_ROUTE_MPS + 0.3


# Obstacles


def test_everything_that_stands_is_hit_under_an_id_of_its_own(graph: LaneGraph) -> None:
    town = graph.town
    obstacles = StaticObstacles(town)
    assert len(obstacles.boxes) == len(town.props) + len(town.lights) + len(town.stop_signs)
    ids = [other_id for _, _, other_id in obstacles.types]
    assert len(set(ids)) == len(ids)
    assert EGO_ID not in ids
    for index, other in enumerate(obstacles.boxes):
        (contact,) = [
            contact
            for contact in obstacles.contacts(box(other[0], other[1], 0.3, 0.2, 0.2))
            if contact.other_id == ids[index]
        ]
        assert contact.other_type == obstacles.types[index][1]
        car = contact.other_type in {"vehicle.sedan", "vehicle.hatchback", "vehicle.van"}
        assert (contact.kind is CollisionKind.VEHICLE) == car


@settings(max_examples=60, deadline=None)
@given(
    index=st.integers(0, 10_000),
    x=st.floats(-4, 4),
    y=st.floats(-4, 4),
    yaw=st.floats(-3, 3),
)
def test_hits_are_the_overlaps_and_contacts_lie_on_what_is_hit(
    graph: LaneGraph, index: int, x: float, y: float, yaw: float
) -> None:
    obstacles = StaticObstacles(graph.town)
    other = obstacles.boxes[index % len(obstacles.boxes)]
    ego = box(other[0] + x, other[1] + y, yaw, 4.5, 1.9)
    found = obstacles.hits(ego)
    assert found == np.flatnonzero(overlaps(ego, obstacles.boxes) > 0).tolist()
    for hit, contact in zip(found, obstacles.contacts(ego), strict=True):
        place = np.array([contact.location])
        assert distances(obstacles.boxes[hit], place)[0] < 1e-9
        corners = obstacles.boxes[hit][:2] + np.zeros((1, 2))
        assert math.dist(contact.location, ego[:2]) <= math.dist(corners[0], ego[:2]) + 1e-9


def test_a_pole_is_as_thin_as_it_says(graph: LaneGraph) -> None:
    light = next(iter(graph.town.lights.values()))
    obstacles = StaticObstacles(graph.town)
    for away_m, hit in ((0.9 + POLE_M / 2, True), (1.0 + POLE_M, False)):
        x = light.location[0] + away_m * math.cos(light.yaw_rad)
        y = light.location[1] + away_m * math.sin(light.yaw_rad)
        contacts = obstacles.contacts(box(x, y, light.yaw_rad, 2.0, 1.0))
        assert any(contact.other_type == "traffic.traffic_light" for contact in contacts) == hit
