"""What keeps the RGB camera from seeing: a low sun ahead that dazzles it, drops on the windscreen
in a downpour, and its own noise in the dark. Other sensors have no part in it.

The same scene gives the same image: drops and noise are drawn from the game time. Legend: H, W rows
and columns of the image.
"""

from __future__ import annotations

import numpy as np
from auxdrive.types import AnyArray, Float32, Float64, UInt8

from auxdrive_eval.simulators.embedded.render.atmosphere import Light

NOISE, NOISE_BY_ROOT = 4.0, 0.7
"""Standard deviation of the noise in full darkness, of 255: a part that is always there, and one
that grows with the square root of the light, as the noise of photons does.
"""
DROPS_LAST_S = 0.8
PIXELS_PER_DROP = 450
DROP_HEIGHTS = (0.012, 0.05)
"""The radius of drops, as a share of the image's height."""
DROP_SHRINKS = 3.0
"""A drop shows what is around it upside down, and so much smaller."""
SUN_COLOUR = (255.0, 240.0, 205.0)
_SUN_RAD, _HALO_RAD, _VEIL_RAD = 0.16, 0.35, 0.90
_SHORTER = 0.45
"""By so much of its light the camera shortens the exposure for the sun."""
_SUN_EDGE_RAD = 0.06
_HIDDEN = 0.12
"""The share of the dazzle that is left where something hides the sun."""


class Lens:
    """Changes the image of a loaded town.

    Args:
        light: of the weather.
        rays: float32 (H * W, 3): (right, 1, up) of the ray through each pixel's centre.
        height: H.
        width: W.
    """

    def __init__(self, light: Light, rays: Float32, height: int, width: int) -> None:
        self._light = light
        self._shape = (height, width)
        unit = rays / np.linalg.norm(rays, axis=1, keepdims=True)
        self._unit: Float32 = unit.astype(np.float32)
        self._drops: tuple[int, AnyArray] | None = None

    @property
    def is_clear(self) -> bool:
        """Whether it changes nothing in this weather."""
        return not (self._light.glare or self._light.downpour or self._light.dark)

    def apply(
        self, rgb: UInt8, inverse_depth: Float32 | None, axes: Float64, time_s: float
    ) -> UInt8:
        """The image (H, W, 3) as the camera gives it.

        Args:
            rgb: the image without its faults.
            inverse_depth: 1/m (H, W), 0 for the sky; needed where the sun dazzles.
            axes: (3, 3), the rows are the camera's right, forward and up in the world.
            time_s: game time.
        """
        light = self._light
        image = rgb.astype(np.float32)
        if light.glare > 0.0 and inverse_depth is not None:
            image = self._dazzled(image, inverse_depth, axes)
        if light.downpour > 0.0:
            image = image.reshape(-1, 3)[self._seen_through_drops(time_s)].reshape(image.shape)
        if light.dark > 0.0:
            rng = np.random.default_rng([round(time_s * 1000) & 0xFFFFFFFF, 1])
            spread = np.float32(NOISE_BY_ROOT) * np.sqrt(image) + np.float32(NOISE)
            image += (
                np.float32(light.dark) * spread * rng.standard_normal(image.shape, dtype=np.float32)
            )
        return np.clip(np.rint(image), 0.0, 255.0).astype(np.uint8)

    def _dazzled(self, image: Float32, inverse_depth: Float32, axes: Float64) -> Float32:
        """The image (H, W, 3) with the sun's veil over it, brightest around the sun. What hides the
        sun takes most of it away.
        """
        sun = axes @ self._light.sun_direction
        if sun[1] <= 0.0:
            return image
        away = np.arccos(np.clip(self._unit @ sun.astype(np.float32), -1.0, 1.0))
        away = away.reshape(self._shape)
        edge = np.exp(-((away / _SUN_EDGE_RAD) ** 2))
        covered = float(edge.sum())
        shining = 0.6  # where the sun is beside the image
        if covered > 1.0:
            shining = float(edge[inverse_depth == 0.0].sum()) / covered
        veil = np.exp(-((away / _SUN_RAD) ** 2))
        veil += 0.7 * np.exp(-away / _HALO_RAD) + 0.25 * np.exp(-away / _VEIL_RAD)
        strength = self._light.glare * max(shining, _HIDDEN)
        share = np.minimum(strength * veil, 0.98)[..., None]
        exposed = image * np.float32(1 - _SHORTER * strength)
        result: Float32 = exposed * (1 - share) + np.array(SUN_COLOUR, np.float32) * share
        return result

    def _seen_through_drops(self, time_s: float) -> AnyArray:
        """For each pixel (H * W,) the index of the one that is seen there. Drops stay until they
        are wiped away.
        """
        period = int(time_s / DROPS_LAST_S)
        if self._drops is None or self._drops[0] != period:
            self._drops = (period, self._draw_drops(period))
        return self._drops[1]

    def _draw_drops(self, period: int) -> AnyArray:
        height, width = self._shape
        rng = np.random.default_rng([period, 2])
        count = int(self._light.downpour * height * width / PIXELS_PER_DROP)
        rows, columns = np.arange(height)[:, None], np.arange(width)[None, :]
        from_row, from_column = np.broadcast_arrays(rows, columns)
        from_row, from_column = from_row.copy(), from_column.copy()
        middles = rng.uniform((0.0, 0.0), (height, width), (count, 2))
        radii = height * rng.uniform(*DROP_HEIGHTS, count)
        for (row, column), radius in zip(middles.tolist(), radii.tolist(), strict=True):
            top, left = max(0, int(row - radius)), max(0, int(column - radius))
            part = (slice(top, int(row + radius) + 2), slice(left, int(column + radius) + 2))
            down, right = rows[part[0]] - row, columns[:, part[1]] - column
            inside = down**2 + right**2 <= radius**2
            there = row - DROP_SHRINKS * down, column - DROP_SHRINKS * right
            for target, source in zip((from_row, from_column), there, strict=True):
                whole = np.broadcast_to(np.rint(source).astype(int), inside.shape)
                target[part][inside] = whole[inside]
        index: AnyArray = (
            np.clip(from_row, 0, height - 1) * width + np.clip(from_column, 0, width - 1)
        ).ravel()
        return index
