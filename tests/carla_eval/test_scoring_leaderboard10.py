"""Scoring of a route compared with the leaderboard's own output and with an independent
implementation, and tests of its properties.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.scoring.infractions import infractions_of
from auxdrive_eval.scoring.leaderboard1 import penalty_of
from auxdrive_eval.scoring.records import RouteRecord, route_status
from auxdrive_eval.scoring.summary import (
    results_document,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scored_events import event, events_lists, record, twin_penalty
from scored_runs import SHARED, assert_same

REFERENCE = SHARED / "carla/reference_results/leaderboard-1.0_results.json"


@pytest.fixture(scope="module")
def reference() -> dict[str, Any]:
    if not REFERENCE.exists():
        pytest.skip(f"the reference results are not here: {REFERENCE}")
    loaded: dict[str, Any] = json.loads(REFERENCE.read_text())
    return loaded


def test_the_leaderboards_document_is_rebuilt_from_its_records(reference: dict[str, Any]) -> None:
    records = [RouteRecord.model_validate(record) for record in reference["_checkpoint"]["records"]]
    ours = results_document(records, 2, reference["sensors"], finished=True)
    assert_same(ours, reference)
    # The file's own text too: indent 4, sorted keys.
    assert (
        json.dumps(json.loads(REFERENCE.read_text()), indent=4, sort_keys=True)
        == REFERENCE.read_text().strip()
    )


def test_the_leaderboards_penalty_is_reached_from_events(reference: dict[str, Any]) -> None:
    kinds = [
        "collisions_pedestrian",
        "collisions_vehicle",
        "collisions_layout",
        "red_light",
        "stop_infraction",
    ]
    events = [event(EventKind(kind)) for kind in kinds] + [
        event(EventKind.OUTSIDE_ROUTE_LANES, 2.0)
    ]
    assert penalty_of(events) == pytest.approx(
        reference["_checkpoint"]["records"][0]["scores"]["score_penalty"], abs=1e-15
    )


@given(events_lists)
def test_the_penalty_equals_its_twin(events: list[Event]) -> None:
    assert penalty_of(events) == pytest.approx(twin_penalty(events), rel=1e-9, abs=1e-15)


@given(events_lists, st.randoms())
def test_the_penalty_is_a_share_falls_with_infractions_and_knows_no_order(
    events: list[Event], random: Any
) -> None:
    penalty = penalty_of(events)
    assert 0.0 <= penalty <= 1.0
    for kind in EventKind:
        more = penalty_of(
            [*events, event(kind, 50.0 if kind is EventKind.OUTSIDE_ROUTE_LANES else None)]
        )
        assert more <= penalty * (1 + 1e-12)
    shuffled = list(events)
    random.shuffle(shuffled)
    # the leaderboard multiplies in the order of time: the last bit may differ
    assert math.isclose(penalty_of(shuffled), penalty, rel_tol=1e-12, abs_tol=1e-300)


@pytest.mark.parametrize(
    ("kinds", "failure", "expected"),
    [
        ([EventKind.ROUTE_COMPLETED], "", "Completed"),
        ([EventKind.RED_LIGHT, EventKind.ROUTE_COMPLETED], "", "Completed"),
        ([], "", "Failed"),
        ([EventKind.ROUTE_DEVIATION], "", "Failed - Agent deviated from the route"),
        ([EventKind.VEHICLE_BLOCKED], "", "Failed - Agent got blocked"),
        ([EventKind.ROUTE_TIMEOUT], "", "Failed - Agent timed out"),
        ([EventKind.RED_LIGHT], "Agent crashed", "Failed - Agent crashed"),
    ],
)
def test_status(kinds: list[EventKind], failure: str, expected: str) -> None:
    assert route_status([event(kind) for kind in kinds], failure) == expected


def test_infractions_have_every_key_and_keep_the_order_of_the_events() -> None:
    infractions = infractions_of([event(EventKind.RED_LIGHT), event(EventKind.ROUTE_COMPLETED)])
    assert sorted(infractions) == [
        "collisions_layout",
        "collisions_pedestrian",
        "collisions_vehicle",
        "outside_route_lanes",
        "red_light",
        "route_dev",
        "route_timeout",
        "stop_infraction",
        "vehicle_blocked",
    ]
    assert infractions["red_light"] == ["red_light happened"]


@pytest.mark.parametrize(
    "change",
    [
        {"index": -1},
        {"extra": 1},
        {"scores": {"score_composed": float("nan"), "score_penalty": 1, "score_route": 1}},
    ],
)
def test_a_damaged_record_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RouteRecord.model_validate(record([]).model_dump() | change)
