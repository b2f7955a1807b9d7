"""The towns of one simulator, each with what is computed from it only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.ego.giving_way import GivingWay
from auxdrive_eval.simulators.embedded.ego.obstacles import StaticObstacles
from auxdrive_eval.simulators.embedded.ego.sight import Screens
from auxdrive_eval.simulators.embedded.ego.signal_places import SignalPlaces
from auxdrive_eval.simulators.embedded.road_map import EmbeddedRoadMap
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point

MOST_KITS = 4
"""How many towns are kept; the one that was made first goes first."""


class TownSource(Protocol):
    """Where the towns of a simulator come from."""

    def town(self, name: str) -> Town:
        """The town of a name, which is always the same.

        Raises:
            SimulatorError: there is no such town.
        """

    def name_of(self, seed: int) -> str:
        """The name of the town in which the route of a seed lies.

        Raises:
            SimulatorError: the seed has no town.
        """

    def plan(
        self,
        graph: LaneGraph,
        keypoints: Sequence[Point],
        route_id: str,
        weather: Weather | None,
        yaws_rad: Sequence[float | None],
    ) -> Route:
        """The route through keypoints of one of its towns.

        Args:
            graph: the lanes of the town.
            keypoints: two or more (x, y) in the world frame, metres.
            route_id: id of the route.
            weather: None is the default.
            yaws_rad: heading of the lane at each keypoint; None where it is not known. Empty if
                none is known.

        Raises:
            SimulatorError: no route fits these keypoints.
        """


@dataclass(frozen=True, slots=True)
class TownKit:
    """A town, and what is computed from it only once."""

    graph: LaneGraph
    obstacles: StaticObstacles
    roads: EmbeddedRoadMap
    screens: Screens
    signals: SignalPlaces
    rules: GivingWay


def kit_of(town: Town) -> TownKit:
    """The kit of a town."""
    graph = LaneGraph(town)
    return TownKit(
        graph,
        StaticObstacles(town),
        EmbeddedRoadMap(graph),
        Screens(town),
        SignalPlaces(town),
        GivingWay(town),
    )


class TownKits:
    """The last few towns that were asked for.

    Args:
        source: where they come from.
    """

    def __init__(self, source: TownSource) -> None:
        self._source = source
        self._kits: dict[str, TownKit] = {}

    def of(self, town: str) -> TownKit:
        """The kit of a town, by the town's name.

        Raises:
            SimulatorError: there is no such town.
        """
        kit = self._kits.get(town)
        if kit is None:
            kit = kit_of(self._source.town(town))
            if len(self._kits) >= MOST_KITS:
                self._kits.pop(next(iter(self._kits)))
            self._kits[town] = kit
        return kit
