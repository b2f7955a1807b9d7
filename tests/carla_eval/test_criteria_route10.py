"""Criteria of leaderboard 1.0 that concern the route: completion, deviation, standing, timeout and
lanes. Each is given world states made by hand.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from auxdrive.errors import UsageError
from auxdrive_eval.criteria import (
    Blocked,
    Event,
    EventKind,
    InRoute,
    OutsideRouteLanes,
    RouteCompletion,
    RouteTimeout,
)
from auxdrive_eval.criteria.outside_lanes import beyond_lane_m
from auxdrive_eval.criteria.progress import accumulated_m
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.leaderboard1 import LEADERBOARD_1
from auxdrive_eval.world import LaneView
from states_by_hand import TICK_S, run, state, straight_route


class TestRouteCompletion:
    def test_it_grows_with_the_points_passed_and_completes_near_the_end(self) -> None:
        criterion = RouteCompletion(straight_route(200))
        events = []
        percents = []
        for frame, x in enumerate(np.arange(0, 200, 0.5)):
            events += criterion.update(state(frame, float(x)))
            percents.append(criterion.percent)
        assert percents == sorted(percents)
        # at x = 50.0 the point 49 is passed, 50 is not yet
        assert percents[100] == pytest.approx(100 * 49 / 200)
        assert [event.kind for event in events[:1]] == [EventKind.ROUTE_COMPLETED]
        # More than 99 % is point 199, passed at x > 199.
        assert events[0].frame == 399
        assert criterion.percent == 100.0

    def test_a_jump_ahead_is_not_a_route_driven(self) -> None:
        criterion = RouteCompletion(straight_route(200))
        for frame in range(10):
            criterion.update(state(frame, 195.0))
        # Two points of window in each tick, as in the leaderboard: no more than 10 x 2 points.
        assert criterion.percent == pytest.approx(10.0)

    @pytest.mark.parametrize("step_m", [0.53, 1.0])
    def test_who_passes_the_end_far_beside_it_has_driven_100_percent_and_no_more(
        self, step_m: float
    ) -> None:
        route = straight_route(10)
        criterion = RouteCompletion(replace(route, points=step_m * route.points))
        end_m = accumulated_m(replace(route, points=step_m * route.points))[-1]
        assert (100.0 * end_m / end_m > 100.0) == (step_m == 0.53)
        for frame in range(10):
            assert criterion.update(state(frame, 20.0, 30.0)) == []
        assert criterion.percent == 100.0


class TestInRoute:
    def test_staying_near_is_no_deviation(self) -> None:
        states = [state(frame, frame * 0.5, 14.9) for frame in range(400)]
        assert run(InRoute(straight_route()), states) == []

    def test_30_m_away_is_one(self) -> None:
        (event,) = run(
            InRoute(straight_route()), [state(0), state(1, 0.0, 29.9), state(2, 0.0, 30.0)]
        )
        assert event.kind is EventKind.ROUTE_DEVIATION
        assert event.message == "Agent deviated from the route at (x=0.0, y=-30.0, z=0.0)"

    def test_more_than_30_percent_of_the_route_15_m_away_is_one(self) -> None:
        criterion = InRoute(straight_route(200))
        events = [
            event
            for frame in range(400)
            for event in criterion.update(state(frame, frame * 0.5, 16.0))
        ]
        assert events[0].location[0] == pytest.approx(60.5, abs=0.6)  # 30 % of 200 m


class TestBlocked:
    def test_more_than_180_s_of_standing(self) -> None:
        standing = [state(frame, speed_mps=0.05) for frame in range(3700)]
        first = run(Blocked(), standing)[0]
        assert first.kind is EventKind.VEHICLE_BLOCKED
        assert first.time_s == pytest.approx(180.0, abs=1.5 * TICK_S)
        assert first.message == "Agent got blocked at (x=0.0, y=0.0, z=0.0)"

    def test_a_twitch_starts_the_clock_anew(self) -> None:
        twitching = [state(frame, speed_mps=0.1 if frame == 2000 else 0.0) for frame in range(5500)]
        assert run(Blocked(), twitching) == []


def test_route_timeout_is_the_whole_seconds_of_08_per_metre_and_5() -> None:
    criterion = RouteTimeout(straight_route(202))
    assert criterion.limit_s == 166  # int(0.8 x 202 + 5) = int(166.6)
    assert criterion.update(state(166 * 20)) == []
    (event,) = criterion.update(state(166 * 20 + 1))
    assert (event.kind, event.message) == (EventKind.ROUTE_TIMEOUT, "Route timeout.")


def lane(
    lane_id: int = 1,
    *,
    offset_m: float = 0.0,
    yaw_rad: float = 0.0,
    in_junction: bool = False,
    parking_m: float = 0.0,
) -> LaneView:
    return LaneView(
        lane_id, 10 + lane_id, (0.0, 0.0), offset_m, 3.5, yaw_rad, in_junction, parking_m
    )


def lanes_driven(stretches: list[tuple[int, LaneView]]) -> list[Event]:
    """Drive the straight route; each stretch is (metres, lane nearest to the ego)."""
    states, x = [], 0.0
    for metres, view in stretches:
        for _ in range(metres * 2):
            x += 0.5
            states.append(state(len(states), x, lane=view))
    return run(OutsideRouteLanes(straight_route(200)), states)


class TestOutsideLanes:
    def test_on_the_lane_and_just_within_the_margin_is_fine(self) -> None:
        assert lanes_driven([(50, lane()), (50, lane(offset_m=-3.05))]) == []

    @pytest.mark.parametrize(
        ("offset_m", "beyond_m"),
        [(3.06, 1.31), (-1.3, -0.45), (-1.5, 0.25), (-2.9, -1.05), (-5.26, 1.31)],
    )
    def test_a_parking_lane_is_a_lane(self, offset_m: float, beyond_m: float) -> None:
        # The lane is 3.5 m wide; the middle of the 2.2 m of bays beside it is 2.85 m right of its
        # own. The nearest centre decides.
        assert beyond_lane_m(lane(offset_m=offset_m, parking_m=2.2)) == pytest.approx(beyond_m)

    def test_beyond_the_margin_the_distance_counts_and_the_event_comes_at_the_end(self) -> None:
        (event,) = lanes_driven([(50, lane()), (20, lane(offset_m=3.06)), (30, lane())])
        assert event.kind is EventKind.OUTSIDE_ROUTE_LANES
        assert event.percentage == pytest.approx(100 * 20 / 99)
        assert (
            event.message == "Agent went outside its route lanes for about 20.0 meters "
            "(20.2% of the completed route)"
        )
        assert (
            event.message.split(" ")[8] == "20.0"
        )  # the leaderboard's 2.0 global record reads this

    def test_the_oncoming_lane_is_wrong_until_the_ego_comes_back(self) -> None:
        (event,) = lanes_driven([(50, lane(1)), (20, lane(2, yaw_rad=math.pi)), (30, lane(1))])
        assert event.percentage == pytest.approx(100 * 20 / 99)

    def test_a_lane_of_the_same_direction_is_right(self) -> None:
        assert lanes_driven([(50, lane(1)), (50, lane(2, yaw_rad=0.1))]) == []

    def test_leaving_a_junction_against_the_lane_is_wrong_and_within_it_nothing_is(self) -> None:
        inside = lane(5, in_junction=True, yaw_rad=math.pi)
        assert (
            lanes_driven([(20, lane(1)), (10, inside), (20, lane(2, yaw_rad=math.radians(119)))])
            == []
        )
        (event,) = lanes_driven(
            [(20, lane(1)), (10, inside), (20, lane(2, yaw_rad=math.radians(-121)))]
        )
        assert event.percentage == pytest.approx(100 * 20 / 49, abs=0.1)


def test_rule_sets_are_found_by_name_and_the_error_names_the_valid_ones() -> None:
    assert RULE_SETS["1.0"] is LEADERBOARD_1
    with pytest.raises(UsageError, match=r"unknown rule set '1\.00'\. Did you mean '1\.0'"):
        RULE_SETS["1.00"]
