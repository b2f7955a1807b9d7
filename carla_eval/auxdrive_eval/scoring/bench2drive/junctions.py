"""Where the first junction of a route lies behind the ego, as Bench2Drive's abilities ask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from auxdrive.errors import SimulatorError
from auxdrive.storage.reading import exists

from auxdrive_eval.road_maps import LaneId, RoadMap, open_map
from auxdrive_eval.routes.planner import HOP_M, RoutePlanner
from auxdrive_eval.routes.spec import RouteSpec

BEHIND_POINTS = 8
"""So many dense points farther on, the ego has left the stop line behind."""
_ENDINGS = (".xodr", ".xodr.gz", "_Opt.xodr", "_Opt.xodr.gz")


class Junctions:
    """The share of a route at which its first junction is behind the ego, by the route's id. Maps
    are read and routes planned when they are asked for.

    Args:
        specs: the routes of the benchmark.
        folder: with the OpenDRIVE file of each town, such as `Town05.xodr` or `Town05.xodr.gz`.
    """

    def __init__(self, specs: Sequence[RouteSpec], folder: Path) -> None:
        self._specs = {spec.route_id: spec for spec in specs}
        self._folder = folder
        self._towns: dict[str, Town | None] = {}

    def __call__(self, route_id: str) -> float | None:
        """The share, which may lie above 1; None if there is no such route, no map of its town, no
        way through its keypoints, or no junction on it.

        Args:
            route_id: as in the file of routes.

        Raises:
            DataError: the map of its town is damaged.
            MissingExtra: the extra [carla] is not installed.
        """
        spec = self._specs.get(route_id)
        town = None if spec is None else self._town(spec.town)
        return None if spec is None or town is None else town.junction_share(spec)

    def _town(self, name: str) -> Town | None:
        if name not in self._towns:
            paths = [self._folder / f"{name}{ending}" for ending in _ENDINGS]
            found = next((path for path in paths if exists(path)), None)
            self._towns[name] = None if found is None else Town(open_map(found))
        return self._towns[name]


class Town:
    """A town in which routes are planned.

    Args:
        road_map: of the town.
    """

    def __init__(self, road_map: RoadMap) -> None:
        self._planner = RoutePlanner(road_map, HOP_M)
        self._in_junctions: frozenset[LaneId] = frozenset(
            segment.entry.lane for segment in road_map.segments(HOP_M) if segment.entry.in_junction
        )

    def junction_share(self, spec: RouteSpec) -> float | None:
        """See `Junctions`.

        Args:
            spec: the route.
        """
        try:
            lanes = self._planner.plan(spec).lanes
        except SimulatorError:
            return None
        first = next((n for n, lane in enumerate(lanes, start=1) if lane in self._in_junctions), 0)
        return (first + BEHIND_POINTS) / len(lanes) if first else None
