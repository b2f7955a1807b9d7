"""A town from an OpenDRIVE file: spawn points, ground, lights and signs, read by `carla.Map`."""

from __future__ import annotations

import gzip
import math
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import carla

from .geometry import Box, Pose, Vector, plus

LIGHT, STOP, YIELD, SPEED = "1000001", "206", "205", "274"
SPAWN_EVERY, ROOM = 20.0, 6.0  # m
ABOVE_GROUND = 0.5  # m
EARTH = 6378137.0  # m


@dataclass(frozen=True)
class Sign:
    """A light or a sign: its blueprint, OpenDRIVE id, pose, and the box where it counts (local)."""

    blueprint: str
    name: str
    pose: Pose
    zone: Box


@dataclass
class Town:
    """A named map."""

    name: str
    xodr: str
    map: Any = field(init=False)

    def __post_init__(self) -> None:
        self.map = carla.Map(self.name, self.xodr)

    @classmethod
    def load(cls, folder: Path, name: str) -> Town:
        """Read NAME.xodr or NAME.xodr.gz of a folder.

        Args:
            folder: where the towns lie.
            name: of the town; the file's name up to the suffix.

        Raises:
            FileNotFoundError: there is no such town.
        """
        plain, packed = folder / f"{name}.xodr", folder / f"{name}.xodr.gz"
        if plain.is_file():
            return cls(name, plain.read_text())
        return cls(name, gzip.decompress(packed.read_bytes()).decode())

    @cached_property
    def spawn_points(self) -> list[Pose]:
        """Poses on lanes outside junctions, every 20 m, with room for a vehicle each."""
        found = [
            pose_of(w.transform)
            for w in self.map.generate_waypoints(SPAWN_EVERY)
            if not w.is_junction and w.lane_type == carla.LaneType.Driving
        ]
        apart = [p for i, p in enumerate(found) if not any(_near(p, q) for q in found[:i])]
        return [Pose(plus(p.location, (0.0, 0.0, ABOVE_GROUND)), p.rotation) for p in apart]

    @cached_property
    def flat(self) -> bool:
        """Whether the whole town lies at height 0."""
        return all(abs(p.location[2] - ABOVE_GROUND) < 1e-3 for p in self.spawn_points)

    def ground(self, location: Vector) -> float:
        """The height of the road next to a point (m)."""
        if self.flat:
            return 0.0
        waypoint = self.map.get_waypoint(carla.Location(*location))
        return float(waypoint.transform.location.z) if waypoint else 0.0

    @cached_property
    def origin(self) -> tuple[float, float]:
        """Latitude and longitude of the origin, from the geoReference."""
        text = ElementTree.fromstring(self.xodr).findtext("header/geoReference") or ""
        found = [re.search(rf"\+{key}=(\S+)", text) for key in ("lat_0", "lon_0")]
        latitude, longitude = (float(match[1]) if match else 0.0 for match in found)
        return latitude, longitude

    def geographic(self, location: Vector) -> tuple[float, float, float]:
        """Latitude, longitude and altitude of a point: Mercator, as the leaderboard has it."""
        latitude, longitude = self.origin
        scale = math.cos(math.radians(latitude))
        east = scale * math.radians(longitude) * EARTH + location[0]
        north = scale * EARTH * math.log(math.tan(math.radians((90 + latitude) / 2))) - location[1]
        back = 2 * math.degrees(math.atan(math.exp(north / (EARTH * scale)))) - 90
        return back, math.degrees(east / (EARTH * scale)), location[2]

    @cached_property
    def signs(self) -> list[Sign]:
        """Lights, stop signs and yield signs; of each physical one all lanes that it counts for."""
        kinds = {LIGHT: "traffic_light", STOP: "stop", YIELD: "yield"}
        found: dict[tuple[str, str], list[Any]] = {}
        for mark in self.map.get_all_landmarks():
            if mark.type in kinds:
                found.setdefault((kinds[mark.type], mark.id), []).append(mark)
        return [
            _sign(self.map, f"traffic.{kind}", name, marks) for (kind, name), marks in found.items()
        ]

    @cached_property
    def junctions(self) -> list[list[list[str]]]:
        """Of each junction with controllers: the phases in turn, each the ids of its lights."""
        root = ElementTree.fromstring(self.xodr)
        lights = {
            str(c.get("id")): list(dict.fromkeys(str(s.get("signalId")) for s in c.iter("control")))
            for c in root.iter("controller")
            if c.find("control") is not None
        }
        turns = [
            sorted(j.findall("controller"), key=lambda c: int(c.get("sequence", "0")))
            for j in root.iter("junction")
        ]
        phases = [
            [lights[str(c.get("id"))] for c in turn if c.get("id") in lights] for turn in turns
        ]
        return [phase for phase in phases if phase]


def _near(pose: Pose, other: Pose) -> bool:
    x, y, _ = other.location
    if abs(x - pose.location[0]) > ROOM or abs(y - pose.location[1]) > ROOM:
        return False
    ahead, aside, _ = pose.local(other.location)
    return abs(ahead) < ROOM and abs(aside) < 2.5


def pose_of(transform: Any) -> Pose:
    """A `carla.Transform` as a pose."""
    at, turned = transform.location, transform.rotation
    return Pose((at.x, at.y, at.z), (turned.pitch, turned.yaw, turned.roll))


def _sign(town: Any, blueprint: str, name: str, marks: list[Any]) -> Sign:
    stops = [w for mark in marks for w in _stop_waypoints(town, mark)]
    lanes = {(w.road_id, w.lane_id): w for w in stops}.values()
    driving = pose_of(next(iter(lanes)).transform)
    across = Pose((0.0, 0.0, 0.0), (0.0, driving.rotation[1] + 90.0, 0.0))
    points = [across.local(pose_of(w.transform).location) for w in lanes]
    half = [w.lane_width / 2 for w in lanes]
    right = max(p[0] + h for p, h in zip(points, half, strict=True))
    left = min(p[0] - h for p, h in zip(points, half, strict=True))
    ahead = sum(p[1] for p in points) / len(points)
    height = sum(p[2] for p in points) / len(points)
    middle = across.point(((left + right) / 2, ahead, height + 1.0))
    pose = Pose(pose_of(marks[0].transform).location, across.rotation)
    return Sign(blueprint, name, pose, Box(pose.local(middle), ((right - left) / 2, 1.5, 1.5)))


def _stop_waypoints(town: Any, mark: Any) -> list[Any]:
    """Where cars stop for a landmark: the lanes that it counts for, before the junction."""
    lanes = [
        town.get_waypoint_xodr(mark.road_id, lane, mark.s)
        for first, last in mark.get_lane_validities()
        for lane in range(min(first, last), max(first, last) + 1)
        if lane
    ]
    driving = [w for w in lanes if w is not None and w.lane_type == carla.LaneType.Driving]
    return [_before_junction(w) for w in driving or [town.get_waypoint(mark.transform.location)]]


def _before_junction(waypoint: Any) -> Any:
    while waypoint.is_junction and (before := waypoint.previous(1.0)):
        waypoint = before[0]
    return waypoint
