"""Who and what is beside the traffic, as actors of CARLA."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from auxdrive.types import Float64, Pose2

from auxdrive_eval.simulators.carla.scenarios.players import Players, progress_m
from auxdrive_eval.simulators.embedded.geometry.boxes import overlaps
from auxdrive_eval.simulators.embedded.town.model import BodyKind, CarKind
from auxdrive_eval.simulators.embedded.traffic.bodies import WAIT_M, Bodies, Body
from auxdrive_eval.world import Point

CARS = {
    CarKind.SEDAN: ("vehicle.tesla.model3", "vehicle.lincoln.mkz"),
    CarKind.HATCHBACK: ("vehicle.audi.tt", "vehicle.mini.cooper"),
    CarKind.VAN: (
        "vehicle.volkswagen.t2",
        "vehicle.volkswagen.t2_2021",
        "vehicle.mercedes.sprinter",
    ),
}
OTHERS = {
    BodyKind.PEDESTRIAN: ("walker.pedestrian.0001",),
    BodyKind.CYCLIST: ("vehicle.diamondback.century", "vehicle.bh.crossbike"),
    BodyKind.VENDING_MACHINE: ("static.prop.vendingmachine",),
    BodyKind.CONTAINER: ("static.prop.container",),
    BodyKind.DIRT: ("static.prop.dirtdebris01",),
}
"""Blueprints of each kind; the first that a server has is taken."""
PEDESTRIANS = 5
"""How many of CARLA's pedestrians play, by the looks that a scenario draws."""
ARRIVED_M = 0.3
GOAL_M = {True: 3.0, False: 0.5}
"""How far ahead on its path somebody looks, on wheels or on foot."""


class CarlaBodies(Bodies):
    """All bodies of a route; their ids are those of CARLA's actors.

    Args:
        players: that puts and leads them.
    """

    def __init__(self, players: Players) -> None:
        super().__init__()
        self._players = players

    def add(
        self, kind: BodyKind | CarKind, path: Iterable[Point], yaw_rad: float = 0.0, style: int = 0
    ) -> Body:
        """See `Bodies`. Sizes are those of CARLA's actors.

        Args:
            kind: what it is.
            path: where it will go; a single point for what never moves.
            yaw_rad: its heading where it never moves.
            style: selects its looks.

        Raises:
            NoRoom: it cannot be put there.
        """
        points = np.array(list(path), dtype=np.float64).reshape(-1, 2)
        body = Body(0, kind, points, yaw_rad, style)
        actor = self._players.put(_names(kind, style), Pose2(*body.place(0.0), body.heading()))
        body.body_id, body.size_m = int(actor.id), self._players.size_m(actor.id)
        self.all[body.body_id] = body
        return body

    def lay(self, kind: BodyKind, pose: Pose2) -> None:
        """See `Bodies`.

        Args:
            kind: what it is.
            pose: of its middle.

        Raises:
            NoRoom: it cannot be put there.
        """
        self._players.put(_names(kind, 0), pose)

    def remove(self, body_id: int) -> None:
        """Take a body out of the world."""
        super().remove(body_id)
        self._players.remove(body_id)

    def release(self, body_id: int) -> None:
        """Forget a body, whose actor somebody else leads from now on."""
        super().remove(body_id)

    def lead(self, snapshot: Any, ego: Float64, ego_stands: bool) -> None:
        """Say where each goes in the next tick. Who walks or cycles waits for an ego that stands in
        the way.

        Args:
            snapshot: of the world now.
            ego: the ego's box, float64 (5,).
            ego_stands: whether it stands.
        """
        for body in self.all.values():
            seen = self._players.seen(snapshot, body.body_id)
            if seen is None or body.length_m == 0.0 or body.along_m + body.speed_mps == 0.0:
                continue
            on_foot = not isinstance(body.kind, CarKind)
            waits = (
                on_foot
                and ego_stands
                and bool(overlaps(body.box(body.along_m + WAIT_M), ego[None])[0] > 0)
            )
            on_wheels = body.kind is not BodyKind.PEDESTRIAN
            goal = body.place(min(body.along_m + GOAL_M[on_wheels], body.length_m))
            speed_mps = 0.0 if waits else body.speed_mps
            self._players.lead(body.body_id, seen.pose, goal, speed_mps)

    def look(self, snapshot: Any) -> None:
        """See where each is after a tick.

        Args:
            snapshot: of the world after it.
        """
        for body in self.all.values():
            seen = self._players.seen(snapshot, body.body_id)
            if seen is None or body.length_m == 0.0 or body.along_m + body.speed_mps == 0.0:
                continue
            before_m, place = body.along_m, (seen.pose.x_m, seen.pose.y_m)
            body.along_m = progress_m(body.path, body.arclength, place, before_m)
            if body.length_m - body.along_m < ARRIVED_M:
                body.along_m = body.length_m
            body.moved_m = body.along_m - before_m
            if body.has_arrived:
                body.speed_mps = 0.0


def _names(kind: BodyKind | CarKind, style: int) -> tuple[str, ...]:
    if isinstance(kind, CarKind):
        return CARS[kind]
    if kind is BodyKind.PEDESTRIAN:
        return (f"walker.pedestrian.{1 + style % PEDESTRIANS:04d}", *OTHERS[kind])
    return OTHERS[kind]
