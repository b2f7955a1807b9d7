"""Scenarios of the embedded simulator: the table of them, and the names under which route files
ask for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auxdrive.errors import unknown_name
from auxdrive.registry import Registry, subclass_of

if TYPE_CHECKING:
    from auxdrive_eval.simulators.embedded.scenarios.base import Scenario

_HERE = "auxdrive_eval.simulators.embedded.scenarios"
SCENARIOS: Registry[type[Scenario]] = Registry(
    "scenario",
    "auxdrive.scenarios",
    {
        "ControlLoss": f"{_HERE}.control_loss:ControlLoss",
        "FollowLeadingVehicle": f"{_HERE}.hard_brake:HardBrake",
        "DynamicObjectCrossing": f"{_HERE}.dynamic_object_crossing:DynamicObjectCrossing",
        "ParkingCrossingPedestrian": (
            f"{_HERE}.parking_crossing_pedestrian:ParkingCrossingPedestrian"
        ),
        "PedestrianCrossing": f"{_HERE}.pedestrian_crossing:PedestrianCrossing",
        "VehicleTurningRoute": f"{_HERE}.vehicle_turning:VehicleTurningRoute",
        "VehicleTurningRoutePedestrian": f"{_HERE}.vehicle_turning:VehicleTurningRoutePedestrian",
        "ParkingCutIn": f"{_HERE}.parking_cut_in:ParkingCutIn",
        "StaticCutIn": f"{_HERE}.static_cut_in:StaticCutIn",
        "StationaryObjectCrossing": f"{_HERE}.stationary_object:StationaryObject",
        "OppositeVehicleRunningRedLight": f"{_HERE}.red_light_runner:RedLightRunner",
        "SignalizedJunctionLeftTurn": f"{_HERE}.left_turn:LeftTurn",
        "NonSignalizedJunctionLeftTurn": f"{_HERE}.left_turn:LeftTurnWithoutLights",
        "SignalizedJunctionRightTurn": f"{_HERE}.red_light_runner:RightTurn",
        "NonSignalizedJunctionRightTurn": f"{_HERE}.red_light_runner:RightTurnWithoutLights",
        "OppositeVehicleTakingPriority": f"{_HERE}.red_light_runner:TakingPriority",
        "OtherLeadingVehicle": f"{_HERE}.other_leading_vehicle:OtherLeadingVehicle",
    },
    check=subclass_of(f"{_HERE}.base:Scenario"),
)
"""By the names of scenario_runner."""
OTHER_NAMES = {
    "Scenario1": "ControlLoss",
    "Scenario2": "FollowLeadingVehicle",
    "HardBreakRoute": "FollowLeadingVehicle",
    "Scenario3": "DynamicObjectCrossing",
    "Scenario4": "VehicleTurningRoute",
    "Scenario5": "OtherLeadingVehicle",
    "Scenario7": "OppositeVehicleRunningRedLight",
    "Scenario8": "SignalizedJunctionLeftTurn",
    "Scenario9": "SignalizedJunctionRightTurn",
    "Scenario10": "OppositeVehicleTakingPriority",
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
