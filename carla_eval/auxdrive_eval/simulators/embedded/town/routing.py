"""Routes over the lanes of an embedded town, through given keypoints or from a seed."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.errors import SimulatorError
from auxdrive.geometry import cumulative_length
from auxdrive.types import RoadOption

from auxdrive_eval.random_streams import stream
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.town.keypoints import places_of
from auxdrive_eval.simulators.embedded.town.lane_graph import LaneGraph, Position
from auxdrive_eval.simulators.embedded.town.tracing import Stretch, stretches_of, trace
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import Point

DETOUR_FACTOR, DETOUR_M = 2.0, 20.0
"""The way between two keypoints may be at most DETOUR_FACTOR times the straight line plus DETOUR_M.
A right angle needs a factor of 1.4; a way that leads all round the block, since the keypoint is
already behind, is longer than this. If the two are on one road or separated by a single junction,
there is no such limit: then the road itself winds.
"""
BESIDE_FACTOR = 4.0
"""Where several lanes are near a keypoint, one that is d metres farther away than another is chosen
only if it makes the route shorter by more than this times d. In a junction, which of its lanes is
meant shows only in where they lead.
"""
BEHIND_M = 0.5
"""A keypoint that lies behind the previous one by no more than this counts as the same place, since
files round their numbers.
"""
START_MARGIN_M = 8.0
END_MARGIN_M = 20.0
_TURNS = (RoadOption.LEFT, RoadOption.RIGHT)


@dataclass(frozen=True, slots=True)
class _Leg:
    """The best way so far to one place.

    Attributes:
        cost_m: its length, plus a penalty for distances from keypoints to their lanes.
        stretches: what it covers of each lane, in the order of driving.
        lengths_m: the length of each way from keypoint to keypoint.
        winds: for each of these ways, whether it may be long (see `DETOUR_M`).
    """

    cost_m: float
    stretches: tuple[Stretch, ...] = ()
    lengths_m: tuple[float, ...] = ()
    winds: tuple[bool, ...] = ()


def plan_route(
    graph: LaneGraph,
    keypoints: Sequence[Point],
    route_id: str = "0",
    weather: Weather | None = None,
    min_length_m: float = 5.0,
    yaws_rad: Sequence[float | None] = (),
) -> Route:
    """The shortest route through the keypoints, each of which is moved onto a lane.

    If a keypoint lies on several lanes (the connectors of a junction), those are chosen that make
    the whole route shortest. A route that does not fit the town is refused. It is never changed
    into another one, since its length and everything that is counted along it would belong to a
    different route.

    Args:
        graph: the lanes of the town.
        keypoints: two or more (x, y), metres.
        route_id: id of the route.
        weather: None is the default.
        min_length_m: a shorter route is refused.
        yaws_rad: heading of the lane at each keypoint, positive to the left, if it is known. It
            tells a lane from the opposite one. Some files give the direction to the next keypoint
            instead, which may be wrong where the road winds; such headings are ignored where they
            do not fit, at up to half of the keypoints, or at two.

    Raises:
        SimulatorError: there are fewer than two keypoints; one is not finite, or lies off every
            lane (of its heading) by more than half a lane's width and half a metre; the way between
            two is much longer than the straight line; or the route is too short.
    """
    if len(keypoints) < 2:
        raise SimulatorError(
            f"route {route_id}: a route needs two keypoints or more, got {len(keypoints)}"
        )
    places = places_of(graph, keypoints, tuple(yaws_rad) or (None,) * len(keypoints))
    whole = _shortest(graph, places, route_id)
    _refuse_detours(graph, keypoints, whole, route_id)
    length_m = sum(whole.lengths_m)
    if length_m < min_length_m:
        raise SimulatorError(
            f"route {route_id}: its keypoints lie {length_m:.1f} m apart along the lanes, less "
            f"than {min_length_m} m"
        )
    return trace(
        graph,
        whole.stretches,
        tuple((float(x), float(y)) for x, y in keypoints),
        route_id,
        weather or Weather(),
    )


def random_route(
    graph: LaneGraph,
    seed: int,
    min_length_m: float = 150.0,
    max_length_m: float = 400.0,
    route_id: str | None = None,
    weather: Weather | None = None,
) -> Route:
    """A route from a seed. It starts and ends on roads, away from junctions, and has a turn if one
    of 400 draws has one.

    Args:
        graph: the lanes of the town.
        seed: decides where the route begins and ends.
        min_length_m: least length along the lanes.
        max_length_m: greatest length along the lanes.
        route_id: id of the route; None is the seed.
        weather: None is the default.

    Raises:
        SimulatorError: no route of that length was found.
    """
    rng = stream(seed, "route")
    name = str(seed) if route_id is None else route_id
    fallback: Route | None = None
    roads = [lane for lane in graph.lane_ids if graph.town.lanes[lane].junction_id is None]
    for _ in range(400 if len(roads) > 1 else 0):
        start_lane, goal_lane = (
            int(roads[index]) for index in rng.choice(len(roads), 2, replace=False)
        )
        start = (start_lane, _between_margins(rng, graph, start_lane))
        goal = (goal_lane, _between_margins(rng, graph, goal_lane))
        found = graph.shortest_path(start, goal)
        if found is None or not min_length_m <= found[1] <= max_length_m:
            continue
        route = trace(
            graph, stretches_of(graph, found[0], start, goal), (), name, weather or Weather()
        )
        route = _with_keypoints(route)
        if any(option in _TURNS for option in route.options):
            return route
        fallback = fallback or route
    if fallback is None:
        raise SimulatorError(
            f"{graph.town.name}: no route of {min_length_m} to {max_length_m} m found for seed "
            f"{seed}; widen the range"
        )
    return fallback


def _between_margins(rng: np.random.Generator, graph: LaneGraph, lane_id: int) -> float:
    length = graph.town.lanes[lane_id].length_m
    return float(rng.uniform(START_MARGIN_M, max(START_MARGIN_M + 1.0, length - END_MARGIN_M)))


def _shortest(graph: LaneGraph, places: list[dict[Position, float]], route_id: str) -> _Leg:
    """The best way through one of the places of each keypoint (`places_of`)."""
    legs = {place: _Leg(BESIDE_FACTOR * away_m) for place, away_m in places[0].items()}
    for number, options in enumerate(places[1:], start=1):
        reached = dict(
            best
            for place, away_m in options.items()
            if (best := _best(graph, legs, place, away_m)) is not None
        )
        if not reached:
            raise SimulatorError(
                f"route {route_id}: no way leads from keypoint {number - 1} to keypoint {number} "
                f"in {graph.town.name}"
            )
        legs = reached
    return min(legs.values(), key=lambda leg: leg.cost_m)


def _refuse_detours(
    graph: LaneGraph, keypoints: Sequence[Point], best: _Leg, route_id: str
) -> None:
    for number, (length_m, winds, (a, b)) in enumerate(
        zip(best.lengths_m, best.winds, itertools.pairwise(keypoints), strict=True)
    ):
        straight_m = math.dist(a, b)
        if length_m > DETOUR_FACTOR * straight_m + DETOUR_M and not winds:
            raise SimulatorError(
                f"route {route_id}: from keypoint {number} to keypoint {number + 1} the way is "
                f"{length_m:.0f} m long, and they lie "
                f"{straight_m:.0f} m apart: keypoint {number + 1} is behind keypoint {number}, on "
                "another lane than meant, or one between "
                f"them is missing in {graph.town.name}"
            )


def _best(
    graph: LaneGraph, legs: dict[Position, _Leg], place: Position, away_m: float
) -> tuple[Position, _Leg] | None:
    """The best way on to a place, and where it ends: at the place, or where it was before if the
    place is behind that by no more than `BEHIND_M`.
    """
    best: tuple[Position, _Leg] | None = None
    for start, leg in legs.items():
        behind = place[0] == start[0] and start[1] - BEHIND_M <= place[1] < start[1]
        end = start if behind else place
        found = graph.shortest_path(start, end)
        if found is None:
            continue
        lane_ids, length_m = found
        cost_m = leg.cost_m + length_m + BESIDE_FACTOR * away_m
        if best is None or cost_m < best[1].cost_m:
            stretches = leg.stretches + stretches_of(graph, lane_ids, start, end)
            best = (
                end,
                _Leg(
                    cost_m,
                    stretches,
                    (*leg.lengths_m, length_m),
                    (*leg.winds, _winds(graph, lane_ids)),
                ),
            )
    return best


def _winds(graph: LaneGraph, lane_ids: list[int]) -> bool:
    """Whether a way may be long because its road winds: it stays on a lane, or leads through one
    junction to another road.
    """
    lanes = [graph.town.lanes[lane_id] for lane_id in lane_ids]
    roads = [lane.road_id for lane in lanes if lane.junction_id is None]
    return len(lanes) == 1 or (len(lanes) <= 3 and len(set(roads)) == len(roads))


def _with_keypoints(route: Route) -> Route:
    """Keypoints from which `plan_route` plans the same route: the start, the middle of every lane
    between, and the end.
    """
    ids = np.array(route.lane_ids)
    along = cumulative_length(route.points)
    chosen = [0]
    changes = np.flatnonzero(np.diff(ids)) + 1
    for first, last in itertools.pairwise(changes):
        if route.options[(first + last) // 2] is RoadOption.LANE_FOLLOW:
            chosen.append(int(np.argmin(np.abs(along - (along[first] + along[last - 1]) / 2))))
    chosen.append(len(ids) - 1)
    keypoints = tuple((float(x), float(y)) for x, y in route.points[chosen])
    return Route(
        route.route_id,
        route.town,
        keypoints,
        route.points,
        route.yaw_rad,
        route.options,
        route.weather,
        route.lane_ids,
    )
