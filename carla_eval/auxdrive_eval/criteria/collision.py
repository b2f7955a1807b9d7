"""Collisions (CollisionTest of the leaderboards)."""

from __future__ import annotations

import math

from auxdrive_eval.criteria.base import Event, EventKind, TickCriterion, carla_location, event_at
from auxdrive_eval.world import CollisionKind, Point, WorldState

SAME_OTHER_S = 5.0
"""Another contact with what was hit last does not count within this time."""
NEAR_EARLIER_M = 3.0
"""A collision this near to an earlier one counts as the same; in leaderboard 1.0."""
ID_OF_THE_MAP = 0
"""CARLA's id of whatever belongs to the map itself: houses and walls are not told apart by it."""
FORGET_EARLIER_M = 5.0
"""An earlier collision is forgotten once the ego is farther away than this."""

_KIND_OF = {
    CollisionKind.PEDESTRIAN: EventKind.COLLISION_PEDESTRIAN,
    CollisionKind.VEHICLE: EventKind.COLLISION_VEHICLE,
    CollisionKind.LAYOUT: EventKind.COLLISION_LAYOUT,
}


class Collision(TickCriterion):
    """Counts collisions: the many contacts of one collision count once.

    As in the leaderboard, each tick first judges its contacts by what was remembered, and only then
    forgets what is too old or too far away.

    Args:
        near_m: a collision this near to an earlier one counts as the same.
        moving_mps: an ego that was slower before the tick is not at fault: nothing counts.
    """

    def __init__(self, near_m: float = NEAR_EARLIER_M, moving_mps: float = 0.0) -> None:
        self._near_m, self._moving_mps = near_m, moving_mps
        self._speed_mps: float | None = None
        self._earlier: list[Point] = []
        self._last_id: int | None = None
        self._last_time_s = -math.inf

    def update(self, state: WorldState) -> list[Event]:
        """One event for each new collision."""
        events = []
        # A contact itself stops the ego; what the leaderboard knows of it then is its last speed.
        before_mps = state.speed_mps if self._speed_mps is None else self._speed_mps
        self._speed_mps = state.speed_mps
        for contact in state.contacts if before_mps >= self._moving_mps else ():
            if contact.other_id == self._last_id or any(
                math.dist(state.ego_centre, point) <= self._near_m for point in self._earlier
            ):
                continue
            what = f"type={contact.other_type} and id={contact.other_id}"
            message = (
                f"Agent collided against object with {what} at {carla_location(state.ego_centre)}"
            )
            events.append(event_at(_KIND_OF[contact.kind], message, state, hit=contact.location))
            self._earlier.append(state.ego_centre)
            self._last_time_s = state.time_s
            if contact.other_id != ID_OF_THE_MAP:
                self._last_id = contact.other_id
        self._earlier = [
            point
            for point in self._earlier
            if math.dist(state.ego_centre, point) <= FORGET_EARLIER_M
        ]
        if state.time_s - self._last_time_s > SAME_OTHER_S:
            self._last_id = None
        return events
