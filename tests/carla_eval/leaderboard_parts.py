"""Parts for tests of the leaderboard agent: bundles, stand-ins for the agents of two leaderboards
by their interface, and a car whose sensors send what a leaderboard's do.

Legend: N points of a route; the world frame is auxdrive's (y to the left) unless it is called
CARLA's.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from itertools import pairwise
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import CameraSpec
from auxdrive.frames import world_yaw_to_carla
from auxdrive.route_follower import downsample_route
from auxdrive.types import Float64, Pose2, RoadOption
from auxdrive_eval import leaderboard_agent
from auxdrive_eval.road_maps.geo import GeoReference
from auxdrive_eval.team_agent.plan import Plan, read_plan
from auxdrive_eval.team_agent.seat import EGO

sys.path.insert(0, str(Path(__file__).parents[1] / "sdk"))  # tests are no package
import bundle_factory
import onnx
from onnx import numpy_helper

CAMERA = CameraSpec(width=32, height=24, fov_deg=100.0, x_m=1.7, y_m=0.2, z_m=1.6, pitch_rad=0.1)
REAR_M, WHEELBASE_M = EGO.rear_m, EGO.wheelbase_m
TICK_S = 0.05
GEO = GeoReference(0.0, 0.0)
CORNERS = ((100.0, 150.0), (180.0, 150.0), (180.0, 230.0))
START = Pose2(100.0, 150.0, 0.0)
PER_STEP, LEAST_M = 0.08, 1.0
"""Each waypoint of `chasing` lies farther towards the target by this share, and ahead by this."""


def chasing(folder: Path, **card: object) -> Path:
    """A bundle whose model drives straight at its target point.

    Args:
        folder: to be written.
        card: fields of its card.
    """
    steps = len(bundle_factory.TIMES_S)
    ahead = np.array([(LEAST_M * (step + 1), 0.0) for step in range(steps)])
    graph = bundle_factory.model(1, "waypoints", ahead.ravel())
    linear = np.zeros((7, 2 * steps), np.float32)
    for step in range(steps):
        linear[5, 2 * step] = linear[6, 2 * step + 1] = PER_STEP * (step + 1)
    (stored,) = (each for each in graph.graph.initializer if each.name == "linear")
    stored.CopyFrom(numpy_helper.from_array(linear, "linear"))
    onnx.checker.check_model(graph)
    ranges = {
        "speed_mps": {"low": [0.0], "high": [12.0]},
        "target_ego_m": {"low": [-10.0, -50.0], "high": [60.0, 50.0]},
    }
    given: dict[str, object] = {"camera": CAMERA, "input_ranges": ranges, **card}
    return bundle_factory.write_bundle(folder, "waypoints", graph, **given)


def steering(folder: Path, angle_rad: float = 0.0, **card: object) -> Path:
    """A bundle that steers about by an angle, whatever it sees.

    Args:
        folder: to be written.
        angle_rad: of the front wheels.
        card: fields of its card.
    """
    graph = bundle_factory.model(1, "steering", angle_rad)
    (stored,) = (each for each in graph.graph.initializer if each.name == "linear")
    stored.CopyFrom(numpy_helper.from_array(np.zeros((4, 1), np.float32), "linear"))
    return bundle_factory.write_bundle(folder, "steering", graph, **{"camera": CAMERA, **card})


# Leaderboards, by their interface


class Track(Enum):
    """The tracks of leaderboard 1.0; 2.x has two more."""

    SENSORS = "SENSORS"
    MAP = "MAP"


class _Agent:
    track = Track.MAP
    sample_m = 50.0
    _global_plan: Any = None
    _global_plan_world_coord: Any = None

    def set_global_plan(self, gps: Sequence[Any], world: Sequence[Any]) -> None:
        """Keep a sparse plan of a dense one.

        Args:
            gps: N points in degrees.
            world: the same as transforms.
        """
        points = np.array([(at.location.x, at.location.y, at.location.z) for at, _ in world])
        options = [RoadOption(option.value) for _, option in world]
        kept = downsample_route(points, options, self.sample_m)
        self._global_plan = [gps[index] for index in kept]
        self._global_plan_world_coord = [world[index] for index in kept]


class Agent1(_Agent):
    """The base of agents in leaderboard 1.0: its constructor sets the agent up.

    Args:
        path_to_conf_file: of the agent's config.
    """

    def __init__(self, path_to_conf_file: str) -> None:
        self.setup(path_to_conf_file)  # type: ignore[attr-defined]


class Agent2(_Agent):
    """The base of agents in leaderboard 2.x, which is set up after it has its plan.

    Args:
        carla_host: of the server.
        carla_port: of the server.
        debug: whether to show more.
    """

    sample_m = 200.0

    def __init__(self, carla_host: str, carla_port: int, debug: bool = False) -> None:
        self.given = (carla_host, carla_port, debug)


def stand_in(monkeypatch: pytest.MonkeyPatch, base: type) -> None:
    """Put a leaderboard with that base of agents where the real one is imported from.

    Args:
        monkeypatch: takes it away again.
        base: `Agent1` or `Agent2`.
    """
    module = ModuleType("leaderboard.autoagents.autonomous_agent")
    module.__dict__.update(AutonomousAgent=base, Track=Track)
    for name in ("leaderboard", "leaderboard.autoagents"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    leaderboard_agent._agent_class.cache_clear()


def evaluators_way(base: type, config: Path | str, gps: Any, world: Any) -> Any:
    """An agent, made and set up as the evaluator of a leaderboard does.

    Args:
        base: `Agent1` or `Agent2`.
        config: the option --agent-config.
        gps: dense plan in degrees.
        world: the same as transforms.
    """
    kind = getattr(leaderboard_agent, leaderboard_agent.get_entry_point())
    if base is Agent1:
        agent = kind(str(config))
        agent.set_global_plan(gps, world)
        return agent
    agent = kind("localhost", 2000, False)
    agent.set_global_plan(gps, world)
    agent.setup(str(config))
    return agent


# Routes


Option = Enum("Option", {each.name: each.value for each in RoadOption})  # type: ignore[misc]
"""CARLA's road options, as `agents.navigation.local_planner` has them."""


def dense(*corners: tuple[float, float]) -> tuple[Float64, list[RoadOption]]:
    """Points a metre apart along straight lines, with a turn's command near the corners.

    Args:
        corners: from the start to the end.
    """
    pieces, options = [], []
    for number, (a, b) in enumerate(pairwise(corners)):
        count = int(math.dist(a, b))
        pieces.append(np.linspace(a, b, count, endpoint=False))
        last = number == len(corners) - 2
        turning = 0 if last else 10
        options += [RoadOption.LANE_FOLLOW] * (count - turning) + [RoadOption.LEFT] * turning
    return np.concatenate([*pieces, [corners[-1]]]), [*options, RoadOption.LANE_FOLLOW]


def leaderboards_plan(
    points: Float64, options: Sequence[RoadOption], geo: GeoReference
) -> tuple[list[Any], list[Any]]:
    """The dense plan that an evaluator gives to `set_global_plan`: in degrees, and in CARLA's
    frame.

    Args:
        points: (N, 2).
        options: N.
        geo: of the map.
    """
    steps = np.diff(points, axis=0, append=points[-1:] + points[-1:] - points[-2:-1])
    yaws = world_yaw_to_carla(np.arctan2(steps[:, 1], steps[:, 0])).tolist()
    gps = [
        ({"lat": lat, "lon": lon, "z": 0.0}, Option(option.value))
        for (lat, lon), option in zip(geo.to_gps(points).tolist(), options, strict=True)
    ]
    world = [
        (
            SimpleNamespace(
                location=SimpleNamespace(x=x, y=-y, z=0.0), rotation=SimpleNamespace(yaw=yaw)
            ),
            Option(option.value),
        )
        for (x, y), yaw, option in zip(points.tolist(), yaws, options, strict=True)
    ]
    return gps, world


def plan_of(points: Float64, options: Sequence[RoadOption], geo: GeoReference) -> Plan:
    """The whole of a route as an agent's plan.

    Args:
        points: (N, 2).
        options: N.
        geo: of the map.
    """
    return read_plan(*leaderboard_agent._rows(*leaderboards_plan(points, options, geo)))


# The car


class Car:
    """A kinematic bicycle with the sensors of the agent. It begins at rest, its origin on the start
    of the route.

    Args:
        start: of its origin.
        geo: by which its GNSS measures.
        noise_deg: standard deviation of GNSS.
        max_steer_rad: of its front wheels.
    """

    def __init__(
        self,
        start: Pose2,
        geo: GeoReference,
        noise_deg: float = 0.0,
        max_steer_rad: float = math.radians(70.0),
    ) -> None:
        self.yaw_rad = start.yaw_rad
        self.rear = np.array([start.x_m, start.y_m]) - REAR_M * self._ahead()
        self.speed_mps, self.frame = 0.0, 0
        self._geo, self._noise_deg, self._max_steer_rad = geo, noise_deg, max_steer_rad
        self._random = np.random.default_rng(5)
        self._yaw_rate = 0.0

    def _ahead(self) -> Float64:
        return np.array([math.cos(self.yaw_rad), math.sin(self.yaw_rad)])

    @property
    def time_s(self) -> float:
        """The game's time."""
        return self.frame * TICK_S

    def move(self, control: Any) -> None:
        """Go on by a tick.

        Args:
            control: a `carla.VehicleControl`.
        """
        self.frame += 1
        steer_rad = -control.steer * self._max_steer_rad
        change = 4.0 * control.throttle - 8.0 * control.brake
        self.speed_mps = max(self.speed_mps + change * TICK_S, 0.0)
        self._yaw_rate = self.speed_mps * math.tan(steer_rad) / WHEELBASE_M
        self.yaw_rad += self._yaw_rate * TICK_S
        self.rear = self.rear + self.speed_mps * TICK_S * self._ahead()

    def sensed(self) -> dict[str, Any]:
        """What its sensors send: `run_step`'s input_data."""
        lat, lon = (
            self._geo.to_gps(self.rear) + self._random.normal(0.0, self._noise_deg, 2)
        ).tolist()
        shape = (CAMERA.height, CAMERA.width, 4)
        image = self._random.integers(60, 200, shape).astype(np.uint8)
        compass = (math.pi / 2 - self.yaw_rad) % (2 * math.pi)
        imu = np.array([0.0, 0.0, 9.81, 0.0, 0.0, -self._yaw_rate, compass])
        data = {
            "rgb": image,
            "gnss": np.array([lat, lon, 0.0]),
            "imu": imu,
            "speed": {"speed": self.speed_mps},
        }
        return {name: (self.frame, each) for name, each in data.items()}


def made(base: type, config: Path | str) -> Any:
    """An agent on the route of `CORNERS`.

    Args:
        base: `Agent1` or `Agent2`.
        config: the option --agent-config.
    """
    return evaluators_way(base, config, *leaderboards_plan(*dense(*CORNERS), GEO))


def driven(
    agent: Any, car: Car, seconds: float, change: Callable[[dict[str, Any]], Any] = lambda _: None
) -> list[Any]:
    """The controls of a drive.

    Args:
        agent: that drives.
        car: that is driven.
        seconds: how long, at most; it ends 8 m before the end of the route.
        change: what is done to the inputs of each tick.
    """
    controls = []
    for _ in range(round(seconds / TICK_S)):
        given = car.sensed()
        change(given)
        controls.append(agent.run_step(given, car.time_s))
        car.move(controls[-1])
        if np.hypot(*(car.rear - CORNERS[-1])) < 8.0:
            break
    return controls
