"""The planned routes of an evaluation, as they stand in its folder (`plan.json`)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from auxdrive.errors import DataError
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import read_bytes
from auxdrive.strict import Strict
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.driving.settings import SETTINGS_NAME, hash_routes, read_settings
from auxdrive_eval.route import Route, RouteScenario
from auxdrive_eval.weather import RouteWeather, Weather
from auxdrive_eval.world import Point

PLAN_NAME = "plan.json"
_LARGEST_PLAN = 1 << 30


def write_plan(out: Path, routes: Sequence[Route]) -> None:
    """Write `plan.json`.

    Args:
        out: the evaluation's folder.
        routes: as planned.

    Raises:
        DataError: the disk cannot be written.
    """
    plans = [_plan(route).model_dump(mode="json") for route in routes]
    write_atomic(out / PLAN_NAME, json.dumps(plans).encode())


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
