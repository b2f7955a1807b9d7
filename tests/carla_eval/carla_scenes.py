"""What the test server's sensors see in tests of the CARLA simulator: the same in every frame."""

from __future__ import annotations

import numpy as np
from carla_server.scene import Image, Points, View

DEPTH_M = 12.5
ROAD, LIGHT, CAR = 1, 7, 14
POINT = (10.0, 3.0, -2.0, 0.5)


class Still:
    """A colour, a depth, a road on the left and a car on the right, and one point."""

    def image(self, view: View) -> Image:
        """Shape (height, width, 4), BGRA.

        Args:
            view: what the camera looks from.
        """
        width, height = view.size
        pixels = np.full((height, width, 4), 255, np.uint8)
        if view.blueprint.endswith("depth"):
            value = round(DEPTH_M / 1000.0 * (2**24 - 1))
            pixels[..., :3] = (value >> 16, value >> 8 & 255, value & 255)
        elif view.blueprint.endswith("semantic_segmentation"):
            pixels[..., :3] = (0, 0, ROAD)
            pixels[:, width // 2 :, 2] = CAR
        else:
            pixels[..., :3] = (10, 20, 30)
        return pixels

    def points(self, view: View) -> Points:
        """Shape (1, 4).

        Args:
            view: what the LiDAR looks from.
        """
        del view
        return np.array([POINT], np.float32)


class LightsAbove(Still):
    """As `Still`, but its semantic camera sees traffic lights above the horizon and road below."""

    def image(self, view: View) -> Image:
        """Shape (height, width, 4), BGRA.

        Args:
            view: what the camera looks from.
        """
        pixels = super().image(view)
        if view.blueprint.endswith("semantic_segmentation"):
            pixels[..., 2] = ROAD
            pixels[: view.size[1] // 2, :, 2] = LIGHT
        return pixels
