"""Into which kind an event is sorted, and what kinds cost: on facts that are made up."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.diagnosis.cost import costs_of, mean_costs
from auxdrive_eval.diagnosis.facts import Around, Hit, Instant, LightAhead, OtherAhead
from auxdrive_eval.diagnosis.kinds import Kind, kind_of
from auxdrive_eval.diagnosis.repeats.hands import DrivingHand
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.world import LightColour

LEFT_TURN = math.radians(90.0)
STRAIGHT = Instant(0.0, 6.0, 50.0, 0.1, 0.0, 0.0)
RED_BEHIND = LightAhead(1, LightColour.RED, -2.0)
CAR_AHEAD = OtherAhead(7, 0.4, 0.0, 0.0, 0.0)


def around(event: EventKind | None, last: Instant = STRAIGHT, **more: Any) -> Around:
    """The facts of six seconds in which nothing changed, up to 20 s."""
    instants = tuple(replace(last, time_s=14.0 + 0.25 * k) for k in range(25))
    began_s = 14.0 if event in (None, EventKind.VEHICLE_BLOCKED) else 20.0
    return Around(event, began_s, 20.0, instants, **more)


def hit(bearing_deg: float, heading_deg: float | None, speed_mps: float = 5.0) -> Hit:
    heading = None if heading_deg is None else math.radians(heading_deg)
    return Hit(math.radians(bearing_deg), heading, speed_mps)


VEHICLE, LAYOUT = EventKind.COLLISION_VEHICLE, EventKind.COLLISION_LAYOUT
OUTSIDE, BLOCKED = EventKind.OUTSIDE_ROUTE_LANES, EventKind.VEHICLE_BLOCKED
INSIDE = replace(STRAIGHT, left_m=1.5, turn_rad=LEFT_TURN)
TURNING = replace(STRAIGHT, turn_rad=LEFT_TURN, in_junction=True)
STANDING = replace(STRAIGHT, speed_mps=0.0)


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (around(EventKind.RED_LIGHT), Kind.LIGHT),
        (around(EventKind.STOP_SIGN), Kind.STOP_SIGN),
        (around(EventKind.COLLISION_PEDESTRIAN), Kind.PEDESTRIAN),
        (around(OUTSIDE, INSIDE), Kind.CUT),
        (around(OUTSIDE, replace(INSIDE, left_m=-1.5)), Kind.DRIFTED),
        (around(OUTSIDE, replace(INSIDE, turn_rad=0.0)), Kind.DRIFTED),
        (around(OUTSIDE), Kind.PLANNER),
        (around(LAYOUT, INSIDE), Kind.CUT),
        (around(LAYOUT), Kind.CAR_AHEAD),
        (around(VEHICLE, hit=hit(0.0, 5.0)), Kind.CAR_AHEAD),
        (around(VEHICLE, replace(STRAIGHT, lead=CAR_AHEAD), hit=hit(50.0, None)), Kind.CAR_AHEAD),
        (around(VEHICLE, TURNING, hit=hit(20.0, 170.0)), Kind.TURNING),
        (around(VEHICLE, replace(STRAIGHT, in_junction=True), hit=hit(20.0, 90.0)), Kind.CROSSING),
        (around(VEHICLE, replace(TURNING, light=RED_BEHIND), hit=hit(20.0, 90.0)), Kind.LIGHT),
        (
            around(VEHICLE, TURNING, hit=hit(20.0, 90.0), earlier=((EventKind.STOP_SIGN, 15.0),)),
            Kind.STOP_SIGN,
        ),
        (around(VEHICLE, INSIDE, hit=hit(10.0, 170.0)), Kind.CUT),
        (around(VEHICLE, hit=hit(175.0, 0.0)), Kind.OTHER),
        (around(VEHICLE, STANDING, hit=hit(0.0, 180.0)), Kind.OTHER),
        (around(VEHICLE, hit=hit(0.0, 5.0), expert_too=True), Kind.PLANNER),
        (around(VEHICLE, INSIDE, hit=hit(10.0, 170.0), expert_too=True), Kind.CUT),
        (around(BLOCKED, replace(STANDING, expert_goes=True)), Kind.NOT_STARTED),
        (around(None, replace(STANDING, expert_goes=True)), Kind.NOT_STARTED),
        (around(BLOCKED, STANDING), Kind.PLANNER),
        (
            around(BLOCKED, replace(STANDING, touched=(hit(0.0, 0.0),), expert_goes=True)),
            Kind.PINNED,
        ),
        (around(BLOCKED, replace(STANDING, left_m=-3.0)), Kind.DRIFTED),
        (around(EventKind.SCENARIO_TIMEOUT), Kind.OTHER),
        (Around(VEHICLE, 20.0, 20.0), Kind.OTHER),
    ],
)
def test_the_rules_sort_what_is_known_of_an_event(facts: Around, kind: Kind) -> None:
    found = kind_of(facts)
    assert found.kind is kind, found.why


def event(kind: EventKind) -> Event:
    return Event(kind, "", 100, 5.0, (0.0, 0.0))


def test_what_kinds_cost_is_what_forgiving_them_brings_by_the_rule_sets_own_functions() -> None:
    rules = RULE_SETS["1.0"]
    events = [event(EventKind.RED_LIGHT), event(VEHICLE), event(BLOCKED)]
    kinds = [Kind.LIGHT, Kind.CAR_AHEAD, Kind.NOT_STARTED]
    route = costs_of(rules, events, kinds, 50.0)
    assert route.score == pytest.approx(50 * 0.7 * 0.6)
    assert route.forgiven == 100.0
    assert route.by_kind == {
        Kind.LIGHT: pytest.approx(50 * 0.6 * 0.3),
        Kind.CAR_AHEAD: pytest.approx(50 * 0.7 * 0.4),
        Kind.NOT_STARTED: pytest.approx(50 * 0.42),
    }
    assert route.together == pytest.approx(100 - route.score - sum(route.by_kind.values()))
    clean = costs_of(rules, [event(EventKind.ROUTE_COMPLETED)], [Kind.OTHER], 100.0)
    assert (clean.score, clean.by_kind, clean.together) == (100.0, {}, 0.0)
    failed = costs_of(rules, [], [], 20.0, failed=True)
    assert failed.by_kind == {Kind.FAILED: 80.0}
    mean = mean_costs([route, clean])
    assert mean.by_kind[Kind.LIGHT] == pytest.approx(route.by_kind[Kind.LIGHT] / 2)
    assert mean.score + sum(mean.by_kind.values()) + mean.together == pytest.approx(100.0)


def test_one_kind_may_hold_all_that_went_wrong_on_a_route() -> None:
    events = [event(VEHICLE), event(BLOCKED)]
    route = costs_of(RULE_SETS["1.0"], events, [Kind.PINNED, Kind.PINNED], 40.0)
    assert route.by_kind == {Kind.PINNED: pytest.approx(100 - 24.0)}
    assert route.together == pytest.approx(0.0)


def test_a_driver_that_fails_again_ends_the_repetition() -> None:
    class Failing:
        def control(self, simulator: Any, state: Any) -> Any:
            raise AgentFailed("Agent crashed", "as before")

    driver: Any = Failing()
    nobody: Any = None
    assert DrivingHand(driver).control(nobody, nobody, 0) is None
