"""Results files of runs made by hand, in the leaderboards' words, and what `auxdrive score` says of
them.
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any

import pytest
from auxdrive import cli
from auxdrive_eval.criteria import Event, EventKind
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import RouteMeta, make_record

SHARED = Path(os.environ.get("AUXDRIVE_SHARED", Path(__file__).resolve().parents[2] / "../shared"))
MESSAGES = {
    EventKind.OUTSIDE_ROUTE_LANES: (
        "Agent went outside its route lanes for about 20.0 meters ({}% of the completed route)"
    ),
    EventKind.MIN_SPEED: "Average speed is {}% of the surrounding traffic's one",
}


def event(kind: EventKind, percentage: float | None = None, message: str = "") -> Event:
    text = message or MESSAGES.get(kind, f"{kind} happened").format(percentage)
    return Event(kind, text, 0, 0.0, (0.0, 0.0), percentage)


def assert_same(ours: Any, theirs: Any, where: str = "") -> None:
    """Equal, with floats to 1e-12 relative."""
    if isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for key in theirs:
            assert_same(ours[key], theirs[key], f"{where}.{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for index, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(a, b, f"{where}[{index}]")
    elif isinstance(theirs, float):
        assert math.isclose(ours, theirs, rel_tol=1e-12, abs_tol=1e-12), (where, ours, theirs)
    else:
        assert ours == theirs, where


def scored(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert cli.run(["score", *map(str, arguments), "--json"]) == 0, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def results_of(
    rules: str, routes: list[tuple[list[Event], float]], sensors: tuple[str, ...] = ()
) -> dict[str, Any]:
    """The document that a benchmark under these rules would have written."""
    rule_set = RULE_SETS[rules]
    form = rule_set.results
    records = [
        make_record(
            index=index,
            route_id=form.routes.route_id(str(index), 0),
            events=[*events, *([event(EventKind.ROUTE_COMPLETED)] if completion == 100 else [])],
            completion_percent=completion,
            penalty=rule_set.penalty,
            meta=RouteMeta(duration_game=60.25, duration_system=9.5, route_length=1000.0 + index),
            form=form.routes,
        )
        for index, (events, completion) in enumerate(routes)
    ]
    return form.document(records, len(records), sensors, finished=True)


def outside(percentage: float) -> Event:
    message = (
        "Agent went outside its route lanes for about 20.0 meters "
        f"({round(percentage, 2)}% of the completed route)"
    )
    return event(EventKind.OUTSIDE_ROUTE_LANES, percentage, message)


def written(folder: Path, document: dict[str, Any]) -> Path:
    path = folder / "results_of_another.json"
    path.write_text(json.dumps(document))
    return path


def of_two_routes() -> dict[str, Any]:
    """A results file of two routes with an infraction each."""
    return results_of("2.0", [([outside(2.0)], 100.0), ([event(EventKind.RED_LIGHT)], 40.0)])


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What `auxdrive score` says of arguments that it refuses."""
    assert cli.run(["score", *map(str, arguments)]) == 2
    shown, said = capsys.readouterr()
    assert shown == ""
    assert "Traceback" not in said
    return " ".join(said.split())
