"""The weather of a route as CARLA is told it, at its start and as it changes on the way."""

from __future__ import annotations

import math
from typing import Any

from auxdrive.geometry import cumulative_length

from auxdrive_eval.route import Route
from auxdrive_eval.routes.weather import carla_attributes, weather_at
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.weather import RouteWeather
from auxdrive_eval.world import Point

SEEN_POINTS = 3
"""So many points ahead of the last one that was passed are looked at (scenario_runner)."""


class RouteWeathers:
    """Lets the weather of a route be, which it shows at once. What the route does not say is as in
    `carla.WeatherParameters()`.

    Args:
        session: with the server.
        route: whose weather it is.
    """

    def __init__(self, session: Session, route: Route) -> None:
        self._session, self._route = session, route
        self._weathers = route.weathers or (RouteWeather(0.0, route.weather),)
        along = cumulative_length(route.points)
        self._shares = (100.0 * along / max(float(along[-1]), 1e-6)).tolist()
        self._index = 0
        self._show()

    def follow(self, place: Point) -> None:
        """Show the weather of the point of the route that the ego has passed last.

        Args:
            place: of the ego, in the world frame.
        """
        if len(self._weathers) == 1:
            return
        last = min(self._index + SEEN_POINTS, len(self._shares) - 1)
        passed = [i for i in range(self._index + 1, last + 1) if self._is_passed(i, place)]
        if passed:
            self._index = passed[-1]
            self._show()

    def _is_passed(self, index: int, place: Point) -> bool:
        (x_m, y_m), yaw = self._route.points[index], float(self._route.yaw_rad[index])
        ahead_m = (place[0] - x_m) * math.cos(yaw) + (place[1] - y_m) * math.sin(yaw)
        return bool(ahead_m > 0.0)

    def _show(self) -> None:
        parameters: Any = self._session.carla.WeatherParameters()
        shown = weather_at(self._weathers, self._shares[self._index])
        for name, value in carla_attributes(shown).items():
            if hasattr(parameters, name):  # dust_storm and others came later than 0.9.10
                setattr(parameters, name, value)
        with self._session.asked("to change the weather"):
            self._session.world.set_weather(parameters)
