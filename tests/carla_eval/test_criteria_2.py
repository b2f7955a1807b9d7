"""Criteria as leaderboards 2.0 and 2.1 and Bench2Drive have them, each by the row of its rule set,
beside those of 1.0. Each is given world states made by hand.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.world import (
    BlockingScenario,
    CollisionKind,
    Contact,
    LaneView,
    StopSignView,
    WorldState,
)
from states_by_hand import run, state, straight_route

ALL = ("1.0", "2.0", "2.1", "bench2drive")
LATER = ALL[1:]


def seen(rules: str, states: list[WorldState], kind: EventKind, length_m: int = 200) -> list[Event]:
    """The events of one kind that a rule set's criteria see on a straight route."""
    events = []
    for criterion in RULE_SETS[rules].criteria(straight_route(length_m)):
        events += run(criterion, states)
    return [event for event in events if event.kind is kind]


def touch(other_id: int = 7) -> tuple[Contact, ...]:
    return (Contact(CollisionKind.VEHICLE, other_id, "vehicle.sedan", (0.0, 0.0)),)


def collisions(rules: str, states: list[WorldState]) -> int:
    return len(seen(rules, states, EventKind.COLLISION_VEHICLE))


@pytest.mark.parametrize(("rules", "counted"), [("1.0", 2), *((name, 1) for name in LATER)])
def test_a_hit_4_m_from_the_last_one_is_the_same_one_but_in_1_0(rules: str, counted: int) -> None:
    states = [state(0, contacts=touch(1)), state(1, 4.0, contacts=touch(2))]
    assert collisions(rules, states) == counted
    states = [state(0, contacts=touch(1)), state(1, 5.1, contacts=touch(2))]
    assert collisions(rules, states) == 2


@pytest.mark.parametrize("rules", LATER)
def test_hit_and_hit_again(rules: str) -> None:
    again_at = {99: 1, 101: 2}  # the same car, after less and after more than 5 s
    for frame, counted in again_at.items():
        states = [
            state(0, contacts=touch()),
            state(10, 10.0),
            state(frame, 10.0),
            state(frame + 1, 20.0, contacts=touch()),
        ]
        assert collisions(rules, states) == counted


@pytest.mark.parametrize("rules", ALL)
def test_two_walls_of_the_map_have_one_id_and_are_two_hits(rules: str) -> None:
    states = [state(0, contacts=touch(0)), state(1, 6.0), state(2, 12.0, contacts=touch(0))]
    assert collisions(rules, states) == 2


@pytest.mark.parametrize(("rules", "counted"), [("1.0", 1), *((name, 0) for name in LATER)])
def test_who_stands_and_is_hit_is_at_fault_in_1_0_alone(rules: str, counted: int) -> None:
    states = [state(0, speed_mps=0.09), state(1, speed_mps=0.09, contacts=touch())]
    assert collisions(rules, states) == counted


@pytest.mark.parametrize("rules", ALL)
def test_who_drives_into_something_and_is_stopped_by_it_is_at_fault(rules: str) -> None:
    states = [state(0, speed_mps=0.1), state(1, speed_mps=0.0, contacts=touch())]
    assert collisions(rules, states) == 1


SIGN = StopSignView(9, (30.0, -4.0), (30.0, 0.0), (1.0, 1.75), 0.0, 0.0)


def pass_sign(
    slow_at_m: float | None = None,
    *,
    lane_yaw_rad: float = 0.0,
    lane_y_m: float = 0.0,
    sign: StopSignView = SIGN,
) -> list[WorldState]:
    """Drive past a sign in a lane, standing once."""
    return [
        state(
            frame,
            float(x),
            lane_y_m,
            speed_mps=0.09 if x == slow_at_m else 5.0,
            stop_signs=(sign,),
            lane=LaneView(1, 1, (float(x), lane_y_m), 0.0, 3.5, lane_yaw_rad, False),
        )
        for frame, x in enumerate(np.arange(0, 60, 0.25))
    ]


def stops(rules: str, states: list[WorldState]) -> list[Event]:
    return seen(rules, states, EventKind.STOP_SIGN)


@pytest.mark.parametrize("rules", LATER)
def test_who_does_not_stop_within_4_m_of_a_sign_ran_it(rules: str) -> None:
    (event,) = stops(rules, pass_sign())
    assert event.message == "Agent ran a stop with id=9 at (x=30.0, y=4.0, z=0.0)"
    # near from x = 26 on; the box of 1.2 x 1 m is left behind at 31.2
    assert (event.began_s, event.time_s) == pytest.approx((26 * 4 * 0.05, 31.25 * 4 * 0.05))
    assert len(stops(rules, pass_sign(25.75))) == 1
    assert stops(rules, pass_sign(26.25)) == []
    assert stops(rules, pass_sign(31.25)) == []
    assert len(stops(rules, pass_sign(31.5))) == 1


def test_in_1_0_standing_20_m_before_the_box_is_enough() -> None:
    assert len(stops("1.0", pass_sign())) == 1
    assert stops("1.0", pass_sign(25.75)) == []


@pytest.mark.parametrize("rules", LATER)
def test_a_sign_concerns_its_lane_and_box_and_counts_once_in_a_row(rules: str) -> None:
    assert len(stops(rules, pass_sign(lane_y_m=2.05))) == 1  # 1.2 x 1.75 m
    assert stops(rules, pass_sign(lane_y_m=2.15)) == []
    assert stops(rules, pass_sign(lane_yaw_rad=math.radians(101))) == []
    assert len(stops(rules, pass_sign() * 2)) == 1
    other = StopSignView(10, *(getattr(SIGN, name) for name in StopSignView.__slots__[1:]))
    assert len(stops(rules, pass_sign() + pass_sign(sign=other) + pass_sign())) == 3


def crawl(until_s: float, *, mps: float, limit_mps: float | None) -> list[WorldState]:
    """Drive slowly, one state each second."""
    return [
        state(20 * second, mps * second, speed_mps=mps, speed_limit_mps=limit_mps)
        for second in range(int(until_s) + 1)
    ]


@pytest.mark.parametrize("rules", LATER)
@pytest.mark.parametrize("limit_mps", [10.0, 20.0, None])
def test_the_time_of_a_route_grows_with_what_was_driven(
    rules: str, limit_mps: float | None
) -> None:
    (first, *_) = seen(
        rules, crawl(900, mps=0.25, limit_mps=limit_mps), EventKind.ROUTE_TIMEOUT, 500
    )
    assert first.message == "Route timeout."
    # 300 s, and for each metre what it takes at a tenth of the limit (30 km/h where none is told)
    share_mps = (limit_mps or 30 / 3.6) / 10
    expected_s = 300 / (1 - 0.25 / share_mps)
    assert first.time_s == pytest.approx(expected_s, abs=1.5 + 1 / share_mps)


@pytest.mark.parametrize("rules", LATER)
def test_who_stands_has_300_s_from_the_first_tick_and_the_length_plays_no_part(rules: str) -> None:
    def standing(last: int) -> list[Event]:
        return seen(
            rules, [state(1), state(last, speed_mps=1.0)], EventKind.ROUTE_TIMEOUT, length_m=20
        )

    assert standing(1 + 300 * 20) == []
    assert len(standing(2 + 300 * 20)) == 1


def beside_traffic(
    mps: float, traffic: tuple[float, ...], end_m: float = 200.0
) -> list[WorldState]:
    xs = np.arange(0.0, end_m, 0.5)
    return [
        state(frame, float(x), speed_mps=mps, background_mps=traffic) for frame, x in enumerate(xs)
    ]


def speeds(rules: str, states: list[WorldState]) -> list[float | None]:
    return [event.percentage for event in seen(rules, states, EventKind.MIN_SPEED)]


@pytest.mark.parametrize("rules", ["2.0", "2.1"])
def test_slower_than_the_traffic_at_4_checkpoints(rules: str) -> None:
    # three stretches, and the last one, which the leaderboard judges at each of two ends
    states = beside_traffic(3.0, (2.0, 6.0))
    assert speeds(rules, states) == [75.0] * 5
    events = seen(rules, states, EventKind.MIN_SPEED)
    assert events[0].message == "Average speed is 75.0% of the surrounding traffic's one"
    assert events[0].location[0] == 51.5  # point 51 lies more than 50 m on
    assert speeds(rules, beside_traffic(4.0, (2.0, 6.0))) == []
    assert speeds(rules, beside_traffic(3.0, ())) == []
    assert speeds(rules, beside_traffic(3.0, (0.0,))) == []
    # nothing is said of a stretch on which the route was given up
    assert speeds(rules, beside_traffic(3.0, (2.0, 6.0), 189.0)) == [75.0] * 3


def test_only_ticks_with_traffic_count() -> None:
    alone = [state(frame, frame * 0.5, speed_mps=9.0) for frame in range(50)]
    states = [*alone, *beside_traffic(3.0, (6.0,), 60.0)[50:]]
    assert speeds("2.0", states) == [50.0]


def test_bench2drive_tells_each_of_20_checkpoints_also_where_there_is_no_traffic() -> None:
    assert speeds("bench2drive", beside_traffic(9.0, (6.0,))) == [150.0] * 20
    states = beside_traffic(9.0, ())
    assert speeds("bench2drive", states) == [100.0] * 20
    events = seen("bench2drive", states, EventKind.MIN_SPEED)
    assert events[0].message == "Average speed is 100% of the surrounding traffic's one"
    assert speeds("1.0", states) == []


@pytest.mark.parametrize(("rules", "percent"), [("1.0", 50.0), *((name, 20.0) for name in LATER)])
def test_a_change_into_a_lane_of_the_same_direction_rights_a_wrong_way_in_1_0(
    rules: str, percent: float
) -> None:
    ways = [math.pi if 80 <= x < 120 else 0.0 for x in range(200)]
    lanes = [1 if x < 80 else 2 if x < 100 else 3 if x < 120 else 1 for x in range(200)]
    states = [
        state(x, x + 0.5, lane=LaneView(number, number, (0.0, 0.0), 0.0, 3.5, yaw_rad, False))
        for x, (number, yaw_rad) in enumerate(zip(lanes, ways, strict=True))
    ]
    (event,) = seen(rules, states, EventKind.OUTSIDE_ROUTE_LANES)
    # in 1.0 the change back, from what counts as right, leads to a wrong lane
    assert event.percentage == pytest.approx(percent, abs=0.6)


@pytest.mark.parametrize(("rules", "allowed_m"), [("1.0", 1.3), *((name, 0.5) for name in LATER)])
def test_the_lanes_are_left_beyond_their_own_margin(rules: str, allowed_m: float) -> None:
    for beyond_m, count in ((-0.01, 0), (0.01, 1)):
        view = LaneView(1, 1, (0.0, 0.0), 1.75 + allowed_m + beyond_m, 3.5, 0.0, False)
        states = [state(x, x + 0.5, lane=view) for x in range(50)]
        assert len(seen(rules, states, EventKind.OUTSIDE_ROUTE_LANES)) == count


@pytest.mark.parametrize(("rules", "after_s"), [*((name, 180) for name in ALL[:3]), (ALL[3], 60)])
def test_blocked_after(rules: str, after_s: int) -> None:
    standing = [state(20 * second, speed_mps=0.05) for second in range(200)]
    first = seen(rules, standing, EventKind.VEHICLE_BLOCKED)[0]
    assert first.time_s == after_s + 1


@pytest.mark.parametrize(("rules", "counted"), [("1.0", 0), *((name, 1) for name in LATER)])
def test_a_scenario_in_which_the_ego_is_for_more_than_240_s_is_one_event(
    rules: str, counted: int
) -> None:
    """From its trigger at 10 s on; until then and as long nobody is blocked, in 2.x."""

    def states(until_s: int) -> list[WorldState]:
        there = (BlockingScenario("a", 10.0),)
        return [
            state(20 * second, speed_mps=0.0, blocking=there if 10 <= second < until_s else ())
            for second in range(300)
        ]

    assert seen(rules, states(251), EventKind.SCENARIO_TIMEOUT) == []  # left after 240 s
    events = seen(rules, states(280), EventKind.SCENARIO_TIMEOUT)
    assert [event.time_s for event in events] == [251.0] * counted
    assert all(event.message == "Agent timed out a scenario" for event in events)
    assert len(seen(rules, states(100), EventKind.VEHICLE_BLOCKED)) > 0
    blocked = {"1.0": 181.0, "2.0": None, "2.1": None, "bench2drive": None}[rules]
    first = [event.time_s for event in seen(rules, states(240), EventKind.VEHICLE_BLOCKED)][:1]
    assert first == [each for each in [blocked] if each is not None]


def test_bench2drive_alone_ends_a_route_after_4000_ticks() -> None:
    assert [RULE_SETS[name].last_tick for name in ALL] == [None, None, None, 4000]
