"""Who goes first by what a driver sees, on a crossing made by hand: the driver comes from the
south, the others from the west.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from auxdrive.types import RoadOption
from auxdrive_eval.simulators.embedded.ego.giving_way import (
    STARTING_S,
    GivingWay,
    Own,
)
from auxdrive_eval.simulators.embedded.town.model import (
    CarKind,
    Junction,
    JunctionKind,
    Lane,
    Town,
    TrafficLight,
)
from auxdrive_eval.simulators.embedded.traffic.car import EGO_ID, Car
from auxdrive_eval.simulators.embedded.traffic.seen_ego import SeenEgo
from town_by_hand import hand_town

ARRIVING, ACROSS, WEST, EASTWARD, SOUTHWARD = 0, 1, 3, 4, 6
LINE_M = 10.0
"""From each line to the middle of the crossing."""


def lane(
    lane_id: int, line: list[tuple[float, float]], after: tuple[int, ...], **more: Any
) -> Lane:
    corners = np.array(line, dtype=np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    at = np.linspace(0.0, along[-1], round(along[-1]) + 1)
    points = np.column_stack([np.interp(at, along, corners[:, axis]) for axis in (0, 1)])
    dx, dy = np.diff(points, axis=0).T
    yaw = np.arctan2(np.append(dy, dy[-1]), np.append(dx, dx[-1]))
    return Lane(lane_id, lane_id, points, at, yaw, 3.5, 8.0, after, **{"predecessors": (), **more})


def crossing(
    groups: tuple[int, int] | None = None, turn: RoadOption = RoadOption.STRAIGHT, **arriving: Any
) -> Town:
    """Two roads that cross; the southern one gives way unless told otherwise, lights of these
    groups.
    """
    inside = {"junction_id": 1}
    south = {"light_id": 0, **arriving} if groups else {"gives_way": True, **arriving}
    lanes = [
        lane(ARRIVING, [(0, -70), (0, -10)], (ACROSS,), **south),
        lane(ACROSS, [(0, -10), (0, 10)], (2,), predecessors=(0,), turn=turn, **inside),
        lane(2, [(0, 10), (0, 70)], ()),
        lane(WEST, [(-70, 0), (-10, 0)], (EASTWARD, SOUTHWARD), light_id=1 if groups else None),
        lane(
            EASTWARD,
            [(-10, 0), (10, 0)],
            (5,),
            predecessors=(3,),
            turn=RoadOption.STRAIGHT,
            **inside,
        ),
        lane(5, [(10, 0), (70, 0)], ()),
        lane(
            SOUTHWARD,
            [(-10, 0), (-5, -2), (-4, -10)],
            (7,),
            predecessors=(3,),
            turn=RoadOption.RIGHT,
            **inside,
        ),
        lane(7, [(-4, -10), (-4, -70)], ()),
    ]
    hand = hand_town()
    lights = {
        index: TrafficLight(index, 1, arrives, group, (0.0, 0.0), 0.0, ((0.0, 0.0), (0.0, 0.0)))
        for index, (arrives, group) in enumerate(zip((0, 3), groups or (), strict=False))
    }
    junction = Junction(1, JunctionKind.FOUR_WAY, (0.0, 0.0), hand.junctions[1].polygon, (1, 4, 6))
    return replace(
        hand,
        lanes={each.lane_id: each for each in lanes},
        junctions={1: junction},
        lights=lights,
        stop_signs={},
    )


def other(along_m: float, speed_mps: float, lane_id: int = WEST, ahead: int = EASTWARD) -> Car:
    """A car of 4 m on the western road, or on its way across."""
    car = Car(2, CarKind.HATCHBACK, 4.0, 1.75, 1.5, 0, lane_id, along_m, speed_mps)
    car.ahead = [ahead]
    return car


def before(to_line_m: float, speed_mps: float, **more: Any) -> Car:
    """The same, with its front so far before its line."""
    return other(58.0 - to_line_m, speed_mps, **more)


def yields(
    town: Town, car: Car, front_m: float = -1.0, speed_mps: float = 0.0, green_s: float = 9.0
) -> bool:
    own = Own(ACROSS, front_m, speed_mps, 4.5)
    return bool(GivingWay(town).rivals(own, [car], dict.fromkeys(town.lights, green_s)))


def test_who_gives_way_takes_a_gap_that_is_long_enough() -> None:
    minor = crossing()
    assert yields(minor, before(10.0, 7.0))
    assert not yields(minor, before(38.0, 5.0), front_m=2.0, speed_mps=4.0)
    assert not yields(minor, before(1.0, 0.0))  # it stands
    assert yields(minor, other(10.0, 0.0, EASTWARD, 5))  # in the way
    assert not yields(minor, other(17.0, 5.0, EASTWARD, 5))  # past
    assert not yields(minor, before(10.0, 7.0), front_m=9.0, speed_mps=4.0)  # already there


def test_what_a_car_intends_is_not_seen_but_where_it_drives_is() -> None:
    minor = crossing()
    assert yields(minor, before(10.0, 7.0, ahead=SOUTHWARD))
    assert not yields(minor, other(7.0, 4.0, SOUTHWARD, 7))


def test_who_has_priority_goes_unless_the_other_cannot_stop_any_more() -> None:
    major = crossing(gives_way=False, stop_sign_id=None)
    major = replace(major, lanes={**major.lanes, WEST: replace(major.lanes[WEST], gives_way=True)})
    assert not yields(major, before(10.0, 7.0), front_m=-8.0, speed_mps=7.0)
    assert yields(major, before(3.0, 7.0), front_m=-8.0, speed_mps=7.0)
    assert yields(major, other(3.0, 4.0, EASTWARD, 5), front_m=-8.0, speed_mps=7.0)


def test_without_signs_who_comes_from_the_right_goes_first() -> None:
    equal = crossing(gives_way=False)
    assert not yields(equal, before(10.0, 6.0))
    own = Own(EASTWARD, -1.0, 0.0, 4.5)
    from_south = other(48.0, 6.0, ARRIVING, ACROSS)
    assert GivingWay(equal).rivals(own, [from_south], {})


def test_at_a_green_light_the_others_have_red_and_run_it_or_not() -> None:
    lit = crossing(groups=(0, 1))
    assert not yields(lit, before(12.0, 6.0))
    assert yields(lit, before(2.0, 7.0), front_m=-5.0, speed_mps=7.0)


def test_a_car_that_rolls_over_its_line_comes_unless_its_brake_lamps_shine() -> None:
    lit, rolls, stops = crossing(groups=(0, 1)), before(1.0, 0.8), before(1.0, 0.8)
    stops.accel_mps2 = -1.0
    assert yields(lit, rolls)
    assert not yields(lit, stops)
    assert not yields(lit, before(8.0, 0.8))


def test_who_turns_left_lets_those_who_have_green_too_start_and_pass() -> None:
    left = crossing(groups=(0, 0), turn=RoadOption.LEFT)
    assert yields(left, before(12.0, 6.0))
    assert yields(left, before(1.0, 0.0), green_s=0.5)
    assert not yields(left, before(1.0, 0.0), green_s=STARTING_S + 0.1)
    assert not yields(left, before(1.0, 0.0), green_s=0.0)


def test_care_is_asked_for_where_somebody_with_priority_may_come() -> None:
    (approach,) = GivingWay(crossing()).approaches(ACROSS)
    assert (approach.places[:, 1] == 0.0).all()
    distances_m = -approach.places[:, 0]
    assert (np.diff(distances_m) == 3.0).all()
    assert approach.from_m == pytest.approx(LINE_M - 2.0, abs=1.0)
    assert GivingWay(crossing(groups=(0, 1))).approaches(ACROSS) == ()


# How others see an ego that does not ask


def watched(ego_mps: float, to_line_m: float, waited_s: float, car: Car) -> SeenEgo:
    """The junction after a tick in which the other had been admitted before."""
    town = crossing()
    control = SeenEgo(town)
    ego = Car(EGO_ID, CarKind.SEDAN, 4.5, 1.9, 1.5, 0, ARRIVING, 57.75 - to_line_m, ego_mps)
    ego.ahead, ego.waited_s = [ACROSS, 2], waited_s
    control._granted[car.car_id] = car.ahead[0]
    control.update({EGO_ID: ego, car.car_id: car}, {}, {}, 0.05)
    return control


def test_others_wait_for_an_ego_that_goes_and_for_no_other() -> None:
    far, near = before(12.0, 6.0), before(2.0, 6.0)
    for ego_mps, to_line_m, waited_s, goes in (
        (0.0, 1.0, 5.0, False),
        (0.5, 0.9, 5.0, True),
        (0.5, 0.9, 0.0, False),
        (7.0, 4.0, 0.0, True),
        (7.0, 12.0, 0.0, False),
    ):
        control = watched(ego_mps, to_line_m, waited_s, far)
        assert (control.granted(EGO_ID) == ACROSS) == goes
        assert (control.granted(far.car_id) is None) == goes
        assert watched(ego_mps, to_line_m, waited_s, near).granted(near.car_id) == EASTWARD


def test_a_car_that_stands_and_goes_first_is_not_held_by_the_ego() -> None:
    stands = before(1.0, 0.0)
    assert watched(0.5, 0.9, 5.0, stands).granted(stands.car_id) == EASTWARD
