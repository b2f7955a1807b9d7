"""The state of the server: the episode, its actors, and what a tick does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import motion, sensors
from .actors import Actor
from .blueprints import FLAT, STREAMLESS, box_of, names
from .faults import Faults
from .geometry import Box, Pose, Vector, times, touch
from .lights import Junction
from .log import Log
from .scene import PlainScene, Scene
from .streams import Streams
from .town import Town

OBSERVER_STREAM = 1
CRASHED = 134  # what a shell reports of a process that aborted


Hit = tuple[Actor, Actor, Vector]  # who touch, and the impulse that the first is given


class Refused(Exception):
    """A call that the client is told has failed, with this text."""


@dataclass
class Settings:
    """The settings of the episode, as the client sends them."""

    wire: list[Any] = field(
        default_factory=lambda: [
            *(False, False, [False], True, 0.01, 10, 0.0, False, 3000.0, 2000.0, True)
        ]
    )

    @property
    def synchronous(self) -> bool:
        """Whether the world waits for the client's tick."""
        return bool(self.wire[0])

    @property
    def step(self) -> float:
        """Seconds per tick; 0.05 where the client fixes none."""
        given = self.wire[2]
        return float(given[1]) if given[0] and given[1] else 0.05


@dataclass
class World:
    """One world; `towns` finds a town by name."""

    towns: Callable[[str], Town]
    town: Town
    scene: Scene = field(default_factory=PlainScene)
    faults: Faults = field(default_factory=Faults)
    streams: Streams = field(default_factory=Streams)
    settings: Settings = field(default_factory=Settings)
    weather: list[float] = field(default_factory=lambda: [0.0] * 14)
    actors: dict[int, Actor] = field(default_factory=dict)
    junctions: list[Junction] = field(default_factory=list)
    spectator: int = 0
    episode: int = 1
    frame: int = 0
    elapsed: float = 0.0
    platform_time: float = 0.0
    map_changed: int = 0
    shapes: int = 0
    managers: dict[int, str] = field(default_factory=dict)
    pending_xodr: str = ""
    log: Log = field(default_factory=Log)
    _next: int = 1
    _zones: list[tuple[int, float, float, float]] = field(default_factory=list)
    _sent: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._furnish()

    def load(self, town: Town, *, reset: bool) -> None:
        """Begin a new episode.

        Args:
            town: where.
            reset: the settings become those of a fresh server.
        """
        self.town, self.episode = town, self.episode + 1
        self.actors.clear()
        self._sent.clear()
        self.elapsed, self.map_changed = 0.0, 1
        if reset:
            self.settings = Settings()
        self._furnish()

    def actor(self, number: int) -> Actor:
        """The actor with this id.

        Args:
            number: id.

        Raises:
            Refused: there is none.
        """
        if number not in self.actors:
            raise Refused(f"unable to find actor {number}: it does not exist")
        return self.actors[number]

    def spawn(self, description: list[Any], pose: Pose, parent: int = 0) -> Actor:
        """Put an actor into the world.

        Args:
            description: [uid, blueprint, attributes].
            pose: in the world, or in the parent's frame.
            parent: id of what it is attached to; 0 for none.

        Raises:
            Refused: no such blueprint or parent, or no room.
        """
        blueprint = str(description[1])
        if blueprint not in names():
            raise Refused(f"unable to spawn {blueprint}: no such blueprint")
        placed = self.actor(parent).pose.then(pose) if parent else pose
        box = box_of(blueprint)
        room = any(box.extent) and not parent and blueprint not in FLAT
        if room and self._taken(box, placed):
            raise Refused("Spawn failed because of collision at spawn position")
        made = self._add(blueprint, description, placed, box)
        made.collisions = blueprint not in FLAT
        made.parent, made.local = parent, pose
        if made.kind == "sensor" and blueprint not in STREAMLESS:
            made.token = self.streams.token(made.id)
        return made

    def destroy(self, number: int) -> None:
        """Take an actor away; what was attached to it stays, as in CARLA.

        Args:
            number: id.

        Raises:
            Refused: there is none.
        """
        gone = self.actor(number)
        if gone.kind in ("traffic", "spectator"):
            raise Refused(f"unable to destroy actor {number}: it belongs to the town")
        del self.actors[number]
        self._sent.pop(number, None)
        for child in self.actors.values():
            if child.parent == number:
                child.parent = 0

    def tick(self) -> int:
        """Let one step pass and send what the sensors measure.

        Returns:
            The number of the new frame.
        """
        self.faults.tick += self.settings.synchronous  # how long time ran freely is chance
        if self.faults.takes("die"):
            os._exit(CRASHED)
        if fault := self.faults.takes("hang"):
            time.sleep(fault.seconds)
        seconds = self.settings.step
        self.frame += 1
        self.elapsed += seconds
        self.platform_time = time.monotonic()
        hits = self._move(seconds)
        for junction in self.junctions:
            junction.step(self.actors, seconds)
        self.streams.send(OBSERVER_STREAM, sensors.snapshot(self))
        self.map_changed = 0
        self._measure(hits)
        return self.frame

    def _move(self, seconds: float) -> list[Hit]:
        before = {a.id: a.pose for a in self.actors.values()}
        movers = [a for a in self.actors.values() if a.moves]
        for actor in movers:
            motion.step(actor, seconds, self.town.ground(actor.pose.location))
        speeds = {a.id: a.velocity for a in self.actors.values()}
        hits = [
            (a, b, motion.impulse(a, speeds[a.id], speeds[b.id]))
            for a, b in motion.collide(list(self.actors.values()), before)
        ]
        for actor in self.actors.values():
            if actor.parent:
                actor.pose = self.actors[actor.parent].pose.then(actor.local)
        for actor in movers:
            actor.at_light = self._light_at(actor)
        return hits

    def _light_at(self, vehicle: Actor) -> int | None:
        x, y, _ = vehicle.pose.location
        for number, near, near_y, far in self._zones:
            if abs(x - near) < far and abs(y - near_y) < far:
                light = self.actors[number]
                if light.box.contains(light.pose, vehicle.pose.location):
                    return number
        return None

    def _measure(self, hits: list[Hit]) -> None:
        for sensor in [a for a in self.actors.values() if a.kind == "sensor"]:
            if not self.streams.wanted(sensor.id):
                continue
            if sensor.blueprint == "sensor.other.collision":
                for one, other, hit in hits:
                    if sensor.parent == one.id:
                        event = sensors.collision(self, sensor, other, hit)
                    elif sensor.parent == other.id:
                        event = sensors.collision(self, sensor, one, times(hit, -1.0))
                    else:
                        continue
                    self.streams.send(sensor.id, event)
            elif self.elapsed + 1e-9 >= sensor.due:
                sensor.due = self.elapsed + float(sensor.attribute("sensor_tick", "0") or 0)
                self._send(sensor)

    def _send(self, sensor: Actor) -> None:
        if self.faults.takes("drop", sensor.blueprint):
            return
        if sensor.id in self._sent and self.faults.takes("repeat", sensor.blueprint):
            self.streams.send(sensor.id, self._sent[sensor.id])
            return
        payload = sensors.PAYLOADS[sensor.blueprint](self, sensor)
        self._sent[sensor.id] = payload
        self.streams.send(sensor.id, payload)

    def _add(self, blueprint: str, description: list[Any], pose: Pose, box: Box) -> Actor:
        number, self._next = self._next, self._next + 1
        made = Actor(number, blueprint, description, pose, box)
        self.actors[number] = made
        return made

    def _taken(self, box: Box, pose: Pose) -> bool:
        return any(touch(box, pose, a.box, a.pose) for a in self.actors.values() if a.solid)

    def _furnish(self) -> None:
        self._next = max(self._next, OBSERVER_STREAM + 1)
        self.spectator = self._add("spectator", [0, "spectator", []], Pose(), Box()).id
        named: dict[str, int] = {}
        self._zones = []
        for sign in self.town.signs:
            made = self._add(sign.blueprint, [0, sign.blueprint, []], sign.pose, sign.zone)
            made.sign = sign.name
            if sign.blueprint == "traffic.traffic_light":
                named[sign.name] = made.id
                x, y, _ = sign.pose.location
                self._zones.append((made.id, x, y, motion.reach(sign.zone)))
        phases = [
            [[named[n] for n in phase if n in named] for phase in turn]
            for turn in self.town.junctions
        ]
        phases = [[phase for phase in turn if phase] for turn in phases]
        grouped = {i for turn in phases for phase in turn for i in phase}
        alone = [[[i]] for i in named.values() if i not in grouped]
        self.junctions = [Junction(turn) for turn in [*phases, *alone] if turn]
        for junction in self.junctions:
            members = tuple(dict.fromkeys(i for phase in junction.phases for i in phase))
            for number in members:
                self.actors[number].group = members
