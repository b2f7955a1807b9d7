"""`auxdrive score`: finished runs of the leaderboards and of ours, under any rule set."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from auxdrive import cli
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.again.reading import read_results
from auxdrive_eval.scoring.again.rescoring import rescored
from hypothesis import given
from hypothesis import strategies as st
from scored_runs import SHARED, event, of_two_routes, outside, refused, results_of, scored, written
from small_world import SETTINGS

RULES = ("1.0", "2.0", "2.1", "bench2drive")


@pytest.mark.parametrize("rules", ["1.0", "2.1"])
def test_a_stock_file_keeps_its_numbers_under_its_own_rules(
    rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = SHARED / f"carla/reference_results/leaderboard-{rules}_results.json"
    if not reference.exists():
        pytest.skip(f"the reference results are not here: {reference}")
    theirs = json.loads(reference.read_text())
    ours = scored(capsys, reference, "--rules", rules, "--out", tmp_path / "again.json")
    assert ours.pop("auxdrive")["notes"] == []
    assert ours == theirs
    if rules != "1.0":  # where `auxdrive` stands among the sorted keys
        text = (tmp_path / "again.json").read_text()
        assert text.startswith(reference.read_text().rstrip()[:-2])
    assert "exists already" in refused(
        capsys, reference, "--rules", rules, "--out", tmp_path / "again.json"
    )


def test_a_stock_file_under_the_rules_of_others(capsys: pytest.CaptureFixture[str]) -> None:
    folder = SHARED / "carla/reference_results"
    if not folder.exists():
        pytest.skip(f"the reference results are not here: {folder}")
    of_1, of_2 = (folder / f"leaderboard-{name}_results.json" for name in ("1.0", "2.1"))
    penalties = {
        (path, rules): scored(capsys, path, "--rules", rules)["_checkpoint"]["records"][0][
            "scores"
        ]["score_penalty"]
        for path in (of_1, of_2)
        for rules in RULES
    }
    assert penalties[of_2, "2.0"] == 0.044572
    assert penalties[of_2, "bench2drive"] == 0.052438
    assert penalties[of_2, "1.0"] == pytest.approx(penalties[of_1, "1.0"], abs=1e-15)
    assert penalties[of_1, "2.0"] == 0.107016
    assert penalties[of_1, "2.1"] == round(0.98 / (1 + 1.0 + 0.7 + 0.6 + 0.4 + 0.25), 6)
    notes = scored(capsys, of_1, "--rules", "2.1")["auxdrive"]["notes"]
    assert "speed beside the traffic" in notes[0]
    assert "nothing is counted" in notes[0]
    notes = scored(capsys, of_2, "--rules", "1.0")["auxdrive"]["notes"]
    assert "1 min_speed_infractions" in notes[0]


shares = st.floats(0, 99, exclude_min=True)
counted = st.sampled_from(
    [EventKind.COLLISION_VEHICLE, EventKind.RED_LIGHT, EventKind.STOP_SIGN]
).map(event)


@given(
    share=shares,
    others=st.lists(counted, max_size=4),
    completion=st.one_of(st.just(100.0), st.floats(5, 99)),
)
@pytest.mark.parametrize("rules", ["2.0", "2.1"])
def test_a_share_that_a_message_rounds_is_taken_from_the_recorded_penalty(
    rules: str,
    share: float,
    others: list[Event],
    completion: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    routes = [([outside(share), *others], completion)]
    path = written(tmp_path_factory.mktemp("shares"), results_of("1.0", routes))
    found = rescored(read_results(path), rules)
    expected = results_of(rules, routes)
    ours = found.document["_checkpoint"]["records"][0]["scores"]
    theirs = expected["_checkpoint"]["records"][0]["scores"]
    assert ours == pytest.approx(theirs, abs=2e-6)


@pytest.mark.parametrize("rules", RULES)
def test_what_a_rule_set_wrote_it_writes_again(
    rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [outside(3.14159), event(EventKind.COLLISION_VEHICLE), event(EventKind.RED_LIGHT)]
    document = results_of(rules, [(events, 100.0), ([], 37.5), ([], 100.0)], ("carla_camera",))
    again = scored(capsys, written(tmp_path, document), "--rules", rules)
    made_by = again.pop("auxdrive")["scored_before_by"]
    assert made_by == [rules]
    assert again == document


def test_records_that_no_rule_set_made_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = results_of("2.0", [([event(EventKind.RED_LIGHT)], 100.0)])
    document["_checkpoint"]["records"][0]["scores"]["score_penalty"] = 0.9
    found = scored(capsys, written(tmp_path, document), "--rules", "2.0")
    assert found["_checkpoint"]["records"][0]["scores"]["score_penalty"] == 0.7
    assert "the recorded penalties are not what 2.0 or 2.1 makes" in found["auxdrive"]["notes"][0]


def test_the_files_own_numbers_stay_and_what_its_records_do_not_make_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lights = [event(EventKind.RED_LIGHT)]
    document = results_of("1.0", [(lights, 100.0), (lights, 31.7), ([], 12.3)])
    whole = document["_checkpoint"]["global_record"]
    deviation = whole["scores_std_dev"]["score_route"]
    whole["scores_std_dev"]["score_route"] = math.nextafter(deviation, 0)
    whole["scores"]["score_route"] = 77.0
    found = scored(capsys, written(tmp_path, document))
    again = found["_checkpoint"]["global_record"]
    assert again["scores_std_dev"]["score_route"] == math.nextafter(deviation, 0) != deviation
    assert again["scores"]["score_route"] == pytest.approx(48.0)
    (note,) = found["auxdrive"]["notes"]
    assert note == "the file's own score_route of all routes is 77, and its records make 48"


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...]) -> Path:
    """A drive of the expert, each route twice."""
    out = tmp_path_factory.mktemp("scored") / "drive"
    drive_all(short_routes, DriverSource(None), SETTINGS, out, repeats=2)
    return out


def test_our_own_drive(
    drive: Path, short_routes: tuple[Route, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = json.loads((drive / "results.json").read_text())
    for path in (drive, drive / "results.json"):
        ours = scored(capsys, path)
        assert "Scores of the simulator 'embedded'" in ours["auxdrive"]["notes"][0]
        assert {**ours, "auxdrive": theirs["auxdrive"]} == theirs
    other = scored(capsys, drive, "--rules", "2.1")
    records = other["_checkpoint"]["records"]
    assert [record["route_id"][-5:] for record in records] == ["_rep0", "_rep1"] * 2
    lengths = [round(route.length_m, 3) for route in short_routes for _ in range(2)]
    assert [record["meta"]["route_length"] for record in records] == lengths
    figures = scored(capsys, drive, "--rules", "bench2drive")["auxdrive"]["figures"]
    assert 0 <= figures["smoothness_corrected"] <= 1
    assert (figures["efficiency"], figures["abilities"]) == (None, None)
    assert "not the benchmark: 4 routes" in figures["missing"][0]


def test_what_a_simulator_does_not_watch_is_said_of_a_drive_by_other_rules(
    tmp_path: Path, short_routes: tuple[Route, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    out, alone = tmp_path / "drive", tmp_path / "alone.json"
    drive_all(short_routes[:1], DriverSource(None), SETTINGS, out, rules="2.1", repeats=2)
    alone.write_bytes((out / "results.json").read_bytes())
    for path in (out, alone):
        for rules in ("2.1", "2.0"):
            notes = scored(capsys, path, "--rules", rules)["auxdrive"]["notes"]
            assert "rule set 2.1 in a simulator: yielding" in notes[1]
    assert cli.run(["inspect", str(out), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["routes"]
    assert [(each["route"], each["repeat"]) for each in shown] == [
        (short_routes[0].route_id, 0),
        (short_routes[0].route_id, 1),
    ]


def test_the_corrected_rates_stand_beside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lights = [event(EventKind.RED_LIGHT)]
    path = written(tmp_path, results_of("1.0", [(lights, 100.0), (lights, 50.0), (lights, 0.0)]))
    found = scored(capsys, path, "--corrected")
    stock = found["_checkpoint"]["global_record"]["infractions"]["red_light"]
    assert stock == pytest.approx(1 / 1.0 + 1 / 0.5005)
    assert found["auxdrive"]["corrected"]["infractions"]["red_light"] == pytest.approx(2 / 1.5005)
    newer = scored(capsys, path, "--corrected", "--rules", "2.0")
    assert newer["auxdrive"]["corrected"] == {"what": "no error of these results is known"}
    assert cli.run(["score", str(path), "--corrected"]) == 0
    assert "corrected, beside the above" in capsys.readouterr().out
    assert cli.run(["score", str(path), "--corrected", "--rules", "2.0"]) == 0
    assert "corrected: no error of these results is known" in capsys.readouterr().out


def test_no_part_of_a_table_is_cut_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    document = results_of("1.0", [([], 100.0)])
    document["_checkpoint"]["records"][0]["route_id"] = "RouteScenario_a_long_name_7"
    assert cli.run(["score", str(written(tmp_path, document))]) == 0
    shown = capsys.readouterr().out
    assert "\u2026" not in shown
    assert "RouteScenario_a_long_name_7" in shown.splitlines()
    for told in ("score, of 100: 100.000", "completion, %: 100.00", "status: Completed"):
        assert told in shown


def test_what_was_not_known_is_said_again_of_a_file_that_we_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stock = written(tmp_path, results_of("1.0", [([event(EventKind.RED_LIGHT)], 100.0)]))
    again = tmp_path / "again.json"
    notes = scored(capsys, stock, "--rules", "2.0", "--out", again)["auxdrive"]["notes"]
    assert any("does not watch speed" in note for note in notes)
    for rules in ("2.0", "2.1"):
        said = scored(capsys, again, "--rules", rules)["auxdrive"]["notes"]
        assert said[: len(notes)] == notes
        assert len(set(said)) == len(said)


def test_missing_routes_count_as_nothing_and_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = of_two_routes()
    document["_checkpoint"]["progress"] = [2, 4]
    found = scored(capsys, written(tmp_path, document), "--rules", "2.0")
    assert found["_checkpoint"]["global_record"]["scores_mean"]["score_route"] == 35.0
    assert (found["entry_status"], found["eligible"]) == ("Invalid", False)
    assert "2 of 4 routes are not in the file" in found["auxdrive"]["notes"][0]
