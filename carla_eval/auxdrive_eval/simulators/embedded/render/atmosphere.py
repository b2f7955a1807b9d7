"""Weather and time of day: the light in the vertex colours, the sky, and what is added to the
finished image.

It affects only the RGB image. Legend: V vertices; H, W rows and columns of the image.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from auxdrive.types import AnyArray, Float32, Float64, UInt8

from auxdrive_eval.conditions import DAZZLING_DEG
from auxdrive_eval.weather import Weather

_DAY_AT_DEG, _NIGHT_AT_DEG = 15.0, -8.0
DOWNPOUR, DENSE_FOG = 0.9, 0.7
"""From these shares of precipitation and fog on, rain is a downpour and fog dense: it hides more
than before from the camera, and something from the LiDAR.
"""
_SPRAY_PER_M = 0.02
_WET_DARKENING = 0.35
_HEADLIGHT = np.array([2.9, 2.5, 1.9], dtype=np.float32)
"""The brightest light of the headlights at night, by channel, in units of the night's own light."""


@dataclass(frozen=True, slots=True)
class Light:
    """The light of a scene. Colours are float (3,); 1 is full brightness.

    Attributes:
        sun_direction: unit vector towards the sun.
        sun: colour of the sun's light.
        ambient: colour of the sky's light.
        zenith: colour of the sky overhead.
        horizon: colour of the sky at the horizon.
        night: 0 by day to 1.
        wetness: of the road, 0..1.
        fog_per_m: extinction by fog.
        fog: colour of the fog.
        rain: 0..1.
        cloudiness: 0..1.
        dark: 0 at dusk to 1 in the night.
        downpour: 0 in rain to 1.
        glare: how much a sun ahead dazzles, 0..1.
        lidar_reach: share of its range that the LiDAR has, 0..1.
    """

    sun_direction: Float64
    sun: Float64
    ambient: Float64
    zenith: Float64
    horizon: Float64
    night: float
    wetness: float
    fog_per_m: float
    fog: Float64
    rain: float
    cloudiness: float
    dark: float
    downpour: float
    glare: float
    lidar_reach: float

    @property
    def needs_depth(self) -> bool:
        """Whether the image needs distances: for fog, headlights, or what hides the sun."""
        return self.fog_per_m > 0.0 or self.night > 0.0 or self.glare > 0.0


def _mix(a: AnyArray | tuple[float, ...], b: AnyArray | tuple[float, ...], share: float) -> Float64:
    result: Float64 = (
        np.asarray(a, dtype=np.float64) * (1 - share) + np.asarray(b, dtype=np.float64) * share
    )
    return result


def light_of(weather: Weather) -> Light:
    """The light of a weather (in CARLA's percentages and degrees, with the azimuth
    counter-clockwise from the x axis).
    """
    clouds = float(np.clip(weather.cloudiness / 100, 0, 1))
    rain = float(np.clip(weather.precipitation / 100, 0, 1))
    overcast = max(clouds**2, rain)
    day = float(
        np.clip((weather.sun_altitude_deg - _NIGHT_AT_DEG) / (_DAY_AT_DEG - _NIGHT_AT_DEG), 0, 1)
    )
    # Golden near the horizon, white higher up, none below it.
    low_sun = float(np.clip(1 - (weather.sun_altitude_deg - 2.0) / 20.0, 0, 1))
    zenith, horizon = _sky_colours(day, overcast, rain, low_sun)
    fog_density = float(np.clip(weather.fog_density / 100, 0, 1))
    night = float(np.clip(1.25 * (1 - day) - 0.25, 0, 1))
    downpour = float(np.clip((rain - DOWNPOUR) / (1 - DOWNPOUR), 0, 1))
    dense = float(np.clip((fog_density - DENSE_FOG) / (1 - DENSE_FOG), 0, 1))
    altitude = weather.sun_altitude_deg
    dazzle = np.clip(altitude - DAZZLING_DEG[0], 0, 1) * np.clip(
        (DAZZLING_DEG[1] - altitude) / 3, 0, 1
    )
    return Light(
        sun_direction=_sun_direction(weather),
        sun=_sunlight(weather.sun_altitude_deg, low_sun, overcast),
        ambient=_skylight(day, overcast, rain),
        zenith=_mix(zenith, horizon, fog_density),
        horizon=horizon,
        night=night,
        wetness=float(np.clip(max(weather.wetness / 100, 0.7 * rain), 0, 1)),
        fog_per_m=0.10 * fog_density**1.5 + 0.004 * rain + _SPRAY_PER_M * downpour,
        fog=_mix(horizon, horizon.mean() * np.ones(3), 0.6),
        rain=rain,
        cloudiness=clouds,
        dark=float(np.clip(2 * night - 1, 0, 1)),
        downpour=downpour,
        glare=float(dazzle) * (1 - overcast) * (1 - fog_density),
        lidar_reach=1 - 0.55 * dense - 0.3 * downpour,
    )


def _sun_direction(weather: Weather) -> Float64:
    azimuth, altitude = (
        math.radians(weather.sun_azimuth_deg),
        math.radians(weather.sun_altitude_deg),
    )
    return np.array(
        [
            math.cos(azimuth) * math.cos(altitude),
            math.sin(azimuth) * math.cos(altitude),
            math.sin(altitude),
        ]
    )


def _sunlight(altitude_deg: float, low_sun: float, overcast: float) -> Float64:
    return (
        _mix((0.85, 0.82, 0.76), (0.95, 0.55, 0.28), low_sun)
        * (1 - 0.85 * overcast)
        * float(np.clip((altitude_deg + 2) / 8, 0, 1))
    )


def _skylight(day: float, overcast: float, rain: float) -> Float64:
    """The light of the whole sky, which reaches what the sun does not."""
    return _mix((0.21, 0.23, 0.30), _mix((0.46, 0.50, 0.58), (0.52, 0.53, 0.55), overcast), day) * (
        1 - 0.25 * rain * day
    )


def _sky_colours(
    day: float, overcast: float, rain: float, low_sun: float
) -> tuple[Float64, Float64]:
    """Colours of the sky overhead and at the horizon, without fog."""
    warmth = low_sun * (1 - overcast)
    zenith = _mix((0.02, 0.03, 0.08), _mix((0.24, 0.46, 0.80), (0.55, 0.58, 0.62), overcast), day)
    horizon = _mix(
        (0.06, 0.07, 0.13),
        _mix(_mix((0.68, 0.80, 0.93), (0.96, 0.58, 0.32), warmth), (0.70, 0.72, 0.74), overcast),
        day,
    )
    return zenith * (1 - 0.3 * rain), horizon * (1 - 0.3 * rain)


def shade(
    light: Light, albedo: Float32, normals: Float32, emissive: AnyArray, wet: AnyArray
) -> UInt8:
    """Colours of vertices, uint8 (V, 4): ambient light from the sky (less on faces that look down),
    and the sun's by Lambert's law.

    Args:
        light: the light of the scene.
        albedo: (V, 4).
        normals: (V, 3).
        emissive: bool (V,), vertices that keep their own colour.
        wet: bool (V,), road, which is darker and reflects the sky when wet.
    """
    lambert = np.clip(normals @ light.sun_direction.astype(np.float32), 0.0, None)[:, None]
    hemisphere = (0.78 + 0.22 * normals[:, 2:3]) * light.ambient.astype(np.float32)
    lit = albedo[:, :3] * (hemisphere + lambert * light.sun.astype(np.float32)) * np.float32(1.18)
    soaked = lit * np.float32(1 - _WET_DARKENING * light.wetness) + np.float32(
        0.10 * light.wetness
    ) * light.horizon.astype(np.float32)
    colour = np.where(wet[:, None], soaked, lit)
    colour = np.where(emissive[:, None], albedo[:, :3], colour)
    result = np.concatenate([colour, albedo[:, 3:]], axis=1)
    colours: UInt8 = np.clip(np.rint(result * 255), 0, 255).astype(np.uint8)
    return colours


class Overlay:
    """What is added to the finished image: fog, headlights at night, rain. The same light and time
    give the same pixels.

    Args:
        light: of the weather.
        rays: float32 (H * W, 3): (right, 1, up) of the ray through each pixel's centre, row by row
            from the top.
        height: H.
        width: W.
    """

    def __init__(self, light: Light, rays: Float32, height: int, width: int) -> None:
        self._light = light
        self._height, self._width = height, width
        right = rays[:, 0].reshape(height, width)
        up = rays[:, 2].reshape(height, width)
        # Low beam: wide, and brightest a little below the horizon and to the right of the middle.
        self._beam = (
            np.exp(-((right - 0.05) ** 2) / 0.35)
            * np.exp(-((np.minimum(up + 0.10, 0.6)) ** 2) / 0.10)
        ).astype(np.float32)
        self._fog = (light.fog * 255).astype(np.float32)

    def apply(
        self, rgb: UInt8, inverse_depth: Float32 | None, glowing: AnyArray | None, time_s: float
    ) -> UInt8:
        """The image (H, W, 3) in this weather.

        Args:
            rgb: the image without weather.
            inverse_depth: 1/m (H, W), 0 for the sky; needed if `Light.needs_depth`.
            glowing: bool (H, W), pixels that give light of their own and are not dimmed at night.
            time_s: game time, which decides where drops are.
        """
        light = self._light
        if inverse_depth is None and light.rain == 0.0:
            return _pixel_by_pixel(np.moveaxis(rgb, -1, 0))
        # One channel after the other: arrays whose last axis is three channels are slow to add.
        image = np.moveaxis(rgb, -1, 0).astype(np.float32, order="C")
        if inverse_depth is not None:
            near, solid = np.maximum(inverse_depth, 1e-4), inverse_depth > 0.0
            if light.night > 0.0:
                self._shine(image, near, solid, glowing)
            if light.fog_per_m > 0.0:
                self._veil(image, near, solid)
        if light.rain > 0.0:
            image += self._streaks(time_s)
        np.clip(image, 0.0, 255.0, out=image)
        image += np.float32(0.5)
        return _pixel_by_pixel(image)

    def _veil(self, image: Float32, inverse_depth: Float32, solid: AnyArray) -> None:
        """Lay fog over the channels of an image (3, H, W)."""
        extinction = self._light.fog_per_m
        clear = np.exp(np.float32(-extinction) / inverse_depth)
        clear = np.where(solid, clear, np.float32(np.exp(-extinction * 120.0)))
        veil = 1 - clear
        for channel, fog in zip(image, self._fog, strict=True):
            channel *= clear
            channel += fog * veil

    def _shine(
        self, image: Float32, inverse_depth: Float32, solid: AnyArray, glowing: AnyArray | None
    ) -> None:
        """Light the channels of an image (3, H, W) of the dimmed night with the headlights."""
        night = np.float32(self._light.night)
        near = np.float32(16.0) * inverse_depth
        fall = np.minimum(np.float32(1.0), near * np.sqrt(near))
        beam = night * self._beam * fall
        dark = np.float32(0.35 * self._light.dark)
        for channel, brightest in zip(image, _HEADLIGHT, strict=True):
            gain = beam * brightest
            gain += 1 - np.float32(0.35) * night - dark
            gain = np.where(solid, gain, np.float32(1.0))
            if glowing is not None:
                gain[glowing] = np.maximum(gain[glowing], 1.0)
            channel *= gain

    def _streaks(self, time_s: float) -> Float32:
        """The light of falling drops (H, W): short slanted strokes, different at each instant."""
        rng = np.random.default_rng(round(time_s * 1000) & 0xFFFFFFFF)
        layer = np.zeros((self._height, self._width), dtype=np.float32)
        count = int(self._light.rain * self._width * self._height / 140)
        rows, columns = rng.integers(0, self._height, count), rng.integers(0, self._width, count)
        lengths = rng.integers(self._height // 40 + 1, self._height // 12 + 3, count)
        strength = rng.uniform(8.0, 30.0, count).astype(np.float32)
        for step in range(int(lengths.max()) if count else 0):
            on = lengths > step
            at = rows[on] + step
            inside = at < self._height
            layer[at[inside], (columns[on] + step // 4)[inside] % self._width] += strength[on][
                inside
            ]
        return layer


def _pixel_by_pixel(channels: AnyArray) -> UInt8:
    """uint8 (H, W, 3), contiguous, of channels (3, H, W)."""
    image = np.empty((*channels.shape[1:], 3), dtype=np.uint8)
    for index, channel in enumerate(channels):
        np.copyto(image[..., index], channel, casting="unsafe")
    return image
