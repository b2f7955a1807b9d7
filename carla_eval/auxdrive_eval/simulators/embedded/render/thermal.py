"""The infrared camera: what surfaces radiate at 8 to 14 micrometres, whatever the visible light.

A simple model of temperatures. Each kind of surface is warmer or colder than the air by a fixed
amount at night, and the sun warms it by its slope, as Lambert's law says. Clouds and rain level out
both. Bodies and engines have temperatures of their own. The numbers are typical of thermal images
of streets, not measured; there is no history (asphalt is as warm in the morning as in the evening).

The image is a scale of temperatures around the air's, as the gain control of a real camera keeps
the middle of a scene: 0 is colder than it by `BELOW_AIR_K` or more, 255 warmer by `ABOVE_AIR_K` or
more. Noise is left out: that of such cameras is less than one step.

Legend: H, W rows and columns of the image; P = H * W.
"""

from __future__ import annotations

import numpy as np
from auxdrive.types import AnyArray, Float32, Float64, UInt8

from auxdrive_eval.simulators.embedded.render.atmosphere import Light
from auxdrive_eval.simulators.embedded.render.planes import FaceRegistry
from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID, Heat

BELOW_AIR_K, ABOVE_AIR_K = 15.0, 35.0
NIGHT_AIR_C, DAY_AIR_C, CLOUDS_COOL_BY_C = 9.0, 22.0, 4.0
SKY_BELOW_AIR_C, CLOUDS_BELOW_AIR_C = 34.0, 5.0
"""How much colder than the air the clear sky and clouds are, overhead."""
SKIN_C, LAMP_ABOVE_AIR_C = 33.0, 25.0
DIFFUSE_SHARE = 0.35
"""Of the warmth of the full sun, what all sides have from a bright sky."""
FOG_SHARE, AIR_PER_M = 0.15, 0.0003
"""Of the visible extinction by fog and rain, that of infrared light; and that of clear air. Light
fog lets infrared pass, dense fog of large drops would not quite so well.
"""
_SURFACES: dict[str, tuple[float, float]] = {
    "other": (0.0, 10.0), "road": (5.0, 20.0), "sidewalk": (3.0, 15.0), "lane_marking": (3.0, 13.0),
    "stop_line": (3.0, 13.0), "building": (4.0, 14.0), "vegetation": (-1.0, 3.0),
    "vehicle": (-4.0, 16.0), "traffic_light": (0.0, 10.0), "traffic_sign": (-3.0, 10.0),
    "stop_sign": (-3.0, 10.0), "pole": (-2.0, 8.0), "terrain": (-3.0, 8.0),
    "red_light": (0.0, 10.0), "yellow_light": (0.0, 10.0), "green_light": (0.0, 10.0),
}  # fmt: skip
"""By class: how much warmer than the air a surface is in a clear night, and by how much more a sun
straight above it warms it.
"""
_RUNNING: dict[Heat, tuple[float, float]] = {
    Heat.BODYWORK: (-2.0, 16.0), Heat.ENGINE: (26.0, 10.0), Heat.EXHAUST: (16.0, 0.0),
    Heat.TYRE: (18.0, 4.0), Heat.WINDOW: (3.0, 6.0), Heat.LIT_LENS: (10.0, 4.0),
}  # fmt: skip
"""The same for the parts of a car that drives, and for the lit lamp of a traffic light."""
_FIRST_HEAT = 128


class ThermalCamera:
    """Makes the infrared image of a loaded town.

    Args:
        light: of the weather.
        rays: float32 (P, 3): (right, 1, up) of the ray through each pixel's centre.
        height: H.
        width: W.
    """

    def __init__(self, light: Light, rays: Float32, height: int, width: int) -> None:
        self._shape = (height, width)
        overcast = float(max(light.cloudiness**2, light.rain, min(1.0, 20.0 * light.fog_per_m)))
        height_of_sun = float(light.sun_direction[2])
        day = float(np.clip(height_of_sun / 0.8 + 0.1, 0.0, 1.0))
        air_c = NIGHT_AIR_C + (DAY_AIR_C - NIGHT_AIR_C) * day - CLOUDS_COOL_BY_C * overcast
        self._sun = light.sun_direction.astype(np.float32)
        self._direct = float(np.clip(4.0 * height_of_sun, 0.0, 1.0)) * (1 - 0.85 * overcast)
        self._diffuse = DIFFUSE_SHARE * day * (1 - 0.5 * overcast)
        self._above_air, self._gain = _tables(air_c, light, overcast)
        below = SKY_BELOW_AIR_C + (CLOUDS_BELOW_AIR_C - SKY_BELOW_AIR_C) * overcast
        slope = np.clip(rays[:, 2] / np.linalg.norm(rays, axis=1), 0.0, 1.0)
        self._sky = (-below * (1 - np.exp(-4.0 * slope))).astype(np.float32)
        self._per_m = np.float32(FOG_SHARE * light.fog_per_m + AIR_PER_M)

    def image(self, numbers: AnyArray, inverse_depth: Float32, registry: FaceRegistry) -> UInt8:
        """The infrared image, uint8 (H, W).

        Args:
            numbers: the face in each pixel, (H, W); 0 is the sky.
            inverse_depth: 1/m, (H, W); 0 for the sky.
            registry: of the faces.
        """
        faces = registry.seen(numbers.ravel())
        heats = registry.heats[faces]
        kinds = np.where(heats > 0, heats.astype(np.intp) + _FIRST_HEAT, registry.classes[faces])
        facing = np.clip(registry.normals[faces] @ self._sun, 0.0, None)
        of_face = np.empty(len(registry.heats), dtype=np.float32)
        of_face[faces] = self._above_air[kinds] + self._gain[kinds] * (
            self._direct * facing + self._diffuse
        )
        through = np.exp(-self._per_m / np.maximum(inverse_depth.ravel(), np.float32(1e-4)))
        seen = inverse_depth.ravel() > 0.0
        above_air = np.where(seen, of_face.take(numbers.ravel()) * through, self._sky)
        scaled = (above_air + np.float32(BELOW_AIR_K)) * np.float32(
            255.0 / (BELOW_AIR_K + ABOVE_AIR_K)
        )
        blurred = _blurred(np.clip(scaled, 0.0, 255.0).reshape(self._shape))
        return np.rint(blurred).astype(np.uint8)


def _tables(air_c: float, light: Light, overcast: float) -> tuple[Float64, Float64]:
    """By kind of surface: how much warmer than the air it is without the sun, and by how much more
    the full sun warms it. Kinds are class ids, and `Heat` from `_FIRST_HEAT` on.
    """
    above, gain = np.zeros(256), np.zeros(256)
    dry = 1 - 0.7 * light.wetness
    for name, (stored, sun) in _SURFACES.items():
        # clouds radiate back what a surface would lose to the clear sky
        kept = (1 - 0.5 * overcast) if stored > 0.0 else (1 - overcast)
        above[CLASS_ID[name]], gain[CLASS_ID[name]] = stored * kept * dry, sun * dry
    above[CLASS_ID["pedestrian"]] = 0.4 * (SKIN_C - air_c)  # clothes
    for heat, (running, sun) in _RUNNING.items():
        above[_FIRST_HEAT + heat], gain[_FIRST_HEAT + heat] = running, sun
    above[_FIRST_HEAT + Heat.SKIN] = 0.85 * (SKIN_C - air_c)
    above[_FIRST_HEAT + Heat.LAMP] = LAMP_ABOVE_AIR_C * max(light.night, 0.1)
    return above, gain


def _blurred(image: Float32) -> Float32:
    """The image (H, W) behind the lens of a thermal camera, whose spot is wider than a pixel: each
    pixel is a quarter of its neighbours' sum and half of itself, along rows and then columns.
    """
    padded = np.pad(image, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] * np.float32(2.0) + padded[2:]
    both = rows[:, :-2] + rows[:, 1:-1] * np.float32(2.0) + rows[:, 2:]
    result: Float32 = both * np.float32(1 / 16)
    return result
