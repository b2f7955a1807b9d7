"""Finished drives as results that `auxdrive compare` can compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from auxdrive.bootstrap import Ratio
from auxdrive.comparing.base import Comparable, Found, Measured, Part, Result
from auxdrive.errors import DataError
from auxdrive.mistakes import mistakes_of
from auxdrive.storage.reading import exists, read_bytes
from auxdrive.strict import MAX_JSON_BYTES, parse_object
from pydantic import ValidationError

from auxdrive_eval.conditions import condition_of_id
from auxdrive_eval.driving.settings import SETTINGS_NAME, EvaluationSettings, read_settings
from auxdrive_eval.driving.stored.folder import RESULTS_NAME, is_drive
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import AGENT_FAILURES, WHOLE_ROUTE, RouteRecord
from auxdrive_eval.scoring.results import ResultForm

_UNITS = {"score_composed": "points", "score_route": "%", "score_penalty": ""}
_MAIN = "driving score"
_DECIDES = ("role", "controller", "creep_after_s", "envelope", "precision")
_GIVES_THE_ROUTES = ("simulator", "simulator_version", "routes_sha256", "route_count", "repeats")


def result_of(path: Path) -> Result:
    """The result of a finished drive.

    Raises:
        DataError: the drive is not finished, is damaged, or was made by another version of
            auxdrive.
    """
    settings = read_settings(path)
    stored = settings.model_dump(mode="json")
    records = _records(path, settings)
    form = RULE_SETS[settings.rules].results
    whole = _metrics(records, settings.repeats, form)
    parts = {
        f"{name}, {condition}": measured
        for condition, members in by_condition(records, form).items()
        for name, measured in _metrics(members, settings.repeats, form).items()
    }
    failed = [record for record in records if record.status in AGENT_FAILURES]
    return Result(
        path=path,
        seed=settings.seed,
        name=settings.driver,
        settings={name: stored[name] for name in _DECIDES},
        rules={"rule set": settings.rules},
        measured_on={name: stored[name] for name in _GIVES_THE_ROUTES},
        made_by={"auxdrive": settings.auxdrive},
        identity=settings.driver_sha256,
        metrics={Part(): whole | parts},
        main_metrics=(_MAIN, *(name for name in parts if name.startswith(f"{_MAIN}, "))),
        notes=(f"{len(failed)} of {len(records)} routes were ended by the agent's own failure",)
        if failed
        else (),
    )


def _records(path: Path, settings: EvaluationSettings) -> list[RouteRecord]:
    file, total = path / RESULTS_NAME, settings.route_count * settings.repeats
    if not exists(file):
        raise DataError(f"{path} has driven no route yet; `auxdrive drive --resume` goes on")
    document = parse_object(read_bytes(file, MAX_JSON_BYTES), str(file))
    checkpoint = document.get("_checkpoint")
    listed = checkpoint.get("records") if isinstance(checkpoint, dict) else None
    if not isinstance(listed, list):
        raise DataError(
            f"{file} is damaged: it has no _checkpoint.records; --resume writes it anew"
        )
    try:
        form = RULE_SETS[settings.rules].results.routes
        records = [form.load(record) for record in listed]
    except ValidationError as error:
        raise DataError(
            f"{file} is damaged ({mistakes_of(error, RouteRecord)[0]}); --resume writes it anew"
        ) from error
    records.sort(key=lambda record: record.index)
    if [record.index for record in records] != list(range(total)):
        raise DataError(
            f"{path} is not finished: {len(records)} of {total} drives are in {RESULTS_NAME}; "
            "`auxdrive drive --resume` goes on"
        )
    return records


def by_condition(records: Sequence[RouteRecord], form: ResultForm) -> dict[str, list[RouteRecord]]:
    """The records of a drive by the condition that `auxdrive drive --conditions` gave them, in the
    records' order; empty where it gave none.

    Args:
        records: of all drives.
        form: of the rule set.
    """
    found: dict[str, list[RouteRecord]] = {}
    for record in records:
        if condition := condition_of_id(form.routes.given_id(record.route_id)):
            found.setdefault(condition, []).append(record)
    return found


def _metrics(records: Sequence[RouteRecord], repeats: int, form: ResultForm) -> dict[str, Measured]:
    """The labelled values of the leaderboard's document. A score is the mean over the routes, and
    also keeps each route's score, which is the mean over its repeats. Every value keeps what each
    drive adds to it.
    """
    whole = form.global_record(records, len(records))

    made = {}
    for label, group, key in form.labelled:
        name = label.removeprefix("Avg. ")
        if group == form.means:
            of_each = [getattr(record.scores, key) for record in records]
            parts = tuple(
                sum(of_each[start : start + repeats]) / repeats
                for start in range(0, len(of_each), repeats)
            )
            scores = Ratio.mean(np.array(of_each).reshape(-1, repeats))
            made[name] = Measured(whole[group][key], _UNITS[key], True, parts, scores)
        else:
            rates = [form.drive_rate(record, key, len(records)) for record in records]
            above, below = np.array(rates, np.float64).T.reshape(2, -1, repeats)
            rate = Ratio(above, below)
            made[name] = Measured(whole[group][key], "per km", over_drives=rate)
    completed = [100.0 * (record.scores.score_route >= WHOLE_ROUTE) for record in records]
    reached = Ratio.mean(np.array(completed).reshape(-1, repeats))
    made["routes completed"] = Measured(reached.value, "%", True, over_drives=reached)
    return made


DRIVES = Comparable(
    "drives", "drives", SETTINGS_NAME, is_drive, lambda path: Found((result_of(path),))
)
