"""The sparse plan of a route, as the leaderboard gives it to agents: places, degrees, commands."""

from __future__ import annotations

from dataclasses import dataclass

from auxdrive.checks.numbers import shown
from auxdrive.errors import InputError
from auxdrive.route_follower import downsample_route
from auxdrive.types import RoadOption

from auxdrive_eval.road_maps.geo import GeoReference
from auxdrive_eval.routes.planner import DenseRoute
from auxdrive_eval.routes.spec import Place

SAMPLE_1_M = 50.0
"""Leaderboard 1.0 and Bench2Drive keep a point after more than this distance."""
SAMPLE_2_M = 200.0
"""Leaderboard 2.0 and 2.1 do after more than this."""


@dataclass(frozen=True, slots=True)
class PlanPoint:
    """A point of an agent's plan.

    Attributes:
        place: in the world frame, with the heading of the lane.
        latitude_deg: by the projection of the map's geo reference.
        longitude_deg: by the same.
        option: the command there.
    """

    place: Place
    latitude_deg: float
    longitude_deg: float
    option: RoadOption


def agent_plan(route: DenseRoute, geo: GeoReference, sample_m: float) -> tuple[PlanPoint, ...]:
    """The plan that an agent is given (leaderboard, `downsample_route`): lane changes, changes of
    the option, a point after more than `sample_m`, and the last.

    Args:
        route: as planned.
        geo: of its map.
        sample_m: `SAMPLE_1_M` or `SAMPLE_2_M`.

    Raises:
        InputError: the route is no `DenseRoute`, or `sample_m` is not above 0.

    Examples:
        >>> from auxdrive_eval import RoutePlanner, SimulatorSettings, agent_plan, make_simulator
        >>> from auxdrive_eval.routes import SAMPLE_1_M, RouteSpec
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> own = simulator.random_route(1000)
        >>> roads = simulator.road_map(own.town)
        >>> dense = RoutePlanner(roads).plan(RouteSpec("0", own.town, own.keypoints))
        >>> plan = agent_plan(dense, roads.geo, SAMPLE_1_M)
        >>> plan[0].option.name, len(plan) < len(dense.options) // 10
        ('LANE_FOLLOW', True)
    """
    if not isinstance(route, DenseRoute):
        raise InputError(
            f"an agent's plan is made of a DenseRoute, got {shown(route)}: RoutePlanner.plan gives "
            "one"
        )
    if not sample_m > 0:
        raise InputError(f"sample_m is {sample_m}; give metres above 0")
    kept = downsample_route(route.points, route.options, sample_m)
    places = route.points[kept]
    degrees = geo.to_gps(places).tolist()
    return tuple(
        PlanPoint(
            Place(x_m, y_m, z_m, float(route.yaw_rad[index])),
            latitude,
            longitude,
            route.options[index],
        )
        for index, (x_m, y_m, z_m), (latitude, longitude) in zip(
            kept, places.tolist(), degrees, strict=True
        )
    )
