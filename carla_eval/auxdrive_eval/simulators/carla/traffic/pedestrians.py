"""Pedestrians of the background: they walk along the pavements of the map, to and fro, and some
cross the street now and then, decided by a seed. CARLA's own need a navigation mesh; these need the
lanes of the map alone.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.carla.traffic.street import Street

SPEEDS_MPS = (0.8, 1.8)
ROLE = "background"
CLEAR_M = 10.0
"""Nobody begins nearer to the ego than this."""
AHEAD_M, ABOVE_M = 1.5, 1.0
TRIES_EACH = 20
WALKS_S = (3.0, 20.0)
"""So long somebody who crosses walks along before the first time, and between two."""
AGAIN_S = 1.0
ARRIVED_M = 0.5


@dataclass(slots=True)
class _Walker:
    """A pedestrian; `chance` is None for one who never crosses."""

    actor: Any
    speed_mps: float
    chance: random.Random | None = None
    due_tick: int = 0
    goal: Any = None


class Pedestrians:
    """The pedestrians of one route.

    Args:
        session: with the server, in synchronous mode and with its town loaded.
        cast: that removes them.
        count: how many; fewer where there is no room, and none where the map has no pavements.
        ego: the `carla.Vehicle` that is driven.
        seed: decides where they begin, how fast they walk, and who crosses when.
        crossing: the share of them who cross now and then.
        tick_s: length of a tick.
    """

    def __init__(
        self,
        session: Session,
        cast: Cast,
        count: int,
        ego: Any,
        seed: int,
        crossing: float,
        tick_s: float,
    ) -> None:
        self._session, self._street, self._tick_s = session, Street(session), tick_s
        self._tick = 0
        self._map: Any = session.map
        self._pavement = session.carla.LaneType.Sidewalk
        self._walkers: list[_Walker] = []
        self._back: set[int] = set()
        if count:
            self._populate(cast, count, ego, random.Random(f"pedestrians {seed}"))
        for number, walker in enumerate(self._walkers):
            chance = random.Random(f"crossing {seed} {number}")
            if chance.random() < crossing:
                walker.chance = chance
                self._wait(walker)

    def __len__(self) -> int:
        return len(self._walkers)

    def walk(self) -> None:
        """Say where each goes in the next tick."""
        control = self._session.carla.WalkerControl
        with self._session.asked("to let pedestrians walk"):
            seen = self._session.world.get_snapshot()
            for walker in self._walkers:
                actor = walker.actor
                if (found := seen.find(actor.id)) is not None:  # not before its first tick
                    here = found.get_transform().location
                    self._decide(walker, here)
                    direction = (
                        self._direction(actor.id, here)
                        if walker.goal is None
                        else self._towards(here, walker.goal)
                    )
                    actor.apply_control(control(direction, walker.speed_mps, False))
        self._tick += 1

    def _decide(self, walker: _Walker, here: Any) -> None:
        """Let somebody set out across the street, or be there."""
        if walker.goal is not None:
            if math.hypot(walker.goal.x - here.x, walker.goal.y - here.y) < ARRIVED_M:
                walker.goal = None
                self._wait(walker)
            return
        if walker.chance is None or self._tick < walker.due_tick:
            return
        goal = self._street.across(here)
        if goal is not None:
            way_s = math.hypot(goal.x - here.x, goal.y - here.y) / walker.speed_mps
            if self._street.is_free(here, goal, way_s):
                walker.goal = goal
                return
        walker.due_tick = self._tick + round(AGAIN_S / self._tick_s)

    def _wait(self, walker: _Walker) -> None:
        assert walker.chance is not None
        walker.due_tick = self._tick + round(walker.chance.uniform(*WALKS_S) / self._tick_s)

    def _towards(self, here: Any, goal: Any) -> Any:
        dx, dy = goal.x - here.x, goal.y - here.y
        away_m = math.hypot(dx, dy) or 1.0
        return self._session.carla.Vector3D(dx / away_m, dy / away_m, 0.0)

    def _direction(self, number: int, here: Any) -> Any:
        """Towards a point a little farther along the pavement. Where it ends, they turn round."""
        lane = self._map.get_waypoint(here, True, self._pavement)
        for _ in range(2):
            found = lane.previous(AHEAD_M) if number in self._back else lane.next(AHEAD_M)
            goals = [each for each in found if each.lane_type == self._pavement]
            if goals:
                return self._towards(here, goals[0].transform.location)
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
