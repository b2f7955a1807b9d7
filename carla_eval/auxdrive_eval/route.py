"""A route as it is planned and driven, and the traffic situations that it asks for, the same for
every simulator.

Legend: every position is (x, y) in the world frame, metres; yaw is positive to the left.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from auxdrive.geometry import euclidean, polyline_length
from auxdrive.types import Float64, RoadOption

from auxdrive_eval.weather import RouteWeather, Weather
from auxdrive_eval.world import Point


@dataclass(frozen=True, slots=True)
class RouteScenario:
    """A traffic situation that a route asks for.

    Attributes:
        name: as in the route's file.
        kind: what happens, by the leaderboard's name.
        trigger: where the ego sets it off.
        yaw_rad: heading of the lane there.
    """

    name: str
    kind: str
    trigger: Point
    yaw_rad: float


@dataclass(frozen=True, slots=True)
class Route:
    """A route: the sparse keypoints of its file, and the dense trajectory (points about 1 m apart)
    with its commands.

    Attributes:
        route_id: as in the file.
        town: as in the file.
        keypoints: sparse (x, y).
        points: float64 (N, 2), metres.
        yaw_rad: float64 (N,).
        options: N road options.
        lane_ids: the lane of each point, if the simulator's lanes have ids.
        scenarios: the traffic situations that the route's file asks for.
        heights_m: z of each point, if the simulator's roads have heights.
        weathers: the weather at shares of the route, ascending, if the simulator changes it on the
            way.

    Examples:
        >>> from auxdrive_eval import make_simulator, SimulatorSettings
        >>> simulator = make_simulator(SimulatorSettings(), sensors=False)
        >>> route = simulator.random_route(1000)
        >>> route.town, route.points.shape == (len(route.options), 2)
        ('EmbeddedTown1000', True)
        >>> 150.0 <= route.length_m <= 400.0
        True
    """

    route_id: str
    town: str
    keypoints: tuple[Point, ...]
    points: Float64
    yaw_rad: Float64
    options: tuple[RoadOption, ...]
    weather: Weather = field(default_factory=Weather)
    lane_ids: tuple[int, ...] = ()
    scenarios: tuple[RouteScenario, ...] = ()
    heights_m: tuple[float, ...] = ()
    weathers: tuple[RouteWeather, ...] = ()

    @property
    def length_m(self) -> float:
        """Length along the dense points, metres."""
        return float(polyline_length(self.points, euclidean))
