"""The towns of one simulator, each with what is computed from it only once."""

from __future__ import annotations

from dataclasses import dataclass

from auxdrive_eval.simulators.embedded.ego.obstacles import StaticObstacles
from auxdrive_eval.simulators.embedded.road_map import EmbeddedRoadMap
from auxdrive_eval.simulators.embedded.town.generate import town_from_name
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph

MOST_KITS = 4
"""How many towns are kept; the one that was made first goes first."""


@dataclass(frozen=True, slots=True)
class TownKit:
    """A town, and what is computed from it only once."""

    graph: LaneGraph
    obstacles: StaticObstacles
    roads: EmbeddedRoadMap


class TownKits:
    """The last few towns that were asked for."""

    def __init__(self) -> None:
        self._kits: dict[str, TownKit] = {}

    def of(self, town: str) -> TownKit:
        """The kit of a town, by the town's name.

        Raises:
            SimulatorError: there is no embedded town of that name.
        """
        kit = self._kits.get(town)
        if kit is None:
            built = town_from_name(town)
            graph = LaneGraph(built)
            kit = TownKit(graph, StaticObstacles(built), EmbeddedRoadMap(graph))
            if len(self._kits) >= MOST_KITS:
                self._kits.pop(next(iter(self._kits)))
            self._kits[town] = kit
        return kit
