"""What moves or stands beside the traffic: pedestrians, cyclists, cars off their lanes, and things
that lie on the road. Each follows a path of its own at a speed that a scenario gives it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64, Pose2

from auxdrive_eval.simulators.embedded.geometry.boxes import box, overlaps
from auxdrive_eval.simulators.embedded.town.model import (
    BODY_SIZES_M,
    CAR_SIZES_M,
    BodyKind,
    BodyPose,
    CarKind,
    CarPose,
)
from auxdrive_eval.simulators.embedded.traffic.car import Claim
from auxdrive_eval.world import CollisionKind, Contact, Point, RoadUser

FIRST_BODY_ID = 20_000
"""Ids of contacts are unique among cars, props, bodies, lights and signs."""
FORESEEN_S = 2.5
"""Where a body will be within this time is in the way of cars already: a driver sees where somebody
is walking to.
"""
CAR_FORESEEN_M = 6.0
"""So far along its path a car that pulls out is seen to be going."""
ASIDE_M = 0.7
"""A lane counts as covered before a body is over its middle line: cars are wide."""
STRIDE_M = 0.75
WAIT_M = 0.8
"""A body does not walk into a car that is no farther ahead than this."""
_COLLISIONS = {
    BodyKind.PEDESTRIAN: (CollisionKind.PEDESTRIAN, "walker.pedestrian"),
    BodyKind.CYCLIST: (CollisionKind.VEHICLE, "vehicle.bicycle"),
    BodyKind.VENDING_MACHINE: (CollisionKind.LAYOUT, "static.prop.vendingmachine"),
    BodyKind.CONTAINER: (CollisionKind.LAYOUT, "static.prop.container"),
}


@dataclass(slots=True)
class Body:
    """Somebody or something on a path.

    Attributes:
        kind: what it is; a car has a body type instead.
        path: float64 (N, 2), from where it stands to where it is going; a single point for what
            never moves.
        yaw_rad: its heading where it does not move.
        style: selects its colours.
        speed_mps: along its path.
        size_m: length, width and height.
    """

    body_id: int
    kind: BodyKind | CarKind
    path: Float64
    yaw_rad: float
    style: int
    speed_mps: float = 0.0
    along_m: float = 0.0
    moved_m: float = 0.0
    size_m: tuple[float, float, float] = field(init=False)
    arclength: Float64 = field(init=False)

    def __post_init__(self) -> None:
        sizes = CAR_SIZES_M if isinstance(self.kind, CarKind) else BODY_SIZES_M
        self.size_m = sizes[self.kind]  # type: ignore[index]
        self.arclength = cumulative_length(self.path)

    @property
    def length_m(self) -> float:
        """Length of its path, metres."""
        return float(self.arclength[-1])

    @property
    def has_arrived(self) -> bool:
        """Whether it is at the end of its path."""
        return self.along_m >= self.length_m

    def place(self, along_m: float) -> Point:
        """The point of its path at that distance."""
        x, y = (float(np.interp(along_m, self.arclength, self.path[:, axis])) for axis in (0, 1))
        return x, y

    def heading(self, along_m: float | None = None) -> float:
        """Where it looks, radians.

        Args:
            along_m: where on its path; None is where it is.
        """
        if self.length_m == 0.0:
            return self.yaw_rad
        at_m = self.along_m if along_m is None else along_m
        step = int(np.searchsorted(self.arclength, at_m, side="right")) - 1
        step = min(max(step, 0), len(self.path) - 2)
        dx, dy = (self.path[step + 1] - self.path[step]).tolist()
        return math.atan2(dy, dx)

    def box(self, along_m: float | None = None) -> Float64:
        """Its box, float64 (5,).

        Args:
            along_m: where on its path; None is where it is.
        """
        x, y = self.place(self.along_m if along_m is None else along_m)
        return box(x, y, self.heading(along_m), self.size_m[0], self.size_m[1])

    def claims(self) -> list[Claim]:
        """What it covers, and will cover soon. Who waits for a car does not keep that car
        waiting.
        """
        here, left_m = self.box(), self.length_m - self.along_m
        if not isinstance(self.kind, CarKind):
            here[3] += ASIDE_M
        if self.moved_m == 0.0 or left_m <= 0.0:
            return [Claim(self.body_id, here, self.speed_mps)]
        if isinstance(self.kind, CarKind):
            there = self.box(self.along_m + min(CAR_FORESEEN_M, left_m))
            return [Claim(self.body_id, where, self.speed_mps) for where in (here, there)]
        ahead_m = min(self.speed_mps * FORESEEN_S, left_m)
        here[:2] = self.place(self.along_m + ahead_m / 2)
        here[3] += ahead_m / 2
        return [Claim(self.body_id, here, self.speed_mps)]

    def contact(self) -> Contact:
        """Its contact with the ego."""
        if isinstance(self.kind, CarKind):
            kind, name = CollisionKind.VEHICLE, f"vehicle.{self.kind.value}"
        else:
            kind, name = _COLLISIONS[self.kind]
        return Contact(kind, self.body_id, name, self.place(self.along_m))


class Bodies:
    """All bodies of a route that is being driven.

    Attributes:
        all: by their ids.
        marks: what lies flat on the road, and is in nobody's way.
    """

    def __init__(self) -> None:
        self.all: dict[int, Body] = {}
        self.marks: list[BodyPose] = []
        self._next = FIRST_BODY_ID

    def __bool__(self) -> bool:
        return bool(self.all)

    def add(
        self, kind: BodyKind | CarKind, path: Iterable[Point], yaw_rad: float = 0.0, style: int = 0
    ) -> Body:
        """Put a body at the beginning of its path. It stands until it is given a speed.

        Args:
            kind: what it is.
            path: where it will go; a single point for what never moves.
            yaw_rad: its heading where it never moves.
            style: selects its colours.
        """
        points = np.array(list(path), dtype=np.float64).reshape(-1, 2)
        body = Body(self._next, kind, points, yaw_rad, style)
        self.all[body.body_id] = body
        self._next += 1
        return body

    def lay(self, kind: BodyKind, pose: Pose2) -> None:
        """Put something flat on the road.

        Args:
            kind: what it is.
            pose: of its middle.
        """
        self.marks.append(BodyPose(0, kind, pose.x_m, pose.y_m, pose.yaw_rad, 0))

    def remove(self, body_id: int) -> None:
        """Take a body out of the world."""
        del self.all[body_id]

    def step(self, tick_s: float, cars: Float64, ego: Float64, ego_stands: bool) -> None:
        """Move every body along its path. Who walks or cycles waits for a car that is in the way,
        and for the ego where that stands.

        Args:
            tick_s: length of the tick.
            cars: boxes of the moving cars, float64 (N, 5).
            ego: the ego's box, float64 (5,).
            ego_stands: whether the ego stands.
        """
        for body in self.all.values():
            wish_m = min(body.speed_mps * tick_s, body.length_m - body.along_m)
            body.moved_m = 0.0
            if wish_m <= 0.0:
                if body.has_arrived:
                    body.speed_mps = 0.0
                continue
            if not isinstance(body.kind, CarKind):
                ahead = body.box(body.along_m + WAIT_M)
                waits = ego_stands and bool(overlaps(ahead, ego[None])[0] > 0)
                if waits or (len(cars) and bool((overlaps(ahead, cars) > 0).any())):
                    continue
            body.along_m += wish_m
            body.moved_m = wish_m

    def halt(self, body_id: int) -> None:
        """Put a body that has run into the ego back to where it was before this tick."""
        body = self.all[body_id]
        body.along_m, body.moved_m = body.along_m - body.moved_m, 0.0

    def boxes(self) -> Float64:
        """Boxes of all bodies in the order of their ids, float64 (N, 5)."""
        return np.array([body.box() for body in self.all.values()]).reshape(-1, 5)

    def claims(self) -> list[Claim]:
        """What each of them covers, and will cover soon."""
        return [claim for body in self.all.values() for claim in body.claims()]

    def speed(self, body_id: int) -> float:
        """The speed of a body in this tick, m/s; 0 while something holds it."""
        body = self.all[body_id]
        return body.speed_mps if body.moved_m > 0.0 else 0.0

    def road_users(self) -> tuple[RoadUser, ...]:
        """All of them as others see them."""
        return tuple(
            RoadUser(
                b.body_id,
                b.contact().kind,
                b.place(b.along_m),
                b.heading(),
                (b.size_m[0] / 2, b.size_m[1] / 2),
                self.speed(b.body_id),
            )
            for b in self.all.values()
        )

    def car_poses(self) -> tuple[CarPose, ...]:
        """Those that are cars, for the renderer."""
        return tuple(
            CarPose(
                b.body_id,
                b.kind,
                *b.place(b.along_m),
                b.heading(),
                *b.size_m,
                b.style,
                b.moved_m == 0.0 and b.speed_mps > 0.0,
            )
            for b in self.all.values()
            if isinstance(b.kind, CarKind)
        )

    def poses(self) -> tuple[BodyPose, ...]:
        """The others, for the renderer."""
        return *self.marks, *(
            BodyPose(
                b.body_id,
                b.kind,
                *b.place(b.along_m),
                b.heading(),
                b.style,
                1 + int(b.along_m / STRIDE_M) % 2 if b.moved_m > 0.0 else 0,
            )
            for b in self.all.values()
            if isinstance(b.kind, BodyKind)
        )
