"""What stands beside the roads of a map, which it does not tell: trees, lamps and buildings are
placed as in a generated town, always the same ones in a town of one name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64

from auxdrive_eval.random_streams import stream
from auxdrive_eval.simulators.embedded.geometry.curves import resample
from auxdrive_eval.simulators.embedded.opendrive.ground import RoadSection
from auxdrive_eval.simulators.embedded.town.lanes import Network
from auxdrive_eval.simulators.embedded.town.model import Ground, Junction, Lane, Prop, Road
from auxdrive_eval.simulators.embedded.town.props import SIDEWALK_WIDTH_M, place_props

SHORTEST_M = 2.0
"""Shorter sections of a road are passed over."""
WIDEST_M = 6.0


def sidewalk_width_m(roads: Sequence[RoadSection]) -> float:
    """The usual width of the sidewalks, at most `WIDEST_M`; that of generated towns where there are
    none.

    Args:
        roads: all of the map.
    """
    widths = [
        place.width_m
        for road in roads
        for strip in road.strips
        if strip.ground is Ground.SIDEWALK
        for place in strip.places
    ]
    return min(float(np.median(widths)), WIDEST_M) if widths else SIDEWALK_WIDTH_M


def surroundings(
    roads: Sequence[RoadSection],
    lanes: Mapping[int, Lane],
    junctions: Mapping[int, Junction],
    seed: int,
    sidewalk_m: float,
) -> tuple[Prop, ...]:
    """Trees, lamps and buildings beside the roads.

    Args:
        roads: all of the map.
        lanes: of the town, which stay free.
        junctions: of the town, which stay free.
        seed: of the town.
        sidewalk_m: width of the sidewalks.
    """
    lined: dict[int, Road] = {}
    for section in roads:
        if section.in_junction:
            continue
        left, right = section.kerbs()
        middle = (left + right) / 2
        if cumulative_length(middle)[-1] >= SHORTEST_M:
            half_m = float(np.hypot(*(left - right).T).max()) / 2
            lined[len(lined)] = Road(section.road, resample(middle, 1.0).points, half_m)
    if not lined:
        return ()
    outlined = {
        number: Junction(number, junction.kind, junction.centre, _dense(junction.polygon), ())
        for number, junction in junctions.items()
    }
    network = Network(lined, dict(lanes), outlined, {})
    return place_props(network, stream(seed, "props"), sidewalk_m)


def _dense(polygon: Float64) -> Float64:
    """An outline with a corner at each metre."""
    return resample(np.concatenate([polygon, polygon[:1]]), 1.0).points
