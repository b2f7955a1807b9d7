"""Rule sets 2.0, 2.1 and Bench2Drive: their penalties against the published figures, their document
against the leaderboard's own, and properties that hold for all.
"""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.bench2drive.figures import merged, succeeded
from auxdrive_eval.scoring.records import RouteMeta, RouteRecord, make_record
from hypothesis import given
from hypothesis import strategies as st
from scored_runs import SHARED, event

REFERENCE = SHARED / "carla/reference_results/leaderboard-2.1_results.json"
SHARES = {EventKind.OUTSIDE_ROUTE_LANES: 100.0, EventKind.MIN_SPEED: 99.99}
NEW = ("2.0", "2.1", "bench2drive")
ALL = ("1.0", *NEW)


events_of_a_route = st.lists(
    st.one_of(
        st.sampled_from(
            [kind for kind in EventKind if kind not in SHARES and kind != "route_completed"]
        ).map(event),
        *(
            st.floats(0, most).map(lambda share, kind=kind: event(kind, share))  # type: ignore[misc]
            for kind, most in SHARES.items()
        ),
    ),
    max_size=12,
)

ONE_OF_EACH = [
    event(EventKind.COLLISION_PEDESTRIAN),
    event(EventKind.COLLISION_VEHICLE),
    event(EventKind.COLLISION_LAYOUT),
    event(EventKind.RED_LIGHT),
    event(EventKind.STOP_SIGN),
    event(EventKind.SCENARIO_TIMEOUT),
    event(EventKind.YIELD_TO_EMERGENCY),
    event(EventKind.OUTSIDE_ROUTE_LANES, 2.0),
    event(EventKind.MIN_SPEED, 50.0),
]


def record(
    rules: str, events: list[Event], completion: float, index: int = 0, length_m: float = 1000.0
) -> RouteRecord:
    return make_record(
        index=index,
        route_id=f"RouteScenario_{index}_rep0",
        events=events,
        completion_percent=completion,
        penalty=RULE_SETS[rules].penalty,
        meta=RouteMeta(duration_game=1.0, duration_system=2.0, route_length=length_m),
        form=RULE_SETS[rules].results.routes,
    )


@pytest.mark.parametrize(
    ("rules", "penalty"), [("2.0", 0.044572), ("2.1", 0.19798), ("bench2drive", 0.052438)]
)
def test_one_of_each_infraction(rules: str, penalty: float) -> None:
    made = record(rules, ONE_OF_EACH, 100.0)
    assert made.scores.score_penalty == penalty
    assert made.scores.score_composed == pytest.approx(100 * penalty, abs=1e-4)
    assert made.status == "Completed"


def test_the_stock_file_of_2_1_is_written_byte_by_byte_from_events() -> None:
    if not REFERENCE.exists():
        pytest.skip(f"the reference results are not here: {REFERENCE}")
    theirs = json.loads(REFERENCE.read_text())
    first, second = theirs["_checkpoint"]["records"]
    shares = {EventKind.OUTSIDE_ROUTE_LANES: 2.0, EventKind.MIN_SPEED: 50.0}
    events = [
        event(EventKind(kind), shares.get(EventKind(kind)), message)
        for kind, messages in first["infractions"].items()
        for message in messages
    ]
    blocked = event(EventKind.VEHICLE_BLOCKED, message=second["infractions"]["vehicle_blocked"][0])
    rules = RULE_SETS["2.1"]
    records = [
        make_record(
            index=stock["index"],
            route_id=stock["route_id"],
            events=seen,
            completion_percent=stock["scores"]["score_route"],
            penalty=rules.penalty,
            meta=RouteMeta(**stock["meta"]),
            form=rules.results.routes,
        )
        for stock, seen in ((first, events), (second, [blocked]))
    ]
    ours = rules.results.document(records, 2, theirs["sensors"], finished=True)
    assert rules.results.text(ours) == REFERENCE.read_text().rstrip("\n") + "\n"


@pytest.mark.parametrize("rules", ALL)
@given(events=events_of_a_route, random=st.randoms())
def test_a_penalty_is_a_share_falls_with_each_infraction_and_knows_no_order(
    rules: str, events: list[Event], random: Any
) -> None:
    penalty = RULE_SETS[rules].penalty
    before = penalty(events)
    assert 0.0 <= before <= 1.0
    for kind in EventKind:
        more = [*events, event(kind, 50.0 if kind in SHARES else None)]
        assert penalty(more) <= before * (1 + 1e-12)
    shuffled = list(events)
    random.shuffle(shuffled)
    assert math.isclose(penalty(shuffled), before, rel_tol=1e-12, abs_tol=1e-300)


@pytest.mark.parametrize("rules", NEW)
@given(
    routes=st.lists(
        st.tuples(events_of_a_route, st.one_of(st.just(100.0), st.floats(0, 100))),
        min_size=1,
        max_size=5,
    )
)
def test_numbers_of_all_routes_lie_between_those_of_each(
    rules: str, routes: list[tuple[list[Event], float]]
) -> None:
    form = RULE_SETS[rules].results
    records = [record(rules, *route, index) for index, route in enumerate(routes)]
    whole = form.global_record(records, len(records))
    composed = [made.scores.score_composed for made in records]
    assert min(composed) - 1e-6 <= whole["scores_mean"]["score_composed"] <= max(composed) + 1e-6
    assert all(number >= 0 for number in whole["infractions"].values())
    assert whole["status"] in {"Perfect", "Completed", "Failed"}
    assert (whole["status"] == "Failed") == bool(whole["meta"]["exceptions"])
    document = form.document(records, len(records), [], finished=True)
    assert len(document["labels"]) == len(document["values"]) == 15
    assert json.loads(form.text(document)) == document
    assert [form.routes.load(form.routes.dump(made)) for made in records] == records


def test_statuses_and_entry() -> None:
    assert record("2.0", [], 100.0).status == "Perfect"
    assert record("2.0", [event(EventKind.MIN_SPEED, 10.0)], 100.0).status == "Completed"
    assert record("2.0", [event(EventKind.ROUTE_TIMEOUT)], 5.0).status == "Failed - Agent timed out"
    form = RULE_SETS["2.0"].results
    crashed = make_record(
        index=0, route_id="RouteScenario_0_rep0", events=[], completion_percent=3.0,
        penalty=RULE_SETS["2.0"].penalty, failure="Simulation crashed", form=form.routes,
        meta=RouteMeta(duration_game=1.0, duration_system=2.0, route_length=1.0),
    )  # fmt: skip
    for records, total, expected in (
        ([record("2.0", [], 100.0)], 1, ("Finished", True)),
        ([record("2.0", [], 100.0)], 2, ("Invalid", False)),
        ([crashed], 1, ("Crashed", False)),
    ):
        document = form.document(records, total, [], finished=True)
        assert (document["entry_status"], document["eligible"]) == expected
    started = form.document([record("2.0", [], 100.0)], 2, [], finished=False)
    assert (started["entry_status"], started["_checkpoint"]["global_record"]) == ("Started", {})


def test_rates_are_per_driven_kilometre_and_off_road_is_in_kilometres() -> None:
    outside = event(EventKind.OUTSIDE_ROUTE_LANES, 2.0)
    records = [
        record("2.0", [event(EventKind.RED_LIGHT), outside], 50.0, 0, 2000.0),
        record("2.0", [event(EventKind.RED_LIGHT)], 0.0, 1, 3000.0),
    ]
    whole = RULE_SETS["2.0"].results.global_record(records, 2)
    assert whole["infractions"]["red_light"] == 2.0  # one kilometre was driven
    assert whole["infractions"]["outside_route_lanes"] == 0.02
    nowhere = RULE_SETS["2.0"].results.global_record(records[1:], 1)
    assert nowhere["infractions"]["red_light"] == 1000.0  # at least a metre
    assert nowhere["scores_std_dev"]["score_route"] == 0


def test_bench2drive_counts_successes_and_divides_by_220() -> None:
    records = [
        record("bench2drive", [event(EventKind.MIN_SPEED, 20.0)], 100.0),
        record("bench2drive", [event(EventKind.RED_LIGHT)], 100.0, 1),
        record("bench2drive", [], 60.0, 2),
    ]
    assert [succeeded(made) for made in records] == [True, False, False]
    assert merged(records) == {
        "driving score": (100.0 + 70.0 + 60.0) / 220, "success rate": 1 / 220, "eval num": 3,
    }  # fmt: skip
    assert merged(records, 3)["success rate"] == 1 / 3
    document = RULE_SETS["bench2drive"].results.document(records, 3, [], finished=True)
    assert document["success rate"] == 1 / 220
    assert "success rate" not in RULE_SETS["2.0"].results.document(records, 3, [], finished=True)
