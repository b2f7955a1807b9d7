"""Bench2Drive's five abilities: the share of successes in groups of scenario types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

VERSIONS = ("0.0.3", "0.0.4")
SIGNS = "Traffic_Signs"
_JUNCTION = ("Merging", SIGNS)
_BRAKE_AND_SIGNS = ("Emergency_Brake", SIGNS)
ABILITIES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "Accident", "AccidentTwoWays", "ConstructionObstacle", "ConstructionObstacleTwoWays",
            "HazardAtSideLane", "HazardAtSideLaneTwoWays", "ParkedObstacle",
            "ParkedObstacleTwoWays", "VehicleOpensDoorTwoWays",
        ),
        ("Overtaking",),
    ),
    **dict.fromkeys(
        (
            "HighwayCutIn", "HighwayExit", "InterurbanActorFlow", "InterurbanAdvancedActorFlow",
            "MergerIntoSlowTraffic", "MergerIntoSlowTrafficV2", "ParkingExit",
            "SequentialLaneChange",
        ),
        ("Merging",),
    ),
    **dict.fromkeys(
        (
            "CrossingBicycleFlow", "EnterActorFlow", "NonSignalizedJunctionLeftTurn",
            "NonSignalizedJunctionLeftTurnEnterFlow", "NonSignalizedJunctionRightTurn",
            "SignalizedJunctionLeftTurn", "SignalizedJunctionLeftTurnEnterFlow",
            "SignalizedJunctionRightTurn",
        ),
        _JUNCTION,
    ),
    **dict.fromkeys(
        (
            "ControlLoss", "DynamicObjectCrossing", "HardBreakRoute", "ParkingCrossingPedestrian",
            "ParkingCutIn", "StaticCutIn",
        ),
        ("Emergency_Brake",),
    ),
    **dict.fromkeys(
        (
            "BlockedIntersection", "OppositeVehicleRunningRedLight",
            "OppositeVehicleTakingPriority", "PedestrianCrossing", "VehicleTurningRoute",
            "VehicleTurningRoutePedestrian",
        ),
        _BRAKE_AND_SIGNS,
    ),
    **dict.fromkeys(("InvadingTurn", "YieldToEmergencyVehicle"), ("Give_Way",)),
    **dict.fromkeys(
        (
            "T_Junction", "VanillaNonSignalizedTurn", "VanillaNonSignalizedTurnEncounterStopsign",
            "VanillaSignalizedTurnEncounterGreenLight", "VanillaSignalizedTurnEncounterRedLight",
        ),
        (SIGNS,),
    ),
}  # fmt: skip
"""Which abilities a scenario type counts for."""
NAMES = ("Overtaking", "Merging", "Emergency_Brake", "Give_Way", SIGNS)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A route that was driven.

    Attributes:
        scenario: its scenario type.
        success: whether it counts as a success.
        completion: how much of it was driven, 0..1.
        ran_sign: whether a red light or a stop sign was run.
        junction_share: the share of the route at which its first junction is behind the ego; None
            if it is not known. The benchmark's tool takes (n + 8) / (number of dense points), where
            the n-th point is the first in a junction.
    """

    scenario: str
    success: bool
    completion: float
    ran_sign: bool
    junction_share: float | None = None

    @property
    def asks_where(self) -> bool:
        """Whether only the place of its first junction tells if it counts."""
        return SIGNS in ABILITIES.get(self.scenario, ()) and self.passed_sign is None

    @property
    def passed_sign(self) -> bool | None:
        """Whether the ego passed the junction and ran no sign; None if it is not known. Who drove
        the whole route has passed it.
        """
        if self.ran_sign:
            return False
        if self.success:
            return True
        return None if self.junction_share is None else self.completion > self.junction_share


@dataclass(frozen=True, slots=True)
class Share:
    """A share of successes, 0..1: between `low` and `high`, which are equal where it is known.

    Attributes:
        routes: how many were counted.
    """

    low: float
    high: float
    routes: int


def abilities(attempts: Sequence[Attempt], version: str) -> dict[str, Share | None]:
    """Each ability's share of successes, and under "mean" that of the five. None where no route
    counts for it.

    On routes with signs, a route that failed only after its first junction, and ran no sign, counts
    as well. Version 0.0.3 counts every such route twice: as a success or not, and as passed or not.
    Version 0.0.4 counts it once, as a success if either holds.

    Args:
        attempts: of the routes that were driven; those without a result do not count.
        version: of Bench2Drive, one of `VERSIONS`.
    """
    found: dict[str, Share | None] = {}
    for name in NAMES:
        group = [each for each in attempts if name in ABILITIES.get(each.scenario, ())]
        found[name] = _share(group, version, name == SIGNS) if group else None
    known = [share for share in found.values() if share is not None]
    found["mean"] = (
        Share(
            sum(share.low for share in known) / len(known),
            sum(share.high for share in known) / len(known),
            len(attempts),
        )
        if len(known) == len(NAMES)
        else None
    )
    return found


def _share(group: Sequence[Attempt], version: str, signs: bool) -> Share:
    successes = sum(each.success for each in group)
    if not signs:
        return Share(successes / len(group), successes / len(group), len(group))
    counted = group if version == "0.0.3" else [each for each in group if not each.success]
    passed = sum(each.passed_sign is True for each in counted)
    unknown = sum(each.passed_sign is None for each in counted)
    times = 2 if version == "0.0.3" else 1
    low = (successes + passed) / (times * len(group))
    return Share(low, low + unknown / (times * len(group)), len(group))
