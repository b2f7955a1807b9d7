"""What the renderer is given for each image: the moving part of the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from auxdrive.types import AnyArray, Pose2, UInt8

from auxdrive_eval.simulators.embedded.town.model import BodyPose, CarPose, Town
from auxdrive_eval.weather import Weather
from auxdrive_eval.world import LightColour


@dataclass(frozen=True, slots=True)
class Scene:
    """The moving part of the world at one instant: all cars but the ego, the colour of each light
    by its id, the pose of the ego's rear axle, and whoever and whatever else a scenario brings.
    """

    time_s: float
    ego: Pose2
    cars: tuple[CarPose, ...]
    lights: dict[int, LightColour]
    bodies: tuple[BodyPose, ...] = ()


class Renderer(Protocol):
    """Renders what the sensors see from town, weather and scene. There is one per process."""

    def load(self, town: Town, weather: Weather) -> None:
        """Build the static geometry of a town.

        Args:
            town: what stands and lies in it.
            weather: changes only the RGB image.
        """

    def rgb(self, scene: Scene) -> UInt8:
        """The RGB image, uint8 (H, W, 3)."""

    def depth_and_segmentation(self, scene: Scene) -> tuple[AnyArray, UInt8]:
        """Depth and segmentation.

        Returns:
            Depth, uint16 (H, W), in centimetres along the camera's axis, 65535 for the sky and
            beyond 655 m; and class ids, uint8 (H, W).
        """

    def infrared(self, scene: Scene) -> UInt8:
        """The image of an infrared camera in the place of the RGB camera, uint8 (H, W)."""

    def lidar_points(self, scene: Scene) -> AnyArray:
        """The points of the LiDAR.

        Returns:
            float32 (N, 4): x, y, z in the ego frame (metres), and intensity 0..1; rings over 360
            degrees.
        """

    def close(self) -> None:
        """Release the images and their memory."""
