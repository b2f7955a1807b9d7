"""Inspecting drives and their routes: who drove, where, under which rules, with which results; what
is damaged; and what `--resume` would do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive import __version__
from auxdrive.geometry import euclidean, polyline_length
from auxdrive.storage.claims import changed
from auxdrive.storage.reading import exists

from auxdrive_eval.driving.settings import SETTINGS_NAME, read_settings
from auxdrive_eval.driving.stored.driver_identity import DRIVER_NAME
from auxdrive_eval.driving.stored.folder import RESULTS_NAME, is_drive
from auxdrive_eval.driving.stored.found_drive import (
    FoundDrive,
    mistakes_of_route,
    read_found_drive,
    rules_of,
    tried,
)
from auxdrive_eval.driving.stored.route import StoredRoute, tally_of
from auxdrive_eval.driving.stored.route_files import any_route, read_route
from auxdrive_eval.scoring.records import ROUTE_ID_PREFIX
from auxdrive_eval.scoring.repeats import over_repeats
from auxdrive_eval.scoring.summary import LEADERBOARD_1_RESULTS

_OUTPUT_LINES = 20


def summarise_drive(path: Path) -> dict[str, Any]:
    """Everything that `auxdrive inspect` shows of an evaluation. Damaged parts are listed under
    `broken` and do not stop it.
    """
    drive = read_found_drive(path)
    settings, driver = drive.settings, drive.driver
    return {
        "kind": "drive",
        "path": str(path),
        "agent": None if settings is None else settings.driver,
        "role": None if settings is None else settings.role,
        "simulator": None if settings is None else str(settings.simulator),
        "caveat": None if settings is None else settings.simulator.spec.caveat,
        "sensors": [] if driver is None else list(driver.sensors),
        "settings": None if settings is None else settings.model_dump(mode="json"),
        "drives": drive.total,
        "driven": len(drive.done),
        "unfinished": drive.left,
        "crashed": drive.crashed,
        "scores": _scores(drive),
        "predictions": tally_of(drive.done.values()).model_dump(),
        "routes": [
            _line(drive, index) for index in sorted({*drive.done, *drive.damaged, *drive.left})
        ],
        "resume": _resume(drive),
        "report": exists(path / "report.html"),
        "broken": drive.broken,
        "doubts": drive.doubts,
    }


def _scores(drive: FoundDrive) -> dict[str, Any] | None:
    """The leaderboard's global record of the finished routes; None if there are none."""
    if not drive.done:
        return None
    records = [drive.done[index].record for index in sorted(drive.done)]
    rules = rules_of(drive.settings)
    form = LEADERBOARD_1_RESULTS if rules is None else rules.results
    found = form.global_record(records, len(records))
    scores = {
        "scores": found[form.means],
        **{name: found[name] for name in ("scores_std_dev", "infractions")},
    }
    repeats = 1 if drive.settings is None else drive.settings.repeats
    if repeats > 1 and not drive.left and not drive.damaged:
        scores["over_repeats"] = over_repeats(records, repeats)
    return {"over": len(records), **scores}


def _line(drive: FoundDrive, index: int) -> dict[str, Any]:
    """One drive of one route."""
    planned, repeat = drive.planned(index)
    place = {
        "index": index,
        "route": None if planned is None else planned.route_id,
        "town": None if planned is None else planned.town,
        "repeat": repeat,
    }
    route = drive.done.get(index)
    if route is None:
        return {**place, "state": "damaged" if index in drive.damaged else "not driven"}
    if planned is None:
        place["route"] = route.record.route_id.removeprefix(ROUTE_ID_PREFIX)
    return {**place, "state": "driven", **_record(route)}


def _record(route: StoredRoute) -> dict[str, Any]:
    record = route.record
    return {
        "status": record.status,
        **record.scores.model_dump(),
        "infractions": {kind: len(each) for kind, each in record.infractions.items() if each},
        "length_m": record.meta.route_length,
        "game_time_s": record.meta.duration_game,
        "wall_time_s": record.meta.duration_system,
        "failure": route.reason,
    }


def _resume(drive: FoundDrive) -> dict[str, Any]:
    """What `auxdrive drive --resume` would do with this folder."""
    refused = _refusals(drive) if any_route(drive.path) else []
    if refused:
        does = f"--resume is refused: {'; '.join(refused)}"
    elif drive.left:
        shown = ", ".join(f"#{index}" for index in drive.left[:10])
        more = f" and {len(drive.left) - 10} more" if len(drive.left) > 10 else ""
        does = (
            f"--resume, with the command that began it, drives {len(drive.left)} of {drive.total}: "
            f"{shown}{more}"
        )
    else:
        does = f"nothing is left to drive; --resume writes {RESULTS_NAME} and report.html anew"
    if drive.crashed and not refused:
        does += (
            f". --resume --retry-crashed drives {len(drive.crashed)} again on which the agent "
            f"itself failed: {', '.join(f'#{index}' for index in drive.crashed[:10])}"
        )
    return {"possible": not refused, "does": does}


def _refusals(drive: FoundDrive) -> list[str]:
    found = []
    if drive.settings is None:
        found.append(f"{SETTINGS_NAME} is damaged, choose another --out")
    elif drive.settings.auxdrive != __version__:
        found.append(changed("auxdrive", drive.settings.auxdrive, __version__))
    if drive.driver is None:
        found.append(f"{DRIVER_NAME} is damaged, choose another --out")
    if drive.damaged:
        named = ", ".join(f"routes/{index:05d}" for index in sorted(drive.damaged))
        found.append(f"remove what is damaged first: {named}")
    return found


def summarise_route(path: Path) -> dict[str, Any]:
    """Everything that `auxdrive inspect` shows of one route of an evaluation."""
    broken: list[str] = []
    route = tried(lambda: read_route(path), broken)
    above = path.resolve().parent.parent
    settings = tried(lambda: read_settings(above), []) if is_drive(above) else None
    said: Mapping[str, Any] = {}
    if route is not None:
        name = path.resolve().name
        index = int(name) if name.isdecimal() else route.record.index
        broken += [
            f"{path}: {mistake}" for mistake in mistakes_of_route(route, index, None, settings)
        ]
        said = _whole_route(route)
    return {
        "kind": "route",
        "path": str(path),
        "agent": None if settings is None else settings.driver,
        "simulator": None if settings is None else str(settings.simulator),
        "rules": None if settings is None else settings.rules,
        **said,
        "broken": broken,
        "doubts": [],
    }


def _whole_route(route: StoredRoute) -> dict[str, Any]:
    trace = route.trace
    places = np.stack([trace["x_m"], trace["y_m"]], axis=1)
    return {
        "index": route.record.index,
        "route_id": route.record.route_id,
        **_record(route),
        "events": [
            {
                "kind": event.kind.value,
                "time_s": event.time_s,
                "location_m": list(event.location),
                "message": event.message,
            }
            for event in route.events
        ],
        "path_driven": {
            "ticks": len(trace),
            "driven_m": float(polyline_length(places, euclidean)) if len(trace) > 1 else 0.0,
            "mean_speed_mps": float(trace["speed_mps"].mean()) if len(trace) else None,
            "largest_speed_mps": float(trace["speed_mps"].max()) if len(trace) else None,
            "largest_steer_deg": (
                float(np.degrees(np.abs(trace["steer_rad"]).max())) if len(trace) else None
            ),
        },
        "film": len(route.film),
        "scenarios": [asdict(scenario) for scenario in route.scenarios],
        "predictions": route.tally.model_dump(),
        "latency_ms": _latency(route),
        "interventions": [each.model_dump() for each in route.interventions],
        "kept": sorted(route.beside),
        "error": route.error,
        "output": route.output.splitlines()[-_OUTPUT_LINES:],
    }


def _latency(route: StoredRoute) -> dict[str, float] | None:
    """Percentiles of how long predictions took; None if there was none."""
    if not len(route.latency):
        return None
    return {
        f"{name}_p{percent}": float(np.percentile(route.latency[f"{name}_ms"], percent))
        for name in ("driver", "model")
        for percent in (50, 99)
    }
