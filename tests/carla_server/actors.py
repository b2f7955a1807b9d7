"""What stands in the world: one record per actor, with what the client is told of it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from .geometry import ZERO, Box, Pose, Vector

ACTIVE = 1  # state of an actor in a snapshot (2: dormant)
TAGS = {"vehicle": 14, "walker": 12, "static": 20, "traffic": 8}
ATTACHED_RIGIDLY = 0


@dataclass
class Control:
    """The last control of a vehicle."""

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0


@dataclass
class Stride:
    """The last control of a walker."""

    direction: Vector = (1.0, 0.0, 0.0)
    speed: float = 0.0
    jump: bool = False


@dataclass
class Phase:
    """What a traffic light shows (0 red, 1 yellow, 2 green) and for how long (s)."""

    shows: int = 0
    green: float = 10.0
    yellow: float = 3.0
    red: float = 2.0
    elapsed: float = 0.0
    frozen: bool = False


@dataclass
class Actor:
    """One actor.

    Attributes:
        description: [uid, blueprint, [[attribute, type, value], ...]] as the client sent it.
        local: the pose in the parent's frame; the pose in the world where there is no parent.
    """

    id: int
    blueprint: str
    description: list[Any]
    pose: Pose
    box: Box
    parent: int = 0
    local: Pose = field(default_factory=Pose)
    token: bytes = b""
    velocity: Vector = ZERO
    angular_velocity: Vector = ZERO
    acceleration: Vector = ZERO
    control: Control = field(default_factory=Control)
    stride: Stride = field(default_factory=Stride)
    phase: Phase = field(default_factory=Phase)
    constant_velocity: Vector | None = None
    target_velocity: Vector | None = None
    physics: bool = True
    collisions: bool = True
    gravity: bool = True
    autopilot: bool = False
    lights: int = 0
    physics_control: list[Any] = field(default_factory=list)
    ackermann: list[float] = field(default_factory=lambda: [0.0] * 6)
    speed_limit: float = 30.0
    at_light: int | None = None
    sign: str = ""
    group: tuple[int, ...] = ()
    due: float = 0.0

    @property
    def kind(self) -> str:
        """The first word of the blueprint: vehicle, walker, sensor, traffic, static..."""
        return self.blueprint.split(".", 1)[0]

    @property
    def moves(self) -> bool:
        """Whether a step of the world moves it."""
        return self.kind in ("vehicle", "walker")

    @property
    def solid(self) -> bool:
        """Whether it can be run into; the box of a light or sign is the zone where it counts."""
        return self.collisions and (self.moves or self.kind == "static")

    def attribute(self, name: str, default: str = "") -> str:
        """The value of an attribute of its description."""
        return next((str(a[2]) for a in self.description[2] if a[0] == name), default)

    def wire(self) -> list[Any]:
        """The record that spawning and `get_actors_by_id` return."""
        tags = bytes([TAGS[self.kind]]) if self.kind in TAGS else b""
        box = self.box.wire(self.id)
        return [self.id, self.parent, self.description, box, tags, self.token]

    def state(self, showing: int) -> bytes:
        """Its 119 bytes in a snapshot.

        Args:
            showing: what the light shows that a vehicle stands at.
        """
        body = struct.pack(
            "<IB6f9f",
            self.id,
            ACTIVE,
            *self.pose.location,
            *self.pose.rotation,
            *self.velocity,
            *self.angular_velocity,
            *self.acceleration,
        )
        return body + self._details(showing).ljust(54, b"\0")

    def _details(self, showing: int) -> bytes:
        if self.kind == "vehicle":
            c = self.control
            given = (c.throttle, c.steer, c.brake, c.hand_brake, c.reverse, c.manual_gear_shift)
            at = self.at_light
            light = (self.speed_limit, showing, at is not None, at or 0, 0)
            return struct.pack("<3f3?i", *given, c.gear) + struct.pack("<fB?IB", *light)
        if self.kind == "walker":
            s = self.stride
            return struct.pack("<4f?", *s.direction, s.speed, s.jump)
        if self.blueprint == "traffic.traffic_light":
            p = self.phase
            times = (p.green, p.yellow, p.red, p.elapsed)
            name = self.sign.encode()[:31].ljust(32, b"\0")
            return name + struct.pack("<4fI?B", *times, 0, p.frozen, p.shows)
        if self.kind == "traffic":
            return self.sign.encode()[:31].ljust(32, b"\0")
        return b""
