"""The weather of a route as CARLA is told it."""

from __future__ import annotations

from typing import Any

from auxdrive_eval.routes.weather import RouteWeather, carla_attributes
from auxdrive_eval.simulators.carla.session import Session
from auxdrive_eval.world import Weather


def show(session: Session, weather: Weather) -> None:
    """Let this weather be. What `Weather` does not say is as in `carla.WeatherParameters()`.

    Args:
        session: with the server.
        weather: of the route.
    """
    parameters: Any = session.carla.WeatherParameters()
    for name, value in carla_attributes(RouteWeather(0.0, weather)).items():
        if hasattr(parameters, name):  # dust_storm and others came later than 0.9.10
            setattr(parameters, name, value)
    with session.asked("to change the weather"):
        session.world.set_weather(parameters)
