"""What is said of all routes together: means, deviations, infractions per kilometre, status of the
entry.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.scoring.leaderboard1 import penalty_of
from auxdrive_eval.scoring.records import RouteMeta, RouteRecord, make_record
from auxdrive_eval.scoring.repeats import over_repeats, scores_in_words
from auxdrive_eval.scoring.summary import (
    LABELS,
    entry_status,
    global_record,
    results_document,
)
from hypothesis import given
from hypothesis import strategies as st
from scored_events import event, events_lists, record, twin_penalty

routes_strategy = st.lists(
    st.tuples(events_lists, st.floats(0, 100), st.floats(1, 5000)), min_size=1, max_size=6
)


@given(routes_strategy)
def test_the_global_record_equals_its_twin(routes: list[tuple[list[Event], float, float]]) -> None:
    records = [
        record(events, completion, length, index)
        for index, (events, completion, length) in enumerate(routes)
    ]
    ours = global_record(records, len(records))
    composed = [completion * twin_penalty(events) for events, completion, _ in routes]
    mean = math.fsum(composed) / len(composed)
    assert ours["scores"]["score_composed"] == pytest.approx(mean, rel=1e-9, abs=1e-12)
    if len(routes) == 1:
        assert ours["scores_std_dev"] == {
            "score_composed": "NaN",
            "score_penalty": "NaN",
            "score_route": "NaN",
        }
    else:
        deviation = math.sqrt(
            math.fsum((value - mean) ** 2 for value in composed) / (len(composed) - 1)
        )
        assert ours["scores_std_dev"]["score_composed"] == pytest.approx(
            deviation, rel=1e-7, abs=1e-9
        )
    red_per_km = 0.0
    for events, completion, length in routes:
        km = completion / 100 * length / 1000
        red_per_km += sum(one.kind is EventKind.RED_LIGHT for one in events) / km if km > 0 else 0.0
    assert ours["infractions"]["red_light"] == pytest.approx(red_per_km, rel=1e-9)
    assert ours["meta"]["total_length"] == pytest.approx(
        math.fsum(length for _, _, length in routes)
    )


def test_routes_that_are_missing_count_as_zero() -> None:
    """Two of four routes were driven: 100 and 50 points are a mean of 37.5, as the leaderboard
    divides by all.
    """
    records = [record([], 100.0, 1000.0, 0), record([], 50.0, 1000.0, 1)]
    assert global_record(records, 4)["scores"] == {
        "score_composed": 37.5,
        "score_route": 37.5,
        "score_penalty": 0.5,
    }


def test_a_route_of_which_nothing_was_driven_adds_no_infraction() -> None:
    records = [
        record([event(EventKind.RED_LIGHT)], 0.0),
        record([event(EventKind.RED_LIGHT)], 50.0, 2000.0, 1),
    ]
    assert global_record(records, 2)["infractions"]["red_light"] == 1.0


def test_entry_status_and_eligibility() -> None:
    done = [record([event(EventKind.ROUTE_COMPLETED)])]
    assert entry_status(done, (1, 1)) == ("Finished", True)
    assert entry_status(done, (1, 2)) == ("Finished with missing data", False)
    assert entry_status([record([], failure="Agent crashed")], (1, 1)) == (
        "Finished with agent errors",
        True,
    )
    started = results_document(done, 2, ["carla_camera"], finished=False)
    assert (started["entry_status"], started["eligible"], started["_checkpoint"]["progress"]) == (
        "Started",
        False,
        [1, 2],
    )
    finished = results_document(done, 1, ["carla_camera"], finished=True)
    assert finished["labels"] == list(LABELS)
    assert finished["values"][:3] == ["100.000", "100.000", "1.000"]


def test_a_deviation_says_what_it_is_over() -> None:
    """Two routes that always score 100 and 0, three times each: the benchmark's score never varies,
    and the routes' do.
    """
    records = [
        record_of(index, completion)
        for index, completion in enumerate((100.0, 100.0, 100.0, 0.0, 0.0, 0.0))
    ]
    repeated = over_repeats(records, 3)
    assert repeated["scores_of_each"]["score_composed"] == [50.0, 50.0, 50.0]
    assert repeated["scores_mean"]["score_composed"] == 50.0
    assert repeated["scores_std_dev"]["score_composed"] == 0.0
    document = results_document(records, 6, (), finished=True)
    once = results_document(records[::3], 2, (), finished=True)
    single = results_document(records[:1], 1, (), finished=True)
    document["auxdrive"] = {"over_repeats": repeated}
    words = "driving score, of 100 (± over 3 repeats of the benchmark; ± 54.77 over the 6 drives)"
    assert scores_in_words(document)[0] == ("50.00 ± 0.00", words)
    assert scores_in_words(once)[0] == ("50.00 ± 70.71", "driving score, of 100 (± over 2 routes)")
    assert scores_in_words(single)[0] == ("100.00", "driving score, of 100")


@given(st.integers(2, 4), st.integers(1, 4), st.data())
def test_the_deviation_over_repeats_is_that_of_the_repeats_means(
    repeats: int, routes: int, data: st.DataObject
) -> None:
    scores = data.draw(
        st.lists(
            st.lists(st.floats(0, 100), min_size=repeats, max_size=repeats),
            min_size=routes,
            max_size=routes,
        )
    )
    records = [
        record_of(n, score)
        for n, score in enumerate(score for of_route in scores for score in of_route)
    ]
    means = np.array(scores).mean(axis=0)
    found = over_repeats(records, repeats)
    assert found["scores_of_each"]["score_route"] == pytest.approx(means.tolist(), abs=1e-9)
    assert found["scores_std_dev"]["score_route"] == pytest.approx(
        float(np.std(means, ddof=1)), abs=1e-6
    )


def record_of(index: int, completion: float) -> RouteRecord:
    """A record without infractions."""
    meta = RouteMeta(duration_game=1.0, duration_system=1.0, route_length=100.0)
    return make_record(
        index=index,
        route_id="RouteScenario_0",
        events=(),
        completion_percent=completion,
        penalty=penalty_of,
        meta=meta,
    )
