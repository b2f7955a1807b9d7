"""Joining the shards of one evaluation. The result is what one run over all of their routes would
have written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auxdrive.errors import DataError, UsageError
from auxdrive.storage.folders import held, refuse_occupied

from auxdrive_eval.driving.settings import (
    EvaluationSettings,
    differences,
    hash_routes,
    read_settings,
)
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity, read_driver
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.folder import write_folder, write_results
from auxdrive_eval.driving.stored.plan import read_plan
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import load_route, save_route
from auxdrive_eval.route import Route

_NAMED = 5
_OF_A_SHARD = ("routes_sha256", "route_count")


@dataclass(frozen=True, slots=True)
class Shard:
    """A finished evaluation.

    Attributes:
        folder: where it is stored.
        settings: what decided its results.
        driver: what the driver consists of.
        routes: as planned, each once.
        driven: for each route its drives, in the order of the repeats.
    """

    folder: Path
    settings: EvaluationSettings
    driver: DriverIdentity
    routes: tuple[Route, ...]
    driven: tuple[tuple[StoredRoute, ...], ...]


def merge(folders: Sequence[Path], out: Path, order: Sequence[Route] | None = None) -> Evaluation:
    """Join evaluations of different routes that were driven with equal settings, and write the
    folder that one run would have written.

    Args:
        folders: of finished evaluations, at least one.
        out: the folder to write; it must be empty or not exist.
        order: the routes that there must be, in this order; None takes the order of the folders.

    Raises:
        UsageError: settings differ, a route was driven in two folders, routes are missing, or `out`
            is not empty.
        DataError: a folder is not an evaluation, or is damaged.
    """
    refuse_occupied(out)
    whole = _joined([read_shard(folder) for folder in folders], out, order)
    driven = tuple(drive for drives in whole.driven for drive in drives)
    with held(out):
        for drive in driven:
            save_route(out, drive)
        write_folder(out, whole.settings, whole.driver, whole.routes)
        document = write_results(
            out,
            whole.settings,
            {drive.record.index: drive for drive in driven},
            whole.driver.sensors,
        )
    return Evaluation(
        document,
        whole.settings,
        driven,
        tuple(route for route in whole.routes for _ in range(whole.settings.repeats)),
    )


def _joined(shards: Sequence[Shard], out: Path, order: Sequence[Route] | None) -> Shard:
    """The evaluation in `out` that consists of all shards. Nothing is written."""
    _refuse_unequal(shards)
    _refuse_duplicates(shards)
    pairs = [
        (route, drives)
        for shard in shards
        for route, drives in zip(shard.routes, shard.driven, strict=True)
    ]
    if order is not None:
        pairs = _in_order(pairs, order)
    routes = tuple(route for route, _ in pairs)
    first = shards[0]
    settings = first.settings.model_copy(
        update={"routes_sha256": hash_routes(routes), "route_count": len(routes)}
    )
    made = {name for shard in shards for name in shard.driver.made_while_driving}
    driver = first.driver.model_copy(
        update={"made_while_driving": tuple(sorted(made)), "sensors": _sensors(shards)}
    )
    driven = tuple(
        tuple(drive.at(number * settings.repeats + repeat) for repeat, drive in enumerate(drives))
        for number, (_, drives) in enumerate(pairs)
    )
    return Shard(out, settings, driver, routes, driven)


def read_shard(folder: Path) -> Shard:
    """Read a finished evaluation.

    Raises:
        UsageError: the evaluation is not finished.
        DataError: there is none, or it is damaged.
    """
    settings, routes = read_settings(folder), read_plan(folder)
    if len(routes) != settings.route_count:
        raise DataError(
            f"{folder}: is damaged: its plan holds {len(routes)} routes, and its settings say "
            f"{settings.route_count}"
        )
    repeats = settings.repeats
    found = [
        [load_route(folder, number * repeats + repeat) for repeat in range(repeats)]
        for number in range(len(routes))
    ]
    missing = [
        f"route {route.route_id} ({route.town})" + (f", repeat {repeat}" if repeats > 1 else "")
        for route, drives in zip(routes, found, strict=True)
        for repeat, drive in enumerate(drives)
        if drive is None
    ]
    if missing:
        raise UsageError(
            f"{folder}: is not finished: {_some(missing)} not driven; go on with `auxdrive drive "
            "... --resume`"
        )
    driven = tuple(tuple(drive for drive in drives if drive is not None) for drives in found)
    return Shard(folder, settings, read_driver(folder), routes, driven)


def _refuse_unequal(shards: Sequence[Shard]) -> None:
    first = shards[0]
    for shard in shards[1:]:
        changed = differences(first.settings, shard.settings, but=(*_OF_A_SHARD, "driver_sha256"))
        if first.settings.driver_sha256 != shard.settings.driver_sha256:
            changed.append(first.driver.changes(shard.driver))
        if changed:
            raise UsageError(
                f"{shard.folder}: was driven under other settings than {first.folder}: "
                f"{'; '.join(changed)}"
            )


def _refuse_duplicates(shards: Sequence[Shard]) -> None:
    owner: dict[tuple[str, str], Path] = {}
    for shard in shards:
        here = {_key(route) for route in shard.routes}
        twice = sorted(here & owner.keys())
        if twice:
            named = _some([f"route {route_id} ({town})" for town, route_id in twice])
            raise UsageError(
                f"{shard.folder}: {named} driven in {owner[twice[0]]} as well; each route belongs "
                "to one shard"
            )
        owner.update(dict.fromkeys(here, shard.folder))


def _in_order(
    pairs: list[tuple[Route, tuple[StoredRoute, ...]]], order: Sequence[Route]
) -> list[tuple[Route, tuple[StoredRoute, ...]]]:
    driven = {_key(route): (route, drives) for route, drives in pairs}
    wanted = {_key(route): route for route in order}
    missing = [
        f"route {route_id} ({town})" for town, route_id in wanted if (town, route_id) not in driven
    ]
    if missing:
        raise UsageError(f"the shards have a hole: {_some(missing)} not driven in any of them")
    surplus = [
        f"route {route_id} ({town})" for town, route_id in driven if (town, route_id) not in wanted
    ]
    if surplus:
        raise UsageError(
            f"the shards hold more than the routes that are asked for: {_some(surplus)} not among "
            "these"
        )
    other = [
        f"route {route.route_id} ({route.town})"
        for key, route in wanted.items()
        if hash_routes([route]) != hash_routes([driven[key][0]])
    ]
    if other:
        raise UsageError(
            f"the shards were driven on other routes of these names: {_some(other)} different"
        )
    return [driven[key] for key in wanted]


def _key(route: Route) -> tuple[str, str]:
    return route.town, route.route_id


def _sensors(shards: Sequence[Shard]) -> tuple[str, ...]:
    """The sensors of the first shard whose agent could be set up. The agents are equal, so its
    sensors are those of all.
    """
    return next((shard.driver.sensors for shard in shards if shard.driver.sensors), ())


def _some(names: Sequence[str]) -> str:
    """The first few names, and how many more there are, with the verb that agrees with them."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more} {'is' if len(names) == 1 else 'are'}"
