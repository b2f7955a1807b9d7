"""The facts of a moment of a drive, found from the world and the route."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from auxdrive_eval.diagnosis.course import Course, OnCourse
from auxdrive_eval.diagnosis.facts import Hit, Instant, LightAhead, OtherAhead, SignAhead
from auxdrive_eval.world import Point, RoadUser, WorldState

SEEN_AHEAD_M, SEEN_BEHIND_M = 45.0, 9.0
"""So far ahead of the car lights, signs and others are looked for; and so far behind its front
lights and signs, so that it is known what was passed.
"""
CROSSING_S, CROSSING_STEP_S, CROSSING_AHEAD_M = 4.0, 0.5, 15.0
"""Another who goes on as now and comes within a lane of the next metres of the route within this
time is on a conflicting path.
"""
ON_LANE_M = 2.2
"""A stop line whose middle is nearer to the route than this is the route's own."""
SAME_WAY_RAD = math.radians(60.0)
CROSSING_RAD = math.radians(30.0)


def instant_of(
    course: Course,
    state: WorldState,
    place: OnCourse,
    others: Sequence[RoadUser] = (),
    speeds_mps: Mapping[int, float] | None = None,
    expert_goes: bool = False,
    expert_brakes: float = 0.0,
) -> Instant:
    """The facts of a moment.

    Args:
        course: the route.
        state: the world.
        place: where the car's centre is on the route.
        others: everybody else on the road.
        speeds_mps: how fast they were a moment before, by their ids.
        expert_goes: as in `Instant`.
        expert_brakes: likewise.
    """
    front_m = place.along_m + state.extent[0]
    return Instant(
        time_s=state.time_s,
        speed_mps=state.speed_mps,
        along_m=place.along_m,
        left_m=place.left_m,
        off_rad=_wrapped(state.ego.yaw_rad - place.yaw_rad),
        turn_rad=course.turn_rad(place.along_m),
        in_junction=state.lane is not None and state.lane.in_junction,
        touched=_touched(state, others, speeds_mps or {}),
        expert_goes=expert_goes,
        expert_brakes=expert_brakes,
        light=_light(course, state, front_m),
        sign=_sign(course, state, front_m),
        lead=_lead(course, state, place, front_m, others),
        crossing=_crossing(course, place, front_m, others),
    )


def _touched(
    state: WorldState, others: Sequence[RoadUser], speeds_mps: Mapping[int, float]
) -> tuple[Hit, ...]:
    found = []
    for contact in state.contacts:
        other = next((each for each in others if each.user_id == contact.other_id), None)
        x_m, y_m = contact.location if other is None else other.place
        dx, dy = x_m - state.ego_centre[0], y_m - state.ego_centre[1]
        bearing = _wrapped(math.atan2(dy, dx) - state.ego.yaw_rad)
        heading = None if other is None else _wrapped(other.yaw_rad - state.ego.yaw_rad)
        speed_mps = speeds_mps.get(contact.other_id, 0.0)
        found.append(Hit(bearing, heading, speed_mps, contact.location))
    return tuple(found)


def _light(course: Course, state: WorldState, front_m: float) -> LightAhead | None:
    found = [
        LightAhead(light.light_id, light.colour, to_line_m)
        for light in state.lights
        if (to_line_m := _to_line(course, _middle(light.stop_line), light.lane_yaw_rad, front_m))
        is not None
    ]
    return min(found, key=lambda each: each.to_line_m, default=None)


def _sign(course: Course, state: WorldState, front_m: float) -> SignAhead | None:
    found = []
    for sign in state.stop_signs:
        half_m, yaw = sign.trigger_half_size[0], sign.trigger_yaw_rad
        x_m, y_m = sign.trigger_centre
        line = (x_m + half_m * math.cos(yaw), y_m + half_m * math.sin(yaw))
        to_line_m = _to_line(course, line, sign.lane_yaw_rad, front_m)
        if to_line_m is not None:
            found.append(SignAhead(sign.sign_id, to_line_m))
    return min(found, key=lambda each: each.to_line_m, default=None)


def _to_line(course: Course, line: Point, yaw_rad: float, front_m: float) -> float | None:
    """From the car's front to a stop line of the route; None if it is another lane's."""
    at = course.find(line, front_m - SEEN_BEHIND_M, front_m + SEEN_AHEAD_M)
    along = abs(_wrapped(yaw_rad - at.yaw_rad)) < SAME_WAY_RAD
    near = abs(at.left_m) < ON_LANE_M and math.dist(line, course.point(at.along_m)) < 2 * ON_LANE_M
    inside = front_m - SEEN_BEHIND_M < at.along_m < front_m + SEEN_AHEAD_M
    return at.along_m - front_m if along and near and inside else None


def _lead(
    course: Course,
    state: WorldState,
    place: OnCourse,
    front_m: float,
    others: Iterable[RoadUser],
) -> OtherAhead | None:
    found = []
    for other in others:
        if math.dist(other.place, state.ego_centre) > SEEN_AHEAD_M:
            continue
        at = course.find(other.place, place.along_m, front_m + SEEN_AHEAD_M)
        heading = _wrapped(other.yaw_rad - at.yaw_rad)
        long_m = abs(math.cos(heading)) * other.extent[0] + abs(math.sin(heading)) * other.extent[1]
        wide_m = abs(math.sin(heading)) * other.extent[0] + abs(math.cos(heading)) * other.extent[1]
        on_it = abs(at.left_m) < state.extent[1] + wide_m
        if on_it and at.along_m > place.along_m and _is_beside(course, at, other):
            gap_m = at.along_m - long_m - front_m
            found.append(OtherAhead(other.user_id, gap_m, at.left_m, other.speed_mps, heading))
    return min(found, key=lambda each: each.gap_m, default=None)


def _crossing(
    course: Course, place: OnCourse, front_m: float, others: Iterable[RoadUser]
) -> tuple[OtherAhead, ...]:
    """Whose straight way on comes onto the next metres of the route."""
    found = []
    for other in others:
        if other.speed_mps < 0.5:
            continue
        step_m = other.speed_mps * CROSSING_STEP_S
        for number in range(1, round(CROSSING_S / CROSSING_STEP_S) + 1):
            x_m = other.place[0] + number * step_m * math.cos(other.yaw_rad)
            y_m = other.place[1] + number * step_m * math.sin(other.yaw_rad)
            at = course.find((x_m, y_m), place.along_m, front_m + CROSSING_AHEAD_M)
            heading = _wrapped(other.yaw_rad - at.yaw_rad)
            near = math.dist((x_m, y_m), course.point(at.along_m)) < ON_LANE_M + 1.0
            if near and at.along_m > front_m - 2.0 and abs(heading) > CROSSING_RAD:
                found.append(
                    OtherAhead(
                        other.user_id, at.along_m - front_m, at.left_m, other.speed_mps, heading
                    )
                )
                break
    return tuple(sorted(found, key=lambda each: each.gap_m))


def _is_beside(course: Course, at: OnCourse, other: RoadUser) -> bool:
    """Whether a place that was looked for on a stretch lies beside it, not beyond its ends."""
    return math.dist(other.place, course.point(at.along_m)) < other.extent[0] + ON_LANE_M


def _middle(line: tuple[Point, Point]) -> Point:
    (ax, ay), (bx, by) = line
    return (ax + bx) / 2, (ay + by) / 2


def _wrapped(angle_rad: float) -> float:
    return math.remainder(angle_rad, math.tau)
