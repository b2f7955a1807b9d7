"""Scenario files of leaderboard 1.0: where in each town which traffic situation may be set up.

{"available_scenarios": [{"Town01": [{"scenario_type": "Scenario3",
"available_event_configurations": [{"transform": {"x": "1.0", ...}, "other_actors": {"front":
[{...}]}?}]}]}]}. Numbers may stand in quotes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from auxdrive.errors import DataError, unknown_name
from auxdrive.frames import carla_yaw_to_world
from auxdrive.storage.reading import read_bytes, shown
from auxdrive.strict import parse_object

from auxdrive_eval.routes.spec import Place
from auxdrive_eval.routes.xml_elements import MAX_BYTES, MAX_NUMBER

_PLACE = ("x", "y", "z", "pitch", "yaw", "roll")


@dataclass(frozen=True, slots=True)
class ScenarioSite:
    """A place where a scenario may be set up.

    Attributes:
        kind: its type, such as "Scenario3".
        trigger: where the ego sets it off, in the world frame.
        actors: where others stand, by how they lie to the ego ("front", "left", "right").
    """

    kind: str
    trigger: Place
    actors: Mapping[str, tuple[Place, ...]] = field(default_factory=dict)


def load_scenarios(path: Path) -> dict[str, tuple[ScenarioSite, ...]]:
    """The sites of each town of a scenario file of leaderboard 1.0, in the file's order.

    Raises:
        DataError: the file cannot be read, is larger than 16 MiB or no JSON; a key is unknown,
            missing or there twice; or a number cannot be read, is not finite or is beyond 1e6 m.
            The message names the place within the document.
    """
    document = parse_object(read_bytes(path, MAX_BYTES), str(path))
    _refuse_unknown(document, f"{path}", ("available_scenarios",), ("available_scenarios",))
    towns: dict[str, tuple[ScenarioSite, ...]] = {}
    for number, entry in enumerate(_list(document["available_scenarios"], f"{path}")):
        where = f"{path}, available_scenarios[{number}]"
        for town, kinds in _object(entry, where).items():
            place = f"{where}, {shown(town)}"
            if town in towns:
                raise DataError(f"{place}: this town stands there twice")
            towns[town] = tuple(
                site
                for index, kind in enumerate(_list(kinds, place))
                for site in _sites(kind, f"{place}[{index}]")
            )
    return towns


def _sites(entry: Any, where: str) -> list[ScenarioSite]:
    keys = ("scenario_type", "available_event_configurations")
    fields = _refuse_unknown(entry, where, keys, keys)
    kind = fields["scenario_type"]
    if not isinstance(kind, str) or not kind:
        raise DataError(f"{where}: scenario_type is {shown(kind)}, no name")
    sites = []
    for index, site in enumerate(_list(fields[keys[1]], f"{where}, {keys[1]}")):
        place = f"{where} ({shown(kind)}), {keys[1]}[{index}]"
        parts = _refuse_unknown(site, place, ("transform",), ("transform", "other_actors"))
        # TransFuser's files have null where nobody else is.
        actors = _object(parts.get("other_actors") or {}, f"{place}, other_actors")
        sites.append(
            ScenarioSite(
                kind,
                _place(parts["transform"], f"{place}, transform"),
                {
                    side: tuple(
                        _place(actor, f"{place}, other_actors, {shown(side)}[{k}]")
                        for k, actor in enumerate(_list(group, f"{place}, {shown(side)}"))
                    )
                    for side, group in actors.items()
                },
            )
        )
    return sites


def _place(value: Any, where: str) -> Place:
    fields = _refuse_unknown(value, where, ("x", "y", "z", "yaw"), (*_PLACE, "model"))
    x_m, y_right_m, z_m, _, yaw_deg, _ = (
        _number(fields.get(name, 0.0), f"{where}, {name}") for name in _PLACE
    )
    return Place(x_m, 0.0 - y_right_m, z_m, float(carla_yaw_to_world(yaw_deg)))


def _number(value: Any, where: str) -> float:
    try:  # float() takes 1_000 and the digits of other scripts
        if isinstance(value, bool) or (
            isinstance(value, str) and ("_" in value or not value.isascii())
        ):
            raise ValueError
        number = float(value)
    except (ValueError, TypeError, OverflowError):
        raise DataError(f"{where}: {shown(value)} is no number") from None
    if not math.isfinite(number) or abs(number) > MAX_NUMBER:
        raise DataError(f"{where}: {shown(value)} is not a finite number within 1e6")
    return number


def _refuse_unknown(
    value: Any, where: str, needed: tuple[str, ...], known: tuple[str, ...]
) -> dict[str, Any]:
    fields = _object(value, where)
    for name in fields:
        if name not in known:
            raise DataError(f"{where}: {unknown_name('key', name, known)}")
    for name in needed:
        if name not in fields:
            raise DataError(f"{where}: has no {name}")
    return fields


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{where}: is {shown(value)}, no JSON object")
    return value


def _list(value: Any, where: str) -> list[Any]:
    if not isinstance(value, list):
        raise DataError(f"{where}: is {shown(value)}, no list")
    return value
