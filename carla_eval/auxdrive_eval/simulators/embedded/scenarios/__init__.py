"""Scenarios of the embedded simulator: the table of them, and the names under which route files
ask for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.errors import unknown_name
from auxdrive.registry import Registry

if TYPE_CHECKING:
    from auxdrive_eval.simulators.embedded.scenarios.base import Scenario

_HERE = "auxdrive_eval.simulators.embedded.scenarios"
SCENARIOS: Registry[type[Scenario]] = Registry(
    "scenario",
    "auxdrive.scenarios",
    {
        "FollowLeadingVehicle": f"{_HERE}.hard_brake:HardBrake",
        "DynamicObjectCrossing": f"{_HERE}.dynamic_object_crossing:DynamicObjectCrossing",
    },
)
"""By the names of scenario_runner."""
OTHER_NAMES = {
    "Scenario2": "FollowLeadingVehicle",
    "HardBreakRoute": "FollowLeadingVehicle",
    "Scenario3": "DynamicObjectCrossing",
}
"""What leaderboard 1.0 and 2.x call them in their files, where that is another name."""
ALL = "all"


def known_kind(name: str) -> str | None:
    """The scenario that a file or a user means; None if there is none."""
    kind = OTHER_NAMES.get(name, name)
    return kind if kind in SCENARIOS else None


def chosen_kinds(text: str) -> tuple[str, ...]:
    """The scenarios that a user chose: names with commas between, or 'all'; none for ''.

    Raises:
        ValueError: a name is not known; the message names the nearest.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    if names == [ALL]:
        return tuple(SCENARIOS)
    kinds = []
    for name in names:
        kind = known_kind(name)
        if kind is None:
            raise ValueError(unknown_name("scenario", name, [*SCENARIOS, *OTHER_NAMES, ALL]))
        kinds.append(kind)
    return tuple(kind for kind in SCENARIOS if kind in kinds)
