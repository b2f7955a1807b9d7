"""A drive's folder as a run that is scored again: with its events as they were measured, and the
routes' lengths in every rule set.
"""

from __future__ import annotations

from pathlib import Path

from auxdrive.errors import DataError
from auxdrive.storage.reading import is_folder

from auxdrive_eval.driving.stored.folder import RESULTS_NAME, is_drive
from auxdrive_eval.driving.stored.found_drive import FoundDrive, read_sound_drive
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.again.reading import read_results
from auxdrive_eval.scoring.finished_run import FinishedRoute, FinishedRun
from auxdrive_eval.scoring.records import FAILED
from auxdrive_eval.scoring.rule_sets import in_a_simulator


def read_run(path: Path) -> FinishedRun:
    """Read a finished run: a drive's folder, its results.json, or the leaderboard's results file.

    Args:
        path: of the folder or file.

    Raises:
        DataError: it is no such thing, or it is damaged.
    """
    if path.name == RESULTS_NAME and is_drive(path.parent):
        path = path.parent
    if not is_drive(path):
        if is_folder(path):
            raise DataError(
                f"{path}: holds no drive; name a folder that `auxdrive drive` filled, or a results "
                "file"
            )
        return read_results(path)
    drive, settings, driver = read_sound_drive(path)
    notes = [f"Scores of the simulator '{settings.simulator.kind}': "
             f"{settings.simulator.spec.caveat}."]  # fmt: skip
    if unwatched := RULE_SETS[settings.rules].unwatched:
        notes.append(in_a_simulator(settings.rules, unwatched))
    if drive.left:
        notes.append(f"{len(drive.left)} of {drive.total} routes are not driven; they count as 0")
    routes = tuple(_route(drive, index) for index in sorted(drive.done))
    return FinishedRun(
        str(path), (settings.rules,), routes, drive.total, driver.sensors, tuple(notes)
    )


def _route(drive: FoundDrive, index: int) -> FinishedRoute:
    stored: StoredRoute = drive.done[index]
    planned, _ = drive.planned(index)
    status = stored.record.status
    return FinishedRoute(
        stored.record,
        stored.events,
        status.removeprefix(f"{FAILED} - ") if status.startswith(f"{FAILED} - ") else "",
        exact=True,
        beside={} if planned is None else {"town_name": planned.town},
        planned=planned,
        trace=stored.trace,
    )
