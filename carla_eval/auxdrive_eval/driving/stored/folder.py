"""The folder of an evaluation: its files beside the finished routes, who may begin or continue an
evaluation in it, and the results document.

settings.json    what decides the results (`EvaluationSettings`)
driver.json      what the driver consists of, file by file (`DriverIdentity`)
plan.json        the planned routes
results.json     the leaderboard's document, rewritten after every route
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from auxdrive.storage.claims import FolderKind
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import is_file

from auxdrive_eval.driving.settings import (
    SETTINGS_NAME,
    EvaluationSettings,
    differences,
    read_settings,
)
from auxdrive_eval.driving.stored.driver_identity import (
    DRIVER_NAME,
    DriverIdentity,
    json_of,
    read_driver,
    write_driver,
)
from auxdrive_eval.driving.stored.plan import PLAN_NAME, write_plan
from auxdrive_eval.driving.stored.route import StoredRoute, tally_of
from auxdrive_eval.driving.stored.route_files import any_route
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.repeats import over_repeats

RESULTS_NAME = "results.json"
_BESIDE = (SETTINGS_NAME, DRIVER_NAME, PLAN_NAME, RESULTS_NAME)


def is_drive(path: Path) -> bool:
    """Whether this is the folder of an evaluation; it need not be complete."""
    return sum(is_file(path / name) for name in _BESIDE) >= 2


Begun = tuple[EvaluationSettings, DriverIdentity]


def _differences(before: Begun, now: Begun) -> list[str]:
    (settings_before, driver_before), (settings, driver) = before, now
    found = differences(settings_before, settings, but=("driver_sha256",))
    if settings_before.driver_sha256 != settings.driver_sha256:
        found.append(driver_before.changes(driver))
    return found


EVALUATION: FolderKind[Begun] = FolderKind(
    "an evaluation",
    SETTINGS_NAME,
    lambda path: (read_settings(path.parent), read_driver(path.parent)),
    _differences,
    any_route,
)


def write_folder(
    out: Path, settings: EvaluationSettings, driver: DriverIdentity, routes: Sequence[Route]
) -> None:
    """Write the files beside the routes: `settings.json`, `driver.json` and `plan.json`.

    Args:
        out: the evaluation's folder.
        settings: what decides its results.
        driver: what the driver consists of.
        routes: as planned, each once, whatever the number of repeats.

    Raises:
        DataError: the disk cannot be written.
    """
    write_atomic(out / SETTINGS_NAME, json_of(settings))
    write_driver(out, driver)
    write_plan(out, routes)


def write_results(
    out: Path, settings: EvaluationSettings, done: Mapping[int, StoredRoute], sensors: Iterable[str]
) -> dict[str, Any]:
    """Write and return the results document of the routes that are finished so far.

    Args:
        out: the evaluation's folder.
        settings: what decides the results; they also say how many drives there will be.
        done: the finished drives by their numbers.
        sensors: the leaderboard's names of the agent's sensors, such as "carla_camera".

    Returns:
        The leaderboard's document, with a part of ours under the key `auxdrive`.

    Raises:
        DataError: the disk cannot be written.
    """
    total, kind = settings.route_count * settings.repeats, settings.simulator.kind
    records = [done[index].record for index in sorted(done)]
    rules = RULE_SETS[settings.rules]
    form = rules.results
    document = form.document(records, total, list(sensors), finished=len(done) == total)
    document["auxdrive"] = {
        "note": f"Scores of the simulator '{kind}': {settings.simulator.spec.caveat}.",
        "settings": settings.model_dump(mode="json"),
        "predictions": tally_of(done.values()).model_dump(),
        "agent_failures": [
            {
                "index": index,
                "route_id": done[index].record.route_id,
                "status": done[index].record.status,
                "reason": done[index].reason,
            }
            for index in sorted(done)
            if done[index].error
        ],
    }
    if rules.unwatched:
        document["auxdrive"]["unwatched"] = rules.unwatched
    if len(done) == total and settings.repeats > 1:
        document["auxdrive"]["over_repeats"] = over_repeats(records, settings.repeats)
    write_atomic(out / RESULTS_NAME, form.text(document).encode())
    return document
