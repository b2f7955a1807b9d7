"""What the renderer is given each time it draws: the moving part of the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from auxdrive.types import AnyArray, Pose2, UInt8

from auxdrive_eval.simulators.embedded.town.model import CarPose, Town
from auxdrive_eval.world import LightColour, Weather


@dataclass(frozen=True, slots=True)
class Scene:
    """The moving part of the world at one instant: cars but not the ego, colour of each light by
    id, the ego's rear axle.
    """

    time_s: float
    ego: Pose2
    cars: tuple[CarPose, ...]
    lights: dict[int, LightColour]


class Renderer(Protocol):
    """Turns town, weather and scene into sensor frames; one per process."""

    def load(self, town: Town, weather: Weather) -> None:
        """Build the static geometry of a town; weather changes the RGB image alone."""

    def rgb(self, scene: Scene) -> UInt8:
        """uint8 (H, W, 3)."""

    def depth_and_segmentation(self, scene: Scene) -> tuple[AnyArray, UInt8]:
        """Depth uint16 (H, W), centimetres along the camera's axis, 65535 beyond 655 m or sky;
        class ids uint8 (H, W).
        """

    def lidar_points(self, scene: Scene) -> AnyArray:
        """float32 (N, 4): x, y, z in the ego frame (metres), and intensity 0..1; ring pattern over
        360 degrees.
        """

    def close(self) -> None:
        """Release the window and its buffers."""
