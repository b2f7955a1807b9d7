"""The tables of a drive's page: results by town and weather, latency, and the safety envelope."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from auxdrive.bootstrap import Ratio, ratio_interval
from auxdrive.types import Prediction
from auxdrive_eval.driving.runner import TRACE_DTYPE, RouteResult
from auxdrive_eval.driving.settings import EvaluationSettings
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.route import StoredRoute, stored_route
from auxdrive_eval.driving.tally import Interventions, Tally
from auxdrive_eval.report.breakdown import breakdowns, weather_in_words
from auxdrive_eval.report.driver_tables import driver_sections, interventions_of
from auxdrive_eval.report.route_drive import scenario_table
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import RouteMeta, RouteRecord, Scores
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import ScenarioOutcome, ScenarioState
from page_tree import Tree, parse
from small_world import SETTINGS
from states_by_hand import straight_route

RAIN = Weather(precipitation=30.0)


def drive(index: int, score: float, reds: int = 0, tally: Tally | None = None) -> StoredRoute:
    form = RULE_SETS["1.0"].results.routes
    infractions: dict[str, list[str]] = {kind.value: [] for kind in form.kinds}
    record = RouteRecord(
        index=index,
        infractions={**infractions, "red_light": ["ran one"] * reds},
        meta=RouteMeta(duration_game=1.0, duration_system=1.0, route_length=500.0),
        route_id=f"RouteScenario_{index}",
        scores=Scores(score_composed=score, score_penalty=score / 100, score_route=100.0),
        status="Completed",
    )
    trace = np.zeros(0, TRACE_DTYPE)
    return stored_route(RouteResult(record, (), trace, (), tally=tally or Tally()))


def evaluation(
    places: list[tuple[str, Weather]], drives: list[StoredRoute], repeats: int = 1
) -> Evaluation:
    settings = EvaluationSettings.model_validate(
        {
            "auxdrive": "0.1.0", "simulator": SETTINGS, "simulator_version": "3", "rules": "1.0",
            "driver": "samd", "driver_sha256": "a", "role": "student", "controller": None,
            "routes_sha256": "a", "route_count": len(places), "repeats": repeats, "seed": 0,
        }
    )  # fmt: skip
    routes = [
        replace(straight_route(), route_id=str(number), town=town, weather=weather)
        for number, (town, weather) in enumerate(places)
        for _ in range(repeats)
    ]
    return Evaluation({}, settings, tuple(drives), tuple(routes))


def cells(tree: Tree) -> list[str]:
    return [text for text in tree.data if text.strip()]


def page_of(given: Evaluation) -> list[str]:
    return cells(parse("".join(breakdowns(given))))


def after(found: list[str], name: str, count: int) -> list[str]:
    start = found.index(name) + 1
    return found[start : start + count]


def test_each_town_has_its_means_and_intervals_over_routes_and_repeats() -> None:
    rng = np.random.default_rng(1)
    scores = rng.uniform(20, 90, (7, 2))
    drives = [drive(i, float(score), reds=i % 3) for i, score in enumerate(scores.ravel())]
    drives += [drive(14, 50.0), drive(15, 70.0, reds=1)]
    given = evaluation([("Town01", Weather())] * 7 + [("Town02", Weather())], drives, repeats=2)
    found = page_of(given)
    count, score, completion, penalty, per_km = after(found, "Town01", 5)
    expected = ratio_interval(Ratio.mean(scores), seed=0)
    assert expected.low is not None
    assert expected.high is not None
    assert count == "7"
    assert score == f"{scores.mean():.1f} [{expected.low:.1f}, {expected.high:.1f}]"
    assert completion == "100.0"
    assert penalty.startswith(f"{scores.mean() / 100:.3f} [")
    reds = sum(i % 3 for i in range(14))
    assert per_km.startswith(f"{reds / 7.0:.2f} [")
    # one route alone has no interval, however often it was driven
    assert after(found, "Town02", 5) == ["1", "60.0", "100.0", "0.600", "1.00"]
    # and the second table counts kinds, those alone that there were
    table = found[found.index("number of infractions") :]
    assert table[1:3] == ["town", "Red lights"]
    assert after(table, "Town01", 1) == [str(reds)]


def test_weathers_are_told_in_words_and_groups_of_one_are_not_repeated() -> None:
    words = [
        weather_in_words(weather)
        for weather in (
            Weather(), Weather(cloudiness=80.0, sun_altitude_deg=10.0), RAIN,
            Weather(precipitation=80.0, sun_altitude_deg=-5.0), Weather(fog_density=40.0),
            Weather(wetness=50.0),
        )
    ]  # fmt: skip
    assert words == [
        "clear, day", "clouds, low sun", "rain, day", "heavy rain, night", "fog, day",
        "wet road, day",
    ]  # fmt: skip
    places = [("Town01", Weather()), ("Town02", RAIN), ("Town03", Weather())]
    found = page_of(evaluation(places, [drive(i, 50.0) for i in range(3)]))
    assert "By town" not in found
    assert after(found, "clear, day", 1) == ["2"]
    one = evaluation([("Town01", Weather())] * 2, [drive(i, 50.0) for i in range(2)])
    assert "The town of all routes: Town01." in page_of(one)
    assert not list(breakdowns(evaluation(places[:1], [drive(0, 50.0)])))


def test_routes_stand_under_each_of_their_scenarios() -> None:
    def state(kind: str, outcome: ScenarioOutcome, note: str = "") -> ScenarioState:
        began_s = None if outcome is ScenarioOutcome.NOT_PLACED else 4.0
        at_m = None if began_s is None else 30.0
        return ScenarioState(f"{kind}_1", kind, at_m, outcome, began_s, None, note)

    crossing = state("DynamicObjectCrossing", ScenarioOutcome.PASSED)
    hit = state("DynamicObjectCrossing", ScenarioOutcome.COLLISION)
    brake = state("FollowLeadingVehicle", ScenarioOutcome.PASSED)
    absent = state("FollowLeadingVehicle", ScenarioOutcome.NOT_PLACED, "there is no room")
    given = [(crossing, brake), (hit, absent), (), (crossing,)]
    drives = [
        drive(i, 40.0 + 10 * i).model_copy(update={"scenarios": scenarios})
        for i, scenarios in enumerate(given)
    ]
    found = page_of(evaluation([(f"Town0{i}", Weather()) for i in range(4)], drives))
    assert "By scenario" in found
    assert after(found, "DynamicObjectCrossing", 2) == ["3", "53.3"]
    assert after(found, "FollowLeadingVehicle", 2) == ["1", "40.0"]
    assert after(found, "DynamicObjectCrossing", 6)[-1] == "collision 1, passed 2"
    assert after(found, "FollowLeadingVehicle", 6)[-1] == "passed 1"
    # one scenario on some of the routes is shown too, and not as that of all
    some = page_of(evaluation([(f"Town0{i}", Weather()) for i in range(2)], drives[1:3]))
    assert after(some, "DynamicObjectCrossing", 2) == ["1", "50.0"]
    assert not any(text.startswith("The scenario of all routes") for text in some)
    table = cells(parse(scenario_table(drives[1])))
    assert after(table, "DynamicObjectCrossing_1", 3) == ["30", "4.0", "collision"]
    assert after(table, "FollowLeadingVehicle_1", 1) == ["not placed: there is no room"]
    assert not scenario_table(drives[2])


def test_stretches_of_ticks_with_a_flag_are_interventions() -> None:
    noted = Interventions()
    for tick, flags in enumerate(([], ["a"], ["a", "b"], ["b"], [], ["a"])):
        noted.note(tick * 0.05, flags)
    found = [(each.flag, each.began_s, each.ended_s, each.ticks) for each in noted.found]
    assert found == [
        ("a", pytest.approx(0.05), pytest.approx(0.10), 2),
        ("b", pytest.approx(0.10), pytest.approx(0.15), 2),
        ("a", pytest.approx(0.25), pytest.approx(0.25), 1),
    ]


def test_latency_and_envelope_stand_on_the_page_route_by_route() -> None:
    tally = Tally()
    for number in range(100):
        prediction = Prediction(0.0, 1.0 + number, steer_rad=0.0)
        tally.add(prediction, braked=number == 3, time_s=0.1 * number, driver_ms=2.0 + number)
    tally.envelope.update({"ticks": 200, "fallback": 3})
    for tick in range(5):
        tally.interventions.note(tick * 0.05, ["fallback"] if tick in (1, 2, 4) else [])
    with_both, without = drive(0, 50.0, tally=tally), drive(1, 60.0)
    given = evaluation([("Town01", Weather())] * 2, [with_both, without])
    found = cells(parse("".join(driver_sections(given))))
    latency = ["100", "1", "51.5", "100.0", "101.0", "50.5", "99.0", "100.0"]
    assert after(found, "#0: 0 in Town01", 8) == latency
    assert after(found, "#1: 1 in Town01", 2) == ["0", "0"]
    assert after(found, "all", 8) == latency
    envelope = found[found.index("Safety envelope") :]
    assert after(envelope, "#0: 0 in Town01", 2) == ["200", "3 in 2"]
    assert after(envelope, "#1: 1 in Town01", 2) == ["0", "0"]
    folded = cells(parse(interventions_of(with_both)))
    assert folded[0] == "Safety envelope: 2 stretches, 3 ticks with a flag"
    first, longest = ["0.1", "0"], ["0.1", "0", "0.05"]
    assert after(folded, "fallback", 7) == ["2", "3", *first, *longest]
    assert not interventions_of(without)
    # the expert predicts nothing, and has no envelope
    bare = evaluation([("Town01", Weather())] * 2, [without, without])
    assert not list(driver_sections(bare))
