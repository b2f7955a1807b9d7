"""The town of a map."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from auxdrive_eval.road_maps.base import LaneId
from auxdrive_eval.road_maps.carla_map import CarlaRoadMap
from auxdrive_eval.road_maps.carla_signals import LIGHT, STOP, YIELD
from auxdrive_eval.simulators.embedded.opendrive.ground import (
    crosswalks,
    filled,
    road_sections,
    stripes,
)
from auxdrive_eval.simulators.embedded.opendrive.network import build_network
from auxdrive_eval.simulators.embedded.opendrive.sections import lane_sections
from auxdrive_eval.simulators.embedded.opendrive.signals import (
    with_lights,
    with_stop_signs,
    with_ways_given,
)
from auxdrive_eval.simulators.embedded.opendrive.surroundings import (
    sidewalk_width_m,
    surroundings,
)
from auxdrive_eval.simulators.embedded.town.generate import KERB_HEIGHT_M, MARGIN_M
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.world import Point


@dataclass(frozen=True, slots=True)
class TownOfMap:
    """A town, and the lanes that were made from each lane of its map, in driving order."""

    town: Town
    lanes_of: dict[LaneId, tuple[int, ...]]


def town_of_map(road_map: CarlaRoadMap) -> TownOfMap:
    """The town of a map. It is drawn at one height; its lanes know theirs.

    Args:
        road_map: of the file.

    Raises:
        DataError: the embedded simulator cannot drive on its lanes.
    """
    client_map, signals = road_map.client_map, road_map.signals
    sections = lane_sections(client_map)
    light_lines, stop_lines, yield_lines = map(signals.lines, (LIGHT, STOP, YIELD))
    places: dict[LaneId, list[Point]] = {}
    for line in (*light_lines, *stop_lines, *yield_lines):
        places.setdefault(line.lane, []).append(line.centre)
    network = build_network(sections, places)
    points = np.concatenate([lane.centreline for lane in network.lanes.values()])
    (x0, y0), (x1, y1) = points.min(axis=0) - MARGIN_M, points.max(axis=0) + MARGIN_M
    crossed, roads = crosswalks(client_map), road_sections(client_map, sections)
    seed, sidewalk_m = zlib.crc32(road_map.name.encode()) % 10_000, sidewalk_width_m(roads)
    town = Town(
        name=road_map.name,
        seed=seed,
        lanes=network.lanes,
        roads={},
        junctions=network.junctions,
        lights={},
        stop_signs={},
        props=surroundings(roads, network.lanes, network.junctions, seed, sidewalk_m),
        kerb_height_m=KERB_HEIGHT_M,
        sidewalk_width_m=sidewalk_m,
        bounds=(float(x0), float(y0), float(x1), float(y1)),
        bands=(
            *(
                b
                for junction in network.junctions.values()
                for b in filled(junction, network.lanes)
            ),
            *(band for road in roads for band in road.bands()),
            *(band for crosswalk in crossed for band in stripes(crosswalk)),
        ),
        crosswalks=crossed,
        geo=road_map.geo,
    )
    lit = with_lights(town, network, light_lines)
    signed = with_stop_signs(lit, network, stop_lines)
    return TownOfMap(with_ways_given(signed, network, yield_lines), network.lanes_of)
