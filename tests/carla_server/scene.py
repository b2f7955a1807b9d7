"""What cameras and LiDARs see. A test gives its own scene (`--scene MODULE:NAME`); the plain one is
a deterministic pattern that says which sensor drew it in which frame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from .actors import Actor
from .geometry import Pose

if TYPE_CHECKING:
    from .town import Town

Image = NDArray[np.uint8]
Points = NDArray[np.float32]


@dataclass(frozen=True)
class View:
    """What a sensor looks from.

    Attributes:
        blueprint: of the sensor.
        pose: of the sensor in the world.
        frame: of the tick.
        sensor: its actor, for further attributes.
        actors: all that stand in the world.
        weather: as the client set it.
        town: in which they stand.
    """

    blueprint: str
    pose: Pose
    frame: int
    sensor: Actor
    actors: tuple[Actor, ...]
    weather: tuple[float, ...]
    town: Town

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image."""
        get = self.sensor.attribute
        return int(get("image_size_x", "800")), int(get("image_size_y", "600"))


class Scene(Protocol):
    """Where images and points come from."""

    def image(self, view: View) -> Image:
        """Shape (height, width, 4), BGRA, as CARLA encodes the kind of camera."""

    def points(self, view: View) -> Points:
        """Shape (n, 4): x, y, z, intensity in the sensor's frame."""


class PlainScene:
    """A pattern: columns in blue, rows in green, frame and sensor in red."""

    def image(self, view: View) -> Image:
        """A pattern of its own for every sensor and frame.

        Args:
            view: what the camera looks from.

        Returns:
            Shape (height, width, 4), BGRA.
        """
        width, height = view.size
        pixels = np.empty((height, width, 4), np.uint8)
        pixels[..., 0] = np.arange(width, dtype=np.uint32) + view.frame
        pixels[..., 1] = np.arange(height, dtype=np.uint32)[:, None]
        pixels[..., 2] = (view.frame + view.sensor.id) % 23
        pixels[..., 3] = 255
        return pixels

    def points(self, view: View) -> Points:
        """A spiral of its own for every sensor and frame.

        Args:
            view: what the LiDAR looks from.

        Returns:
            Shape (n, 4): x, y, z, intensity.
        """
        count = int(view.sensor.attribute("points_per_second", "56000")) // 20
        turn = np.arange(count, dtype=np.float64) * 0.1 + view.frame
        columns = np.cos(turn) * 10, np.sin(turn) * 10, turn * 0.01, turn % 1.0
        return np.stack(columns, 1).astype(np.float32)
