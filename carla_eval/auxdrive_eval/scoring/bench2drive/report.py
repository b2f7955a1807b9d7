"""What Bench2Drive says of a run beside its driving score: success, efficiency, smoothness, and
abilities; each with what is missing where it cannot be known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.errors import DataError
from auxdrive.storage.reading import exists, read_bytes, shown
from auxdrive.strict import MAX_JSON_BYTES, parse_object
from auxdrive.types import Float64

from auxdrive_eval.criteria.base import EventKind
from auxdrive_eval.scoring.bench2drive.abilities import VERSIONS, Attempt, Share, abilities
from auxdrive_eval.scoring.bench2drive.comfort import Motion, efficiency, motion_of_path, smoothness
from auxdrive_eval.scoring.bench2drive.figures import NAME, ROUTES, merged, succeeded
from auxdrive_eval.scoring.finished_run import Beside, FinishedRoute, FinishedRun
from auxdrive_eval.scoring.records import ROUTE_ID_PREFIX, RouteRecord

METRIC_NAME = "metric_info.json"
_LARGEST = 1e9
_NUMBERED = re.compile(r"_\d+$")
_SIGNS = (EventKind.RED_LIGHT.value, EventKind.STOP_SIGN.value)


def bench2drive_report(
    run: FinishedRun, records: Sequence[RouteRecord], beside: Beside
) -> dict[str, Any]:
    """Bench2Drive's figures of a run, as JSON's types.

    Args:
        run: the finished run.
        records: its records under Bench2Drive's rule set.
        beside: what is known beside it.

    Raises:
        DataError: a file of the agent's motion is damaged.
    """
    missing: list[str] = []
    motions = list(_motions(run, beside, missing))
    return {
        "routes": run.total,
        "over_220": _of_all(merged(records)),
        "over_routes": _of_all(merged(records, run.total)),
        "successes": sum(succeeded(record) for record in records),
        "efficiency": _efficiency(run, missing),
        "smoothness": _mean_smoothness(motions),
        "smoothness_corrected": _mean_smoothness(motions, corrected=True),
        "abilities": _abilities(run, records, beside, missing),
        "missing": [
            *([f"it is not the benchmark: {run.total} routes, not {ROUTES}"]
              if run.total != ROUTES else []),
            *dict.fromkeys(missing),
        ],
    }  # fmt: skip


def _of_all(figures: dict[str, float]) -> dict[str, float]:
    return {name: figures[name] for name in ("driving score", "success rate")}


def _efficiency(run: FinishedRun, missing: list[str]) -> float | None:
    if run.rules != (NAME,):
        missing.append(
            f"efficiency: records of {' or '.join(run.rules)} do not hold the speed at every "
            "checkpoint"
        )
        return None
    found = efficiency(
        [
            [event.percentage for event in route.events
             if event.kind is EventKind.MIN_SPEED and event.percentage is not None]
            for route in run.routes
        ]
    )  # fmt: skip
    if found is None:
        missing.append("efficiency: no record holds a min speed message")
    return found


def _motions(run: FinishedRun, beside: Beside, missing: list[str]) -> Iterator[Motion]:
    for route in run.routes:
        if beside.metric_info is not None:
            name = route.beside.get("save_name")
            path = beside.metric_info / str(name) / METRIC_NAME
            if not isinstance(name, str) or Path(name).name != name or not exists(path):
                missing.append(f"smoothness: some routes have no {METRIC_NAME}")
                continue
            yield read_motion(path)
        elif route.trace is not None:
            missing.append(
                "smoothness: accelerations and yaw rates are differences of the driven path's "
                "speeds and headings, since a drive records no others"
            )
            yield motion_of_path(route.trace)
        else:
            missing.append(f"smoothness: needs the agent's {METRIC_NAME} files (--metric-info)")


def _mean_smoothness(motions: Sequence[Motion], *, corrected: bool = False) -> float | None:
    found = [smoothness(motion, corrected=corrected) for motion in motions]
    known = [value for value in found if value is not None]
    return sum(known) / len(known) if known else None


def read_motion(path: Path) -> Motion:
    """The motion in an agent's `metric_info.json`: step by step, in the file's order.

    Args:
        path: of the file.

    Raises:
        DataError: it is damaged.
    """
    steps = parse_object(read_bytes(path, MAX_JSON_BYTES), str(path))
    return Motion(
        _vectors(path, steps, "acceleration")[:, :2],
        _vectors(path, steps, "forward_vector")[:, :2],
        _vectors(path, steps, "right_vector")[:, :2],
        _vectors(path, steps, "angular_velocity")[:, 2],
    )


def _vectors(path: Path, steps: Mapping[str, Any], name: str) -> Float64:
    rows = []
    for step, values in steps.items():
        vector = values.get(name) if isinstance(values, dict) else None
        if (
            not isinstance(vector, list)
            or len(vector) != 3
            or not all(type(each) in (int, float) and abs(each) < _LARGEST for each in vector)
        ):
            raise DataError(
                f"{path}: step {shown(step)}: {name} must be three numbers within {_LARGEST:g}"
            )
        rows.append([float(each) for each in vector])
    return np.array(rows, np.float64).reshape(-1, 3)


def _abilities(
    run: FinishedRun, records: Sequence[RouteRecord], beside: Beside, missing: list[str]
) -> dict[str, dict[str, Any]] | None:
    attempts = []
    for route, record in zip(run.routes, records, strict=True):
        scenario = _scenario(route, beside)
        if scenario is None:
            missing.append(
                "abilities: some routes' scenario types are not known (--routes gives them)"
            )
            continue
        attempt = Attempt(
            scenario,
            succeeded(record),
            record.scores.score_route / 100,
            any(record.infractions[key] for key in _SIGNS),
        )
        if attempt.asks_where and beside.junction_share is not None:
            share = beside.junction_share(_plain_id(route))
            attempt = replace(attempt, junction_share=share)
        attempts.append(attempt)
    if not attempts:
        return None
    if unknown := sum(each.asks_where for each in attempts):
        missing.append(
            f"abilities: where the first junction of {unknown} failed routes lies is on their maps "
            "alone (--maps), so Traffic_Signs and the mean lie between two numbers"
        )
    return {
        version: {name: _told(share) for name, share in abilities(attempts, version).items()}
        for version in VERSIONS
    }


def _told(share: Share | None) -> dict[str, Any] | None:
    if share is None:
        return None
    return {"low": share.low, "high": share.high, "routes": share.routes}


def _scenario(route: FinishedRoute, beside: Beside) -> str | None:
    if beside.scenarios is not None:
        return beside.scenarios.get(_plain_id(route))
    name = route.beside.get("scenario_name")
    return _NUMBERED.sub("", name) if isinstance(name, str) else None


def _plain_id(route: FinishedRoute) -> str:
    """The id of a route in its file of routes."""
    return route.record.route_id.removeprefix(ROUTE_ID_PREFIX).split("_")[0]
