"""Pedestrians of the background: they walk along the pavements of the map, to and fro, decided by a
seed. CARLA's own need a navigation mesh; these need the lanes of the map alone, and never cross.
"""

from __future__ import annotations

import math
import random
from typing import Any, NamedTuple

from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.session import Session

SPEEDS_MPS = (0.8, 1.8)
ROLE = "background"
CLEAR_M = 10.0
"""Nobody begins nearer to the ego than this."""
AHEAD_M, ABOVE_M = 1.5, 1.0
TRIES_EACH = 20


class _Walker(NamedTuple):
    actor: Any
    speed_mps: float


class Pedestrians:
    """The pedestrians of one route.

    Args:
        session: with the server, in synchronous mode and with its town loaded.
        cast: that removes them.
        count: how many; fewer where there is no room, and none where the map has no pavements.
        ego: the `carla.Vehicle` that is driven.
        seed: decides where they begin, and how fast they walk.
    """

    def __init__(self, session: Session, cast: Cast, count: int, ego: Any, seed: int) -> None:
        self._session = session
        self._map: Any = session.map
        self._pavement = session.carla.LaneType.Sidewalk
        self._walkers: list[_Walker] = []
        self._back: set[int] = set()
        if count:
            self._populate(cast, count, ego, random.Random(f"pedestrians {seed}"))

    def __len__(self) -> int:
        return len(self._walkers)

    def walk(self) -> None:
        """Say where each goes in the next tick."""
        control = self._session.carla.WalkerControl
        with self._session.asked("to let pedestrians walk"):
            seen = self._session.world.get_snapshot()
            for actor, speed_mps in self._walkers:
                if (found := seen.find(actor.id)) is not None:  # not before its first tick
                    direction = self._direction(actor.id, found.get_transform().location)
                    actor.apply_control(control(direction, speed_mps, False))

    def _direction(self, number: int, here: Any) -> Any:
        """Towards a point a little farther along the pavement. Where it ends, they turn round."""
        lane = self._map.get_waypoint(here, True, self._pavement)
        for _ in range(2):
            found = lane.previous(AHEAD_M) if number in self._back else lane.next(AHEAD_M)
            goals = [each for each in found if each.lane_type == self._pavement]
            if goals:
                goal = goals[0].transform.location
                dx, dy = goal.x - here.x, goal.y - here.y
                away_m = math.hypot(dx, dy) or 1.0
                return self._session.carla.Vector3D(dx / away_m, dy / away_m, 0.0)
            self._back ^= {number}
        return self._session.carla.Vector3D(0.0, 0.0, 0.0)

    def _populate(self, cast: Cast, count: int, ego: Any, chance: random.Random) -> None:
        library = self._session.world.get_blueprint_library()
        blueprints = sorted(library.filter("walker.pedestrian.*"), key=lambda each: str(each.id))
        roads = sorted(self._map.get_spawn_points(), key=lambda at: (at.location.x, at.location.y))
        here = ego.get_transform().location
        for _ in range(count * TRIES_EACH if blueprints and roads else 0):
            if len(self._walkers) == count:
                break
            beside = self._map.get_waypoint(chance.choice(roads).location, True, self._pavement)
            blueprint, speed_mps = chance.choice(blueprints), chance.uniform(*SPEEDS_MPS)
            along_m = chance.uniform(0.0, 20.0)
            if beside is None:
                continue
            beside = next(iter(beside.next(along_m)), beside) if along_m > 0.0 else beside
            place = beside.transform
            place.location.z += ABOVE_M
            away_m = math.hypot(place.location.x - here.x, place.location.y - here.y)
            if beside.lane_type != self._pavement or away_m < CLEAR_M:
                continue
            blueprint.set_attribute("role_name", ROLE)
            if blueprint.has_attribute("is_invincible"):
                blueprint.set_attribute("is_invincible", "false")
            if (made := cast.spawn(blueprint, place)) is not None:
                self._walkers.append(_Walker(made, speed_mps))
