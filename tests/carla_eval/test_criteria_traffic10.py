"""Criteria of leaderboard 1.0 that concern the traffic: collisions, red lights and stop signs. Each
is given world states made by hand.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive_eval.criteria import (
    Collision,
    EventKind,
    RedLight,
    StopSign,
)
from auxdrive_eval.criteria.red_light import segments_cross
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.world import (
    CollisionKind,
    Contact,
    LightColour,
    StopSignView,
    TrafficLightView,
    WorldState,
)
from hypothesis import given
from hypothesis import strategies as st
from states_by_hand import HALF_LENGTH_M, run, state, straight_route


def touch(kind: CollisionKind = CollisionKind.VEHICLE, other_id: int = 7) -> tuple[Contact, ...]:
    return (Contact(kind, other_id, "vehicle.sedan", (0.0, 0.0)),)


class TestCollision:
    def test_one_long_contact_is_one_collision(self) -> None:
        events = run(Collision(), [state(frame, contacts=touch()) for frame in range(60)])
        assert [event.kind for event in events] == [EventKind.COLLISION_VEHICLE]
        assert (
            events[0].message == "Agent collided against object with type=vehicle.sedan and id=7 "
            "at (x=0.0, y=0.0, z=0.0)"
        )

    def test_a_contact_within_3_m_of_an_earlier_one_is_the_same_also_with_another(self) -> None:
        states = [
            state(0, 0.0, contacts=touch(other_id=1)),
            state(1, 2.9, contacts=touch(other_id=2)),
        ]
        assert len(run(Collision(), states)) == 1
        states = [
            state(0, 0.0, contacts=touch(other_id=1)),
            state(1, 3.1, contacts=touch(other_id=2)),
        ]
        assert len(run(Collision(), states)) == 2

    def test_the_same_other_is_ignored_for_5_s_and_the_place_is_forgotten_beyond_5_m(self) -> None:
        near_in_time = [
            state(0, contacts=touch()),
            state(10, 10.0),
            state(99, 10.0, contacts=touch()),
        ]
        assert len(run(Collision(), near_in_time)) == 1
        later = [
            state(0, contacts=touch()),
            state(10, 10.0),
            state(101, 10.0),
            state(102, 0.0, contacts=touch()),
        ]
        assert len(run(Collision(), later)) == 2
        # It was never farther than 5 m away, so the place is still remembered, although the other
        # is forgotten.
        stayed = [
            state(0, contacts=touch()),
            state(10, 4.9),
            state(101, 4.9),
            state(102, 0.0, contacts=touch()),
        ]
        assert len(run(Collision(), stayed)) == 1

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            (CollisionKind.PEDESTRIAN, EventKind.COLLISION_PEDESTRIAN),
            (CollisionKind.VEHICLE, EventKind.COLLISION_VEHICLE),
            (CollisionKind.LAYOUT, EventKind.COLLISION_LAYOUT),
        ],
    )
    def test_classes(self, kind: CollisionKind, expected: EventKind) -> None:
        assert [event.kind for event in run(Collision(), [state(contacts=touch(kind))])] == [
            expected
        ]

    def test_the_message_has_carlas_coordinates_and_the_event_the_worlds(self) -> None:
        (event,) = run(Collision(), [state(0, 1.23456, 2.0, contacts=touch())])
        assert event.message.endswith("(x=1.235, y=-2.0, z=0.0)")
        assert event.location == (1.23456, 2.0)


def light(
    colour: LightColour = LightColour.RED, light_id: int = 3, lane_yaw_rad: float = 0.0
) -> TrafficLightView:
    return TrafficLightView(
        light_id, colour, (25.0, -4.0), ((20.0, 1.75), (20.0, -1.75)), 1, lane_yaw_rad
    )


def drive(
    lights: tuple[TrafficLightView, ...],
    *,
    y_m: float = 0.0,
    yaw_rad: float = 0.0,
    start: float = 0.0,
    end: float = 40.0,
    tail_lane: int = 1,
) -> list[WorldState]:
    xs = np.arange(start, end, 0.25) if yaw_rad == 0 else np.arange(end, start, -0.25)
    return [
        state(frame, float(x), y_m, yaw_rad=yaw_rad, lights=lights, tail_lane_id=tail_lane)
        for frame, x in enumerate(xs)
    ]


class TestRedLight:
    def test_crossing_the_line_is_one_event_when_the_tail_crosses_it(self) -> None:
        (event,) = run(RedLight(0.6), drive((light(),)))
        assert event.kind is EventKind.RED_LIGHT
        assert event.message == "Agent ran a red light 3 at (x=25.0, y=4.0, z=0.0)"
        # The tail begins 0.8 x 2.4 m behind the centre: the line at 20 m is reached when the centre
        # is at 21.92 m.
        assert event.frame == math.ceil((20.0 + 0.8 * HALF_LENGTH_M) / 0.25)

    @pytest.mark.parametrize("colour", [LightColour.GREEN, LightColour.YELLOW])
    def test_other_colours_cost_nothing(self, colour: LightColour) -> None:
        assert run(RedLight(0.6), drive((light(colour),))) == []

    def test_stopping_with_the_nose_over_the_line_costs_nothing(self) -> None:
        assert run(RedLight(0.6), drive((light(),), end=21.5)) == []

    def test_the_oncoming_lane_and_the_lane_beside_cost_nothing(self) -> None:
        assert run(RedLight(0.6), drive((light(),), yaw_rad=math.pi)) == []
        assert run(RedLight(0.6), drive((light(),), y_m=3.5)) == []

    @pytest.mark.parametrize(
        ("rules", "last_m", "first_m"),
        [("1.0", 1.35, 1.45), ("2.0", 2.05, 2.15), ("bench2drive", 2.05, 2.15)],
    )
    def test_the_line_reaches_as_far_as_the_rules_say_and_counts_on_its_own_lane_alone(
        self, rules: str, last_m: float, first_m: float
    ) -> None:
        criteria = RULE_SETS[rules].criteria(straight_route(60))
        (criterion,) = [each for each in criteria if isinstance(each, RedLight)]
        assert run(criterion, drive((light(),), y_m=first_m)) == []
        assert run(criterion, drive((light(),), y_m=last_m, tail_lane=2)) == []
        assert len(run(criterion, drive((light(),), y_m=last_m))) == 1

    def test_the_same_light_is_not_counted_twice_in_a_row(self) -> None:
        again = drive((light(),)) + drive((light(),))
        assert len(run(RedLight(0.6), again)) == 1
        between = drive((light(),)) + drive((light(light_id=4),)) + drive((light(),))
        events = run(RedLight(0.6), between)
        assert [event.message.split()[5] for event in events] == ["3", "4", "3"]

    def test_a_light_that_is_id_0_is_remembered(self) -> None:
        assert len(run(RedLight(0.6), drive((light(light_id=0),)) * 2)) == 1


coordinate = st.integers(-4, 4).map(float)


point = st.tuples(coordinate, coordinate)


@given(point, point, point, point)
def test_segments_cross_agrees_with_a_dense_search(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> None:
    """Twin: closest approach of the two segments, found by minimising over one and projecting on
    the other.
    """
    # 5040 is divisible by every determinant up to 10 and most beyond
    t = np.linspace(0, 1, 5041)[:, None]
    on_ab = np.asarray(a) + t * (np.asarray(b) - np.asarray(a))
    direction = np.asarray(d) - np.asarray(c)
    length2 = float(direction @ direction)
    s = (
        np.clip((on_ab - np.asarray(c)) @ direction / length2, 0, 1)[:, None]
        if length2
        else np.zeros_like(t)
    )
    gap = np.linalg.norm(np.asarray(c) + s * direction - on_ab, axis=1).min()
    if segments_cross(a, b, c, d):
        assert gap < 2e-3
    else:
        assert gap > 1e-9
    assert segments_cross(a, b, c, d) == segments_cross(c, d, a, b) == segments_cross(b, a, d, c)


def stop(lane_yaw_rad: float = 0.0) -> StopSignView:
    return StopSignView(9, (30.0, -4.0), (30.0, 0.0), (2.0, 1.75), lane_yaw_rad, lane_yaw_rad)


def pass_sign(
    slowest_mps: float, slow_at_m: float, sign: StopSignView | None = None, y_m: float = 0.0
) -> list[WorldState]:
    sign = sign or stop()
    xs = np.arange(0, 60, 0.25)
    return [
        state(
            frame,
            float(x),
            y_m,
            speed_mps=slowest_mps if x == slow_at_m else 5.0,
            stop_signs=(sign,),
        )
        for frame, x in enumerate(xs)
    ]


class TestStopSign:
    def test_driving_through_is_one_event(self) -> None:
        (event,) = run(StopSign(), pass_sign(5.0, 28.0))
        assert event.kind is EventKind.STOP_SIGN
        assert event.message == "Agent ran a stop with id=9 at (x=30.0, y=4.0, z=0.0)"

    @pytest.mark.parametrize("slow_at_m", [10.0, 28.0, 31.0])
    def test_having_stopped_within_its_reach_is_enough(self, slow_at_m: float) -> None:
        assert run(StopSign(), pass_sign(0.09, slow_at_m)) == []

    def test_rolling_is_not_stopping_and_stopping_far_before_or_after_neither(self) -> None:
        assert len(run(StopSign(), pass_sign(0.1, 28.0))) == 1
        assert len(run(StopSign(), pass_sign(0.0, 5.0))) == 1
        assert len(run(StopSign(), pass_sign(0.0, 33.0))) == 1

    def test_other_directions_and_lanes_are_not_concerned(self) -> None:
        assert run(StopSign(), pass_sign(5.0, 28.0, stop(math.pi))) == []
        assert run(StopSign(), pass_sign(5.0, 28.0, y_m=3.5)) == []

    def test_the_sign_counts_again_in_the_next_pass(self) -> None:
        assert len(run(StopSign(), pass_sign(5.0, 28.0) * 2)) == 2
