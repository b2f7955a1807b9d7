"""The folder of an evaluation: its files beside the finished routes, who may begin or continue an
evaluation in it, and the results document.

settings.json    what decides the results (`EvaluationSettings`)
driver.json      what the driver consists of, file by file (`DriverIdentity`)
plan.json        the planned routes
results.json     the leaderboard's document, rewritten after every route
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.errors import DataError
from auxdrive.mistakes import mistakes_of
from auxdrive.storage.claims import FolderKind
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import is_file, read_bytes
from auxdrive.strict import Strict
from auxdrive.types import Float64, RoadOption
from pydantic import BaseModel, Field, ValidationError

from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.fingerprint import fingerprint, hash_files, names_of_files
from auxdrive_eval.driving.settings import (
    SETTINGS_NAME,
    EvaluationSettings,
    differences,
    hash_routes,
    read_settings,
)
from auxdrive_eval.driving.stored.route import StoredRoute, tally_of
from auxdrive_eval.driving.stored.route_files import any_route
from auxdrive_eval.route import Route, RouteScenario
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.repeats import over_repeats
from auxdrive_eval.weather import RouteWeather, Weather
from auxdrive_eval.world import Point

RESULTS_NAME = "results.json"
DRIVER_NAME = "driver.json"
PLAN_NAME = "plan.json"
_BESIDE = (SETTINGS_NAME, DRIVER_NAME, PLAN_NAME, RESULTS_NAME)
_LARGEST_PLAN = 1 << 30
_NAMED = 5


def is_drive(path: Path) -> bool:
    """Whether this is the folder of an evaluation; it need not be complete."""
    return sum(is_file(path / name) for name in _BESIDE) >= 2


class DriverIdentity(Strict):
    """What the driver consists of.

    Attributes:
        sha256: hash of everything; empty for the expert.
        files: SHA-256 of each file by its name; empty if the agent states its own fingerprint.
        made_while_driving: files that appeared in the agent's folder during the drive, such as
            logs. They do not belong to the agent.
        sensors: the leaderboard's names of its sensors; empty if the agent could not be set up.
        camera: through which it sees; None for the expert, and where it could not be set up.
    """

    sha256: str = ""
    files: dict[str, str] = Field(default={})
    made_while_driving: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    camera: CameraSpec | None = None

    def changes(self, now: DriverIdentity) -> str:
        """The differences between this driver and a later one in words; empty if there are none."""
        if self.sha256 == now.sha256:
            return ""
        changed = sorted(
            name
            for name in self.files.keys() & now.files.keys()
            if self.files[name] != now.files[name]
        )
        words = [f"{name} changed" for name in changed]
        words += [f"{name} is new" for name in sorted(now.files.keys() - self.files.keys())]
        words += [f"{name} is gone" for name in sorted(self.files.keys() - now.files.keys())]
        more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
        return (
            "the agent is another one: "
            f"{', '.join(words[:_NAMED]) or 'it says another fingerprint'}{more}"
        )

    def with_new_files(self, agent: AgentSource, out: Path) -> DriverIdentity:
        """The same, with the files that have appeared since in `made_while_driving`.

        Args:
            agent: whose folder is looked at; its files are not read.
            out: the evaluation's folder, which does not belong to the agent.

        Raises:
            UsageError: the agent's folder cannot be read.
        """
        if not self.files:
            return self
        new = names_of_files(agent.path, out) - self.files.keys()
        return self.model_copy(
            update={"made_while_driving": tuple(sorted(new | set(self.made_while_driving)))}
        )


def identify(
    agent: AgentSource | None,
    said: str | None,
    sensors: Sequence[str],
    out: Path,
    before: DriverIdentity,
) -> DriverIdentity:
    """Find out what the driver consists of now.

    Args:
        agent: where the agent is loaded from; None for the expert.
        said: the agent's own fingerprint; None if it states none, and then its files are hashed.
        sensors: the leaderboard's names of its sensors, such as "carla_camera".
        out: the evaluation's folder, which does not belong to the agent.
        before: the driver of the evaluation that is being resumed, or an empty one. Files that it
            lists as made while driving are no part of the agent.

    Raises:
        UsageError: its files cannot be read.
    """
    if agent is None:
        return DriverIdentity(sensors=tuple(sensors))
    if said is not None:
        return DriverIdentity(sha256=fingerprint({"said": said}), sensors=tuple(sensors))
    made = before.made_while_driving
    files = {name: value for name, value in hash_files(agent.path, out).items() if name not in made}
    return DriverIdentity(
        sha256=fingerprint(files), files=files, made_while_driving=made, sensors=tuple(sensors)
    )


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
    write_atomic(out / SETTINGS_NAME, _json(settings))
    write_driver(out, driver)
    write_atomic(
        out / PLAN_NAME,
        json.dumps([_plan(route).model_dump(mode="json") for route in routes]).encode(),
    )


def write_driver(out: Path, driver: DriverIdentity) -> None:
    """Write `driver.json`.

    Args:
        out: the evaluation's folder.
        driver: what the driver consists of.

    Raises:
        DataError: the disk cannot be written.
    """
    write_atomic(out / DRIVER_NAME, _json(driver))


def read_driver(folder: Path) -> DriverIdentity:
    """Read the driver of an evaluation.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = folder / DRIVER_NAME
    try:
        return DriverIdentity.model_validate_json(read_bytes(path, _LARGEST_PLAN))
    except ValidationError as error:
        raise DataError(
            f"{path}: is damaged ({mistakes_of(error)[0]}); choose another --out"
        ) from error


def _json(model: BaseModel) -> bytes:
    # Not with pydantic's writer: file names may hold bytes that are not UTF-8.
    return json.dumps(model.model_dump(mode="json"), indent=2).encode() + b"\n"


class _Plan(Strict):
    """A `Route` in JSON."""

    route_id: str
    town: str
    keypoints: tuple[Point, ...]
    points: tuple[Point, ...]
    yaw_rad: tuple[float, ...]
    options: tuple[RoadOption, ...]
    weather: Weather
    lane_ids: tuple[int, ...]
    scenarios: tuple[RouteScenario, ...] = ()
    heights_m: tuple[float, ...] = ()
    weathers: tuple[RouteWeather, ...] = ()


def _plan(route: Route) -> _Plan:
    values = {**asdict(route), "points": route.points.tolist(), "yaw_rad": route.yaw_rad.tolist()}
    return _Plan.model_validate(values)


def read_plan(folder: Path) -> tuple[Route, ...]:
    """Read the planned routes of an evaluation.

    Raises:
        DataError: there is no plan, it is damaged, or it is not the plan of the settings.
    """
    path = folder / PLAN_NAME
    try:
        plans = [_Plan.model_validate(plan) for plan in json.loads(read_bytes(path, _LARGEST_PLAN))]
    except (ValueError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: is damaged ({error})") from error
    routes = tuple(_route(plan) for plan in plans)
    if hash_routes(routes) != read_settings(folder).routes_sha256:
        raise DataError(f"{path}: is damaged: these are not the routes of {SETTINGS_NAME}")
    return routes


def _route(plan: _Plan) -> Route:
    points: Float64 = np.array(plan.points, np.float64).reshape(-1, 2)
    values = {name: getattr(plan, name) for name in _Plan.model_fields}
    return Route(**{**values, "points": points, "yaw_rad": np.array(plan.yaw_rad, np.float64)})


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
