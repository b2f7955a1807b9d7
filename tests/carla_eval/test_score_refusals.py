"""What `auxdrive score` refuses: files that no leaderboard writes, and mistakes of its user."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scored_runs import of_two_routes, refused, written


def changed(*place: object, to: object) -> Callable[[dict[str, Any]], object]:
    """A change of the document at a place."""

    def change(document: dict[str, Any]) -> None:
        *above, last = place
        at: Any = document
        for key in above:
            at = at[key]
        at[last] = to

    return change


RECORDS = ("_checkpoint", "records")
HOSTILE: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "no records": (lambda all_: all_.pop("_checkpoint"), "no results file of a leaderboard"),
    "a list": (changed(*RECORDS, to={}), "no results file of a leaderboard"),
    "nothing driven": (changed(*RECORDS, to=[]), "holds no finished route"),
    "no object": (changed(*RECORDS, 0, to="x"), "record 0: must be an object"),
    "no scores": (lambda all_: all_["_checkpoint"]["records"][1].pop("scores"), "record 1: scores"),
    "no meta": (lambda all_: all_["_checkpoint"]["records"][1].pop("meta"), "record 1: meta"),
    "a missing kind": (
        lambda all_: all_["_checkpoint"]["records"][1]["infractions"].pop("red_light"),
        "record 1: infractions.red_light must be a list of messages, got nothing",
    ),
    "numbers for messages": (
        changed(*RECORDS, 0, "infractions", "red_light", to=[3]),
        "infractions.red_light must be a list of messages",
    ),
    "a foreign message": (
        changed(*RECORDS, 0, "infractions", "outside_route_lanes", to=["somewhere outside"]),
        "is not what the leaderboards write: Agent went outside its route lanes",
    ),
    "a share above all": (
        changed(*RECORDS, 0, "infractions", "outside_route_lanes",
                to=["Agent went outside its route lanes for about 9 meters (101% of the completed "
                    "route)"]),
        "is not what the leaderboards write",
    ),
    "metres without end": (
        changed(*RECORDS, 0, "infractions", "outside_route_lanes",
                to=["Agent went outside its route lanes for about inf meters (1% of the completed "
                    "route)"]),
        "is not what the leaderboards write",
    ),
    "a foreign speed": (
        changed(*RECORDS, 0, "infractions", "min_speed_infractions", to=["slow"]),
        "Average speed is P% of the surrounding traffic's one",
    ),
    "a speed without end": (
        changed(*RECORDS, 0, "infractions", "min_speed_infractions",
                to=[f"Average speed is {'9' * 400}% of the surrounding traffic's one"]),
        "Average speed is P% of the surrounding traffic's one",
    ),
    "a negative index": (changed(*RECORDS, 0, "index", to=-1), "record 0: index"),
    "an index twice": (changed(*RECORDS, 1, "index", to=0), "two records have the index 0"),
    "an index too far": (changed(*RECORDS, 1, "index", to=7), "index 7, of 2 routes"),
    "a score above all": (
        changed(*RECORDS, 0, "scores", "score_route", to=101),
        "record 0: scores.score_route",
    ),
    "a text for a score": (
        changed(*RECORDS, 0, "scores", "score_route", to="much"),
        "record 0: scores.score_route",
    ),
    "a number of 400 digits": (
        changed(*RECORDS, 0, "meta", "route_length", to=10**400),
        "is larger than any number",
    ),
    "longer than any": (
        changed(*RECORDS, 0, "meta", "route_length", to=1e300),
        "no route is so long",
    ),
    "not finished": (changed(*RECORDS, 0, "status", to="Started"), "is no finished route"),
    "fewer than it holds": (changed("_checkpoint", "progress", to=[1, 1]), "2 records of 1 routes"),
    "progress of texts": (
        changed("_checkpoint", "progress", to=["2", "2"]),
        "_checkpoint.progress must be [done, all]",
    ),
    "progress below 0": (
        changed("_checkpoint", "progress", to=[-2, -2]),
        "_checkpoint.progress must be [done, all]",
    ),
    "sensors of numbers": (changed("sensors", to=[1]), "sensors must be a list of names"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_in_one_sentence(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, expected = HOSTILE[name]
    document = copy.deepcopy(of_two_routes())
    change(document)
    said = refused(capsys, written(tmp_path, document), "--rules", "2.1")
    assert expected in said
    assert said.count("results_of_another.json") == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "no valid JSON"),
        ("[]", "must hold a JSON object"),
        ('{"_checkpoint": NaN}', "NaN is no JSON number"),
        ('{"a": 1, "a": 2}', "stands there twice"),
        ("[" * 5000, "nested too deeply"),
        ("\xff", "is no"),
    ],
)
def test_what_is_no_json_is_refused(
    text: str, expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results.json"
    path.write_text(text, encoding="latin-1")
    assert expected in refused(capsys, path)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--rules", "3"], "unknown rule set '3'"),
        (["--rules", "1.0", "--metric-info", "."], "say nothing to the rule set 1.0"),
        (["--rules", "bench2drive", "--maps", "."], "give --routes as well"),
        (["--rules", "bench2drive", "--metric-info", "none"], "--metric-info none: no such folder"),
        (
            ["--rules", "bench2drive", "--routes", "routes.xml", "--maps", "none"],
            "--maps none: no such folder",
        ),
        (["--rules", "bench2drive", "--routes", "missing.xml"], "missing.xml: no such file"),
    ],
)
def test_mistakes_of_the_user(
    arguments: list[str], expected: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert expected in refused(capsys, written(tmp_path, of_two_routes()), *arguments)
    assert "no such file" in refused(capsys, tmp_path / "none.json")
    assert "holds no drive; name a folder that `auxdrive drive` filled" in refused(capsys, tmp_path)
