"""The ego's sensors: each frame is matched to its tick by its number, and must come in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping
from typing import Any

from auxdrive.cards import CameraSpec
from auxdrive.data.lidar import bev_histogram
from auxdrive.errors import SimulatorError
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray, Float32

from auxdrive_eval.simulators.base import SimulationCrashed
from auxdrive_eval.simulators.carla.border import transform
from auxdrive_eval.simulators.carla.cast import Cast
from auxdrive_eval.simulators.carla.connection.session import Session
from auxdrive_eval.simulators.carla.sensing import formats
from auxdrive_eval.simulators.carla.sensing.signal_classes import SignalClasses
from auxdrive_eval.simulators.carla.spec import SENSED, CarlaOptions

BLUEPRINT_OF = {
    Modality.RGB: "sensor.camera.rgb",
    Modality.DEPTH: "sensor.camera.depth",
    Modality.SEGMENTATION: "sensor.camera.semantic_segmentation",
    Modality.LIDAR: "sensor.lidar.ray_cast",
}
LIDAR_MOUNT_M = (1.3, 0.0, 2.4)
"""In the ego frame, as in the embedded simulator."""
LIDAR = {
    "range": 60, "channels": 32, "points_per_second": 32 * 480 * 20, "upper_fov": 5,
    "lower_fov": -25, "atmosphere_attenuation_rate": 0.004, "dropoff_general_rate": 0.0,
    "dropoff_zero_intensity": 0.0, "noise_stddev": 0.0,
}  # fmt: skip
"""The beams of the embedded simulator's LiDAR, without noise; a full turn at each tick."""


class Mailbox:
    """What one sensor has sent last. Only the frame that is asked for is handed out."""

    def __init__(self) -> None:
        self._arrived = threading.Condition()
        self._latest: Any = None

    def put(self, data: Any) -> None:
        """Keep a frame; an older one than that which is here is thrown away."""
        with self._arrived:
            if self._latest is None or data.frame >= self._latest.frame:
                self._latest = data
                self._arrived.notify_all()

    @property
    def frame(self) -> int:
        """The number of the latest frame; -1 before the first."""
        with self._arrived:
            return -1 if self._latest is None else int(self._latest.frame)

    def take(self, frame: int, timeout_s: float) -> Any:
        """The frame of a tick, None if it does not come in time.

        Args:
            frame: the tick's number.
            timeout_s: how long to wait.
        """
        with self._arrived:
            self._arrived.wait_for(lambda: self._has(frame), timeout_s)
            return self._latest if self._has(frame) else None

    def _has(self, frame: int) -> bool:
        return self._latest is not None and self._latest.frame == frame


class Sensors:
    """The cameras and the LiDAR of one ego.

    Args:
        session: with the server.
        cast: that removes them.
        options: camera, modalities and time-outs.
        ego: the vehicle, a `carla.Vehicle`.
        rear_axle_m: how far its rear axle lies behind its origin.

    Attributes:
        signals: tells the classes of lights, lines and signs apart; None leaves them as the camera
            has them.
    """

    def __init__(
        self, session: Session, cast: Cast, options: CarlaOptions, ego: Any, rear_axle_m: float
    ) -> None:
        self._session, self._options = session, options
        self._boxes: dict[Modality, Mailbox] = {}
        self.signals: SignalClasses | None = None
        self._frames: dict[Modality, AnyArray] = {}
        self._points: Float32 | None = None
        self._made_of = -1
        self._sensors = [
            self._attach(modality, cast, ego, rear_axle_m) for modality in options.modalities
        ]

    @property
    def are_awake(self) -> bool:
        """Whether each has sent its first frame."""
        return all(box.frame >= 0 for box in self._boxes.values())

    def asleep(self) -> list[str]:
        """The sensors that have sent nothing yet."""
        return [modality.value for modality, box in self._boxes.items() if box.frame < 0]

    def frames(self, modalities: Collection[Modality], frame: int) -> Mapping[Modality, AnyArray]:
        """Frames of a tick, in the stored formats; each is converted once.

        Args:
            modalities: some of `CarlaOptions.modalities`.
            frame: the tick's number.

        Raises:
            SimulatorError: there is no such sensor.
            SimulationCrashed: a frame has not come in time, or is black.
        """
        self._require(modalities)
        until_s = self._begin(frame)
        for modality in modalities:
            if modality not in self._frames:
                self._frames[modality] = self._made(modality, frame, until_s)
        return {modality: self._frames[modality] for modality in modalities}

    def lidar_points(self, frame: int) -> Float32:
        """The LiDAR's points of a tick, float32 (N, 4), in the ego frame.

        Args:
            frame: the tick's number.

        Raises:
            SimulatorError: there is no LiDAR.
            SimulationCrashed: the frame has not come in time.
        """
        self._require((Modality.LIDAR,))
        return self._points_of(frame, self._begin(frame))

    def _require(self, modalities: Collection[Modality]) -> None:
        if unknown := sorted(set(modalities) - self._boxes.keys()):
            raise SimulatorError(
                f"CARLA has no sensor for {', '.join(unknown)} here; its option modalities says "
                f"{', '.join(self._options.modalities)}, and it could have {', '.join(SENSED)}"
            )

    def _begin(self, frame: int) -> float:
        """Forget what belongs to another tick, and say until when frames of this one may come."""
        if frame != self._made_of:
            self._frames, self._points, self._made_of = {}, None, frame
        return time.monotonic() + self._options.sensor_timeout_s

    def _sent(self, modality: Modality, frame: int, until_s: float) -> Any:
        """What a sensor has sent at a tick."""
        data = self._boxes[modality].take(frame, max(until_s - time.monotonic(), 0.0))
        if data is None:
            raise SimulationCrashed(
                f"CARLA's {BLUEPRINT_OF[modality]} sent no frame {frame} within "
                f"{self._options.sensor_timeout_s:g} s; its latest is "
                f"{self._boxes[modality].frame}"
            )
        return data

    def _points_of(self, frame: int, until_s: float) -> Float32:
        if self._points is None:
            sent = self._sent(Modality.LIDAR, frame, until_s)
            self._points = formats.lidar_points(sent, LIDAR_MOUNT_M)
        return self._points

    def _made(self, modality: Modality, frame: int, until_s: float) -> AnyArray:
        if modality is Modality.LIDAR:
            return bev_histogram(self._points_of(frame, until_s))
        data = self._sent(modality, frame, until_s)
        if modality is Modality.DEPTH:
            return formats.depth(data)
        if modality is Modality.SEGMENTATION:
            classes = formats.segmentation(data, self._session.version.class_of_tag)
            if self.signals is None:
                return classes
            return self.signals.refined(classes, data.transform, float(data.fov))
        image = formats.rgb(data)
        if not image.any():
            raise SimulationCrashed(f"CARLA's camera sent a black image at frame {frame}")
        return image

    def _attach(self, modality: Modality, cast: Cast, ego: Any, rear_axle_m: float) -> Any:
        is_lidar = modality is Modality.LIDAR
        given = (
            LIDAR | {"rotation_frequency": 1.0 / self._options.tick_s}
            if is_lidar
            else _camera(self._options.camera)
        )
        name = BLUEPRINT_OF[modality]
        camera = self._options.camera
        x_m, y_m, z_m = LIDAR_MOUNT_M if is_lidar else (camera.x_m, camera.y_m, camera.z_m)
        mount = transform(
            self._session.carla,
            (x_m - rear_axle_m, y_m, z_m),
            pitch_rad=0.0 if is_lidar else camera.pitch_rad,
        )
        sensor = cast.spawn(cast.blueprint(name, given), mount, ego)
        if sensor is None:
            raise SimulationCrashed(f"the CARLA server did not attach {name} to the ego")
        box = self._boxes[modality] = Mailbox()
        with self._session.asked(f"to listen to {name}"):
            sensor.listen(box.put)
        return sensor


def _camera(camera: CameraSpec) -> dict[str, object]:
    if camera.fov_deg is None:
        raise SimulatorError("CARLA needs the camera's field of view, and its fov_deg is not known")
    return {
        "image_size_x": camera.width,
        "image_size_y": camera.height,
        "fov": camera.fov_deg,
    }
