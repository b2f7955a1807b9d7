"""A drive as a Rerun recording (.rrd): camera, plan, controls, path and what went wrong, on the
timelines `game_time` and `tick`. This is the one module that imports rerun (the extra `viz`).

Rerun's package writes the file and nothing else: no viewer is started, no connection is opened, and
no usage data are collected, as its viewer does. The world frame is ours: x and y in metres, z up.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import rerun as rr
from auxdrive.cards import CameraSpec
from auxdrive.inspection.overlay import PREDICTED, TARGET
from auxdrive.inspection.painting import jpeg
from auxdrive.inspection.palette import BLUE, GREEN, PURPLE, SOFT, VERMILLION
from auxdrive.modalities import Modality
from auxdrive.tasks import task_of
from auxdrive.types import AnyArray, Float64
from rerun import blueprint

from auxdrive_eval.criteria import KIND_TEXT, Event
from auxdrive_eval.driving.drivers import Seen
from auxdrive_eval.driving.onlookers.base import Moment
from auxdrive_eval.driving.runner import RouteResult
from auxdrive_eval.driving.stored.route_files import RERUN
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator

IMAGES_HZ = 10.0
_QUALITY = 85
_SCALARS = {
    "controls/steering_deg": BLUE,
    "controls/throttle": GREEN,
    "controls/brake": VERMILLION,
    "speed_mps": SOFT,
    "latency/driver_ms": BLUE,
    "latency/model_ms": PURPLE,
}


class RouteRerun:
    """Records one drive of a route; see `auxdrive_eval.driving.onlookers.base.Onlooker`.

    Args:
        simulator: in which the route is driven.
        route: that is driven.
        index: number of the drive among all, from 0.
    """

    def __init__(self, simulator: Simulator, route: Route, index: int) -> None:
        self._every = max(1, round(1 / (IMAGES_HZ * simulator.tick_s)))
        name = f"#{index}: route {route.route_id} in {route.town}"
        self._file = rr.RecordingStream("auxdrive", recording_id=f"{index}", send_properties=False)
        # by the clock: it would differ from run to run
        self._file.set_log_time_enabled(False)
        self._file.set_log_tick_enabled(False)
        self._bytes = self._file.binary_stream()
        self._file.send_recording_name(name)
        self._file.send_blueprint(_layout())
        self._seen: Seen | None = None
        self._flags: frozenset[str] = frozenset()
        self._put_what_stays(simulator, route)

    def _put_what_stays(self, simulator: Simulator, route: Route) -> None:
        self._put("world", rr.ViewCoordinates.RIGHT_HAND_Z_UP, static=True)
        lanes = [_raised(lane.centreline) for lane in simulator.town_map(route.town).lanes]
        self._put("world/lanes", rr.LineStrips3D(lanes, colors=[200, 205, 212]), static=True)
        planned = rr.LineStrips3D([_raised(route.points)], colors=[SOFT])
        self._put("world/route", planned, static=True)
        for path, colour in _SCALARS.items():
            self._put(path, rr.SeriesLines(colors=[colour], names=path), static=True)
        camera = simulator.camera
        turned = rr.RotationAxisAngle(axis=[0, 1, 0], radians=camera.pitch_rad)
        at = [camera.x_m, camera.y_m, camera.z_m]
        placed = rr.Transform3D(translation=at, rotation=turned)
        self._put("world/ego/camera", placed, static=True)
        if camera.fov_deg is not None:
            self._put("world/ego/camera", _pinhole(camera, camera.fov_deg), static=True)

    def look(self, moment: Moment) -> None:
        """Put what there is at this tick."""
        state, control = moment.state, moment.control
        self._at(state.time_s, state.frame)
        half = state.ego.yaw_rad / 2
        pose = rr.Transform3D(
            translation=[state.ego.x_m, state.ego.y_m, 0.0],
            quaternion=[0.0, 0.0, math.sin(half), math.cos(half)],
        )
        self._put("world/ego", pose)
        self._scalar("controls/steering_deg", math.degrees(control.steer_rad))
        self._scalar("controls/throttle", control.throttle)
        self._scalar("controls/brake", control.brake)
        self._scalar("speed_mps", state.speed_mps)
        if moment.seen is not None and moment.seen is not self._seen:
            self._seen = moment.seen
            self._put_prediction(moment.seen)
        if new := sorted(moment.flags - self._flags):
            self._put("envelope", rr.TextLog(", ".join(new), level="INFO"))
        self._flags = moment.flags
        if state.frame % self._every == 0:
            image = moment.simulator.sense({Modality.RGB})[Modality.RGB]
            encoded = rr.EncodedImage(contents=jpeg(image, _QUALITY), media_type="image/jpeg")
            self._put("world/ego/camera", encoded)

    def _put_prediction(self, seen: Seen) -> None:
        prediction, task = seen.prediction, task_of(seen.prediction)
        path: AnyArray = np.zeros((0, 2))
        if task is not None and not prediction.is_empty:
            path = task.drawing(task.row(prediction)).path_p2
        self._put("world/ego/plan", rr.LineStrips3D([_raised(path)], colors=[PREDICTED]))
        target = rr.Points3D([[*seen.target_ego_m, 0.0]], colors=[TARGET], radii=0.4)
        self._put("world/ego/target", target)
        self._scalar("latency/driver_ms", seen.driver_ms)
        self._scalar("latency/model_ms", prediction.latency_ms)
        if prediction.flags:
            told = ", ".join(sorted(map(str, prediction.flags)))
            self._put("prediction_flags", rr.TextLog(told, level="WARN"))

    def end(self, result: RouteResult) -> Mapping[str, bytes]:
        """The file, with the whole path and what went wrong, unless the simulation crashed."""
        trace = result.trace
        driven = np.stack([trace["x_m"], trace["y_m"]], axis=1)
        self._put("world/driven", rr.LineStrips3D([_raised(driven)], colors=[BLUE]), static=True)
        for event in result.events:
            self._put_event(event)
        content = self._bytes.read(flush=True) or b""
        self.drop()
        return {} if result.crashed or not len(trace) else {RERUN: content}

    def _put_event(self, event: Event) -> None:
        wrong = event.kind in KIND_TEXT
        began = event.began
        frame = event.frame if began is None else began.frame
        place = event.location if began is None else began.location
        self._at(event.began_s, frame)
        level = "ERROR" if wrong else "INFO"
        self._put("infractions", rr.TextLog(event.message, level=level))
        if wrong:
            mark = rr.Points3D(
                [[*place, 0.0]], colors=[VERMILLION], radii=0.8, labels=[KIND_TEXT[event.kind]]
            )
            self._put(f"world/infractions/{event.kind.value}", mark)

    def drop(self) -> None:
        """Forget what was recorded."""
        self._bytes.read(flush=True)  # else rerun tells the user that it is dropped
        self._file.disconnect()

    def _at(self, time_s: float, frame: int) -> None:
        self._file.set_time("game_time", duration=time_s)
        self._file.set_time("tick", sequence=frame)

    def _scalar(self, path: str, value: float) -> None:
        self._put(path, rr.Scalars(float(value)))

    def _put(self, path: str, what: rr.AsComponents, static: bool = False) -> None:
        self._file.log(path, what, static=static, strict=True)


def _raised(points: AnyArray) -> Float64:
    """Points (N, 2) on the ground, as (N, 3)."""
    flat = np.asarray(points, np.float64).reshape(-1, 2)
    return np.concatenate([flat, np.zeros((len(flat), 1))], axis=1)


def _pinhole(camera: CameraSpec, fov_deg: float) -> rr.Pinhole:
    focal = camera.width / 2 / math.tan(math.radians(fov_deg) / 2)
    return rr.Pinhole(
        focal_length=focal,
        width=camera.width,
        height=camera.height,
        camera_xyz=rr.ViewCoordinates.FLU,
    )


def _layout() -> blueprint.Blueprint:
    """What the viewer shows at first: camera and map above, curves and messages below."""
    return blueprint.Blueprint(
        blueprint.Vertical(
            blueprint.Horizontal(
                blueprint.Spatial2DView(
                    origin="world/ego/camera", contents=["$origin/**", "world/ego/**"]
                ),
                blueprint.Spatial3DView(origin="world"),
            ),
            blueprint.Horizontal(
                blueprint.TimeSeriesView(origin="controls"),
                blueprint.TimeSeriesView(origin="speed_mps"),
                blueprint.TimeSeriesView(origin="latency"),
                blueprint.TextLogView(origin="/"),
            ),
        ),
        collapse_panels=True,
    )
