"""Weathers from seeds."""

from __future__ import annotations

from auxdrive_eval.random_streams import stream
from auxdrive_eval.weather import Weather

SKIES = ("clear", "cloudy", "rain", "fog", "dusk")


def weather_for(seed: int) -> Weather:
    """A weather from a seed: a clear or cloudy day, rain, fog, or dusk, with the other values
    varied around it.
    """
    rng = stream(seed, "weather")
    sky = SKIES[int(rng.choice(len(SKIES), p=(0.3, 0.25, 0.15, 0.12, 0.18)))]
    altitude = float(rng.uniform(3.0, 14.0)) if sky == "dusk" else float(rng.uniform(25.0, 80.0))
    rain = float(rng.uniform(25.0, 90.0)) if sky == "rain" else 0.0
    cloud = {
        "clear": (0.0, 30.0),
        "cloudy": (55.0, 100.0),
        "rain": (70.0, 100.0),
        "fog": (40.0, 90.0),
        "dusk": (0.0, 60.0),
    }[sky]
    fog = float(rng.uniform(25.0, 65.0)) if sky == "fog" else float(rng.uniform(0.0, 8.0))
    wetness = (
        min(100.0, rain + float(rng.uniform(0.0, 30.0)))
        if sky == "rain"
        else float(rng.choice((0.0, 0.0, 40.0)))
    )
    return Weather(
        float(rng.uniform(*cloud)), rain, fog, wetness, float(rng.uniform(0.0, 360.0)), altitude
    )
