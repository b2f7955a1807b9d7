"""What the embedded simulator senses of a tick."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from auxdrive.cards import CameraSpec
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray, Float32

from auxdrive_eval.simulators.embedded.scene import Renderer, Scene
from auxdrive_eval.simulators.embedded.spec import SENSED
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.weather import Weather


class Sensors:
    """Camera and LiDAR, which do not see the ego's own body. Each frame of a tick is made when it
    is first asked for, and once.

    Args:
        camera: the camera of the image modalities.
        render: False for a world without sensors, which needs no renderer.
    """

    def __init__(self, camera: CameraSpec, render: bool) -> None:
        self._camera, self._render = camera, render
        self._renderer: Renderer | None = None
        self._frames: dict[Modality, AnyArray] = {}
        self._points: Float32 | None = None

    def load(self, town: Town, weather: Weather) -> None:
        """A route begins.

        Args:
            town: where it leads.
            weather: during the whole route.
        """
        self.forget()
        if self._render:
            self._renderer_of_process().load(town, weather)

    def forget(self) -> None:
        """A new tick begins."""
        self._frames = {}
        self._points = None

    def frames(self, modalities: Collection[Modality], scene: Scene) -> Mapping[Modality, AnyArray]:
        """Frames of this tick, in the stored formats.

        Args:
            modalities: some of `SENSED`.
            scene: of this tick; what was made since `forget` is given again.

        Raises:
            SimulatorError: there are no sensors, or not such ones.
        """
        unknown = sorted(set(modalities) - set(SENSED))
        if unknown:
            raise SimulatorError(
                f"the embedded simulator has no sensor for {', '.join(unknown)}; it has "
                f"{', '.join(SENSED)}. "
                "Attention, edge and frequency are derived from these when a data set is read"
            )
        missing = [modality for modality in modalities if modality not in self._frames]
        if missing:
            self._sense(missing, scene)
        return {modality: self._frames[modality] for modality in modalities}

    def lidar_points(self, scene: Scene) -> Float32:
        """The LiDAR's points of this tick's scene, float32 (N, 4), read-only.

        Raises:
            SimulatorError: there are no sensors.
        """
        if self._points is None:
            self._points = self._renderer_of_sensors().lidar_points(scene)
            self._points.setflags(write=False)
        return self._points

    def close(self) -> None:
        """Release the renderer."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _sense(self, modalities: Sequence[Modality], scene: Scene) -> None:
        renderer = self._renderer_of_sensors()
        if Modality.RGB in modalities:
            self._frames[Modality.RGB] = renderer.rgb(scene)
        if Modality.DEPTH in modalities or Modality.SEGMENTATION in modalities:
            self._frames[Modality.DEPTH], self._frames[Modality.SEGMENTATION] = (
                renderer.depth_and_segmentation(scene)
            )
        if Modality.INFRARED in modalities:
            self._frames[Modality.INFRARED] = renderer.infrared(scene)
        if Modality.LIDAR in modalities:
            from auxdrive.data.lidar import bev_histogram

            self._frames[Modality.LIDAR] = bev_histogram(self.lidar_points(scene))

    def _renderer_of_process(self) -> Renderer:
        if self._renderer is None:
            from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer

            self._renderer = PandaRenderer(self._camera)
        return self._renderer

    def _renderer_of_sensors(self) -> Renderer:
        if not self._render:
            raise SimulatorError("this simulator was made with render=False and has no sensors")
        return self._renderer_of_process()
