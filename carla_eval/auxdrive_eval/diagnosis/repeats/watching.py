"""Looking at the world while a route is driven, tick by tick: a drive that is repeated and one that
keeps its facts both go by this.
"""

from __future__ import annotations

import math
from dataclasses import replace

from auxdrive_eval.diagnosis.course import Course
from auxdrive_eval.diagnosis.facts import Instant
from auxdrive_eval.diagnosis.instants import instant_of
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import Explaining, Foreseeing, Surveying
from auxdrive_eval.world import RoadUser, WorldState

GOES_AHEAD_S, GOES_M = 3.0, 3.0
"""The expert drives on from a stop if it would be so far away after this time: a line that the car
stands before is nearer.
"""


class Watching:
    """Looks at one drive.

    Args:
        simulator: in which it is driven.
        route: that is driven.
    """

    def __init__(self, simulator: Simulator, route: Route) -> None:
        self._simulator, self._course = simulator, Course(route)
        self._along_m = 0.0
        self._speeds_mps: dict[int, float] = {}
        self.others: tuple[RoadUser, ...] = ()

    def move(self, state: WorldState) -> None:
        """Keep up with the car. To be called at every tick."""
        self._place = self._course.follow(state.ego_centre, self._along_m)
        self._along_m = max(self._along_m, self._place.along_m)

    def instant(self, state: WorldState, stands: bool) -> Instant:
        """The facts of this tick.

        Args:
            state: the world, which `move` was shown.
            stands: whether it is asked if the expert would drive on, and not only creep to a line.
        """
        simulator = self._simulator
        self.others = simulator.road_users() if isinstance(simulator, Surveying) else ()
        expert = simulator.expert()
        goes = expert.throttle > 0.0 and (not stands or self._drives_on(state))
        found = instant_of(
            self._course, state, self._place, self.others, self._speeds_mps, goes, expert.brake
        )
        self._speeds_mps = {other.user_id: other.speed_mps for other in self.others}
        held = not goes or expert.brake > 0.0
        if held and isinstance(simulator, Explaining) and simulator.camera.fov_deg is not None:
            found = replace(found, held_by=simulator.expert_held_by())
        return found

    def _drives_on(self, state: WorldState) -> bool:
        simulator = self._simulator
        if not isinstance(simulator, Foreseeing):
            return True
        (there,) = simulator.expert_ahead([round(GOES_AHEAD_S / simulator.tick_s)])
        return math.dist(there.ego_centre, state.ego_centre) >= GOES_M
