"""Towns from seeds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from auxdrive.errors import SimulatorError

from auxdrive_eval.random_streams import stream
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph
from auxdrive_eval.simulators.embedded.town.lanes import build_network
from auxdrive_eval.simulators.embedded.town.layout import Layout, draft_layout
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.simulators.embedded.town.props import SIDEWALK_WIDTH_M, place_props
from auxdrive_eval.simulators.embedded.town.routing import plan_route
from auxdrive_eval.simulators.embedded.town.signals import place_signals
from auxdrive_eval.simulators.embedded.town.validate import lane_faults, town_faults
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point

KERB_HEIGHT_M = 0.15
MARGIN_M = 30.0
MAX_SEED = 9999
MAX_DRAFTS = 500
_NAME = re.compile(r"EmbeddedTown(\d{4})")


def town_name(seed: int) -> str:
    """The name of the town of a seed from 0 to 9999, such as `EmbeddedTown0007`.

    Raises:
        SimulatorError: the seed is out of range.
    """
    if not 0 <= seed <= MAX_SEED:
        raise SimulatorError(f"embedded towns have seeds from 0 to {MAX_SEED}, got {seed}")
    return f"EmbeddedTown{seed:04d}"


def generate_town(seed: int) -> Town:
    """The town of that seed, which is always the same.

    Raises:
        SimulatorError: the seed is out of range.
        RuntimeError: no draft of the town is sound, which is a fault of this package.
    """
    name = town_name(seed)
    for draft in range(MAX_DRAFTS):
        layout = draft_layout(stream(seed, "layout", draft))
        town = None if layout is None else _build(name, seed, layout)
        if town is not None and not town_faults(town):
            return town
    raise RuntimeError(
        f"no sound draft of {name} in {MAX_DRAFTS}"
    )  # a fault of this package: tests draw many seeds


def _build(name: str, seed: int, layout: Layout) -> Town | None:
    """The town of a draft; None where a lane is at fault, before anything is placed beside it."""
    network = build_network(layout, stream(seed, "roads"))
    lanes, lights, stop_signs = place_signals(network, stream(seed, "signals"))
    if lane_faults(lanes):
        return None
    props = place_props(network, stream(seed, "props"))
    points = np.concatenate([lane.centreline for lane in lanes.values()])
    low, high = points.min(axis=0) - MARGIN_M, points.max(axis=0) + MARGIN_M
    bounds = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    return Town(
        name,
        seed,
        lanes,
        network.roads,
        network.junctions,
        lights,
        stop_signs,
        props,
        KERB_HEIGHT_M,
        SIDEWALK_WIDTH_M,
        bounds,
    )


@lru_cache(maxsize=8)
def town_from_name(name: str) -> Town:
    """The town of that name. The last few towns are kept in memory.

    Raises:
        SimulatorError: there is no embedded town of that name.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise SimulatorError(
            f"'{name}' is no town of the embedded simulator, whose towns are EmbeddedTown0000 to "
            f"EmbeddedTown{MAX_SEED}. "
            "Routes of CARLA's own towns cannot be driven in it"
        )
    return generate_town(int(match.group(1)))


class GeneratedTowns:
    """All towns that are generated from seeds, a `TownSource`."""

    def town(self, name: str) -> Town:
        """The town of that name.

        Raises:
            SimulatorError: there is no embedded town of that name.
        """
        return town_from_name(name)

    def name_of(self, seed: int) -> str:
        """The name of the town of that seed (modulo 10000)."""
        return town_name(seed % (MAX_SEED + 1))

    def plan(
        self,
        graph: LaneGraph,
        keypoints: Sequence[Point],
        route_id: str,
        weather: Weather | None,
        yaws_rad: Sequence[float | None],
    ) -> Route:
        """The shortest route through keypoints (`plan_route`).

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
        return plan_route(graph, keypoints, route_id, weather, yaws_rad=yaws_rad)
