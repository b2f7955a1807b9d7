"""The town of an OpenDRIVE file as the one town of a simulator."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

from auxdrive.errors import DataError, SimulatorError
from auxdrive.storage.reading import read_bytes

from auxdrive_eval.road_maps.carla_map import MAX_BYTES, open_map
from auxdrive_eval.route import Route
from auxdrive_eval.routes.planner import RoutePlanner
from auxdrive_eval.simulators.embedded.opendrive.planning import MapPlanner
from auxdrive_eval.simulators.embedded.opendrive.reading import read_town
from auxdrive_eval.simulators.embedded.opendrive.town import TownOfMap
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point

_OPTIMISED = "_Opt"
"""CARLA has some towns in two versions with the same roads: Town10HD and Town10HD_Opt."""


def file_sha256(path: Path) -> str:
    """The SHA-256 of a map's file, by which its town is known again.

    Raises:
        DataError: the file cannot be read, or is too large.
    """
    return hashlib.sha256(read_bytes(path, MAX_BYTES)).hexdigest()


class OpenDriveTown:
    """The town of one OpenDRIVE file, a `TownSource`. The last few are kept in memory.

    Args:
        path: of the file (.xodr, .xodr.gz).
        sha256: what the file must have.

    Raises:
        DataError: the file is another one than it was, cannot be read, or is no map that can be
            driven on.
        MissingExtra: the extra [carla] is not installed.
    """

    def __init__(self, path: Path, sha256: str) -> None:
        if file_sha256(path) != sha256:
            raise DataError(
                f"{path}: is another file than when these settings were made (its SHA-256 was "
                f"{sha256}); bring that file back, or begin anew"
            )
        self._path = path
        self._read = _read(path, sha256)
        self._town = self._read.town

    def town(self, name: str) -> Town:
        """The town.

        Args:
            name: must be that of the file.

        Raises:
            SimulatorError: it is another town's.
        """
        if name.removesuffix(_OPTIMISED) != self._town.name.removesuffix(_OPTIMISED):
            raise SimulatorError(
                f"'{name}' is not the town of {self._path}, which is {self._town.name}; give that "
                "town's own file as --town, and its routes in a file of their own"
            )
        return self._town

    def name_of(self, seed: int) -> str:  # noqa: ARG002 - the protocol's signature
        """The name of its town.

        Args:
            seed: plays no part.
        """
        return self._town.name

    def plan(
        self,
        graph: LaneGraph,
        keypoints: Sequence[Point],
        route_id: str,
        weather: Weather | None,
        yaws_rad: Sequence[float | None],
    ) -> Route:
        """The route through keypoints, as the leaderboard plans it (`MapPlanner`).

        Args:
            graph: the lanes of its town.
            keypoints: two or more (x, y) in the world frame, metres.
            route_id: id of the route.
            weather: None is the default.
            yaws_rad: heading of the lane at each keypoint, which plays no part.

        Raises:
            SimulatorError: no route fits these keypoints.
            MissingExtra: networkx is not installed.
        """
        return self._planner.plan(graph, keypoints, route_id, weather or Weather(), yaws_rad)

    @cached_property
    def _planner(self) -> MapPlanner:
        return MapPlanner(RoutePlanner(open_map(self._path)), self._read.lanes_of)


@lru_cache(maxsize=4)
def _read(path: Path, sha256: str) -> TownOfMap:  # noqa: ARG001 - tells one content from another
    return read_town(path)
