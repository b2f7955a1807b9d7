"""Actors that a scenario moves: they are put somewhere, led towards a point at a speed, and looked
at after each tick.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from auxdrive.errors import SimulatorError
from auxdrive.frames import steer_rad_to_carla, world_to_ego
from auxdrive.geometry import pure_pursuit_tan
from auxdrive.types import Float64, Pose2

from auxdrive_eval.road_maps import CarlaRoadMap
from auxdrive_eval.simulators.carla.border import along, forward_mps, pose, transform
from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.embedded.scenarios.stage import NoRoom
from auxdrive_eval.world import Point

ROLE = "scenario"
"""By which scenario_runner's actors are known."""
ABOVE_M = {"walker": 1.0, "vehicle": 0.3, "static": 0.1}
"""Above the road, so that nothing begins inside of it."""
WHEELBASE_SHARE = 0.6
"""Of a vehicle's length, about."""
NEAREST_GOAL_M = 1.0
WINDOW_M = 6.0
"""Nobody comes farther along a path in one tick."""
LOST_MPS = 1.0
"""Who is slower than it was told by more was stopped by something."""


class Seen(NamedTuple):
    """An actor after a tick: its pose in the world frame, and its speed along its heading."""

    pose: Pose2
    speed_mps: float


class Players:
    """Puts and leads the actors of the scenarios of one route.

    Args:
        session: with the server.
        cast: that removes them.
        roads: of the town.
        max_steer_rad: the angle of a vehicle's front wheels at CARLA's steer of 1.
    """

    def __init__(
        self, session: Session, cast: Cast, roads: CarlaRoadMap, max_steer_rad: float
    ) -> None:
        self._session, self._cast, self._roads = session, cast, roads
        self._max_steer_rad = max_steer_rad
        self._actors: dict[int, Any] = {}
        self._sizes: dict[int, tuple[float, float, float]] = {}

    def put(self, names: Sequence[str], place: Pose2, height_m: float = 0.0) -> Any:
        """Put an actor somewhere.

        Args:
            names: of blueprints; the first that this server has is taken.
            place: in the world frame.
            height_m: of the road there, as far as it is known: it tells a bridge from what it
                crosses.

        Raises:
            NoRoom: something else stands there, or the server has no such blueprint.
        """
        blueprint = self._blueprint(names)
        z_m = self._roads.nearest(place.x_m, place.y_m, height_m).z_m
        z_m += ABOVE_M[str(blueprint.id).split(".")[0]]
        there = transform(self._session.carla, (place.x_m, place.y_m, z_m), place.yaw_rad)
        actor = self._cast.spawn(blueprint, there)
        if actor is None:
            raise NoRoom(
                f"there was no room for {blueprint.id} at x {place.x_m:.1f}, y {place.y_m:.1f}"
            )
        self._actors[actor.id] = actor
        return actor

    def remove(self, number: int) -> None:
        """Take an actor out of the world."""
        self._cast.remove(self._actors.pop(number))

    def seen(self, snapshot: Any, number: int) -> Seen | None:
        """An actor after the last tick; None before its first one.

        Args:
            snapshot: of the world after the tick.
            number: of the actor.
        """
        found = snapshot.find(number)
        if found is None:
            return None
        here = pose(found.get_transform())
        return Seen(here, forward_mps(found.get_velocity(), here))

    def lead(self, number: int, here: Pose2, goal: Point, speed_mps: float) -> None:
        """Say how an actor moves in the next tick. Pedestrians walk straight to the goal. Vehicles
        steer towards it, and have exactly that speed, as in scenario_runner's `KeepVelocity`.

        Args:
            number: of the actor.
            here: its pose.
            goal: in the world frame.
            speed_mps: 0 stops it.
        """
        actor, carla = self._actors[number], self._session.carla
        with self._session.asked("to move an actor of a scenario"):
            if actor.type_id.startswith("walker"):
                yaw_rad = math.atan2(goal[1] - here.y_m, goal[0] - here.x_m)
                direction = along(carla, yaw_rad, 1.0)
                actor.apply_control(carla.WalkerControl(direction, max(speed_mps, 0.0), False))
            elif speed_mps <= 0.0:
                actor.apply_control(carla.VehicleControl(0.0, 0.0, 1.0, True))
            else:
                wheelbase_m = WHEELBASE_SHARE * self.size_m(number)[0]
                ahead = world_to_ego(np.array(goal), here)
                steer_rad = math.atan(pure_pursuit_tan(ahead, wheelbase_m, NEAREST_GOAL_M))
                steer = steer_rad_to_carla(steer_rad, self._max_steer_rad)
                actor.apply_control(carla.VehicleControl(0.0, steer, 0.0))
                actor.set_target_velocity(along(carla, here.yaw_rad, speed_mps))

    def size_m(self, number: int) -> tuple[float, float, float]:
        """Length, width and height of an actor."""
        if number not in self._sizes:  # clients from 0.9.16 on ask the server each time
            with self._session.asked("for the size of an actor"):
                extent = self._actors[number].bounding_box.extent
            self._sizes[number] = (2 * float(extent.x), 2 * float(extent.y), 2 * float(extent.z))
        return self._sizes[number]

    def _blueprint(self, names: Sequence[str]) -> Any:
        for name in names:
            try:
                found = self._cast.blueprint(name)
            except SimulatorError:
                continue
            if found.has_attribute("role_name"):
                found.set_attribute("role_name", ROLE)
            if found.has_attribute("is_invincible"):
                found.set_attribute("is_invincible", "false")
            return found
        raise NoRoom(f"this server has none of {', '.join(names)}")


def progress_m(points: Float64, arclength: Float64, place: Point, from_m: float) -> float:
    """How far along a path an actor is; it never goes back.

    Args:
        points: of the path, (N, 2).
        arclength: of its points, (N,).
        place: where the actor is.
        from_m: where it was.
    """
    start, step = points[:-1], np.diff(points, axis=0)
    length = np.diff(arclength)
    share = ((np.array(place) - start) * step).sum(axis=1) / np.maximum(length**2, 1e-12)
    share = np.clip(share, 0.0, 1.0)
    at = arclength[:-1] + share * length
    away = np.hypot(*(start + share[:, None] * step - np.array(place)).T)
    away[(at < from_m) | (at > from_m + WINDOW_M)] = np.inf
    nearest = int(np.argmin(away))
    return float(at[nearest]) if math.isfinite(away[nearest]) else from_m
