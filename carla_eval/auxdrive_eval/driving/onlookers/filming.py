"""A drive as a video: what the camera saw, the plan drawn into it, and below it what was commanded,
what the driver was told, and what went wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from auxdrive.inspection.dashboard import with_controls
from auxdrive.inspection.overlay import PREDICTED, Shown, overlay
from auxdrive.inspection.palette import INK, SOFT, VERMILLION, Colour
from auxdrive.modalities import Modality
from auxdrive.tasks import task_of
from auxdrive.types import RoadOption

from auxdrive_eval.criteria import KIND_TEXT
from auxdrive_eval.driving.onlookers.base import Moment
from auxdrive_eval.driving.runner import RouteResult
from auxdrive_eval.driving.stored.route_files import VIDEO
from auxdrive_eval.simulators.base import Simulator

RATE_HZ = 10.0
"""Frames per second of game time: one for each prediction at 20 ticks per second."""
TOLD_S = 2.0
"""How long an infraction is told of."""


class RouteVideo:
    """Films one drive of a route; see `auxdrive_eval.driving.onlookers.base.Onlooker`. The video is
    encoded as it is made, so a long drive needs little memory.

    Args:
        simulator: in which the route is driven.
    """

    def __init__(self, simulator: Simulator) -> None:
        from auxdrive.data.video_files import VideoInMemory  # PyAV, of the extra 'video'

        self._every = max(1, round(1 / (RATE_HZ * simulator.tick_s)))
        self._video = VideoInMemory(1 / (self._every * simulator.tick_s))

    def look(self, moment: Moment) -> None:
        """Add a frame, if this tick has one."""
        if moment.state.frame % self._every:
            return
        simulator, seen = moment.simulator, moment.seen
        image = simulator.sense({Modality.RGB})[Modality.RGB]
        paths, target = [], None
        if seen is not None:
            target, task = seen.target_ego_m, task_of(seen.prediction)
            if task is not None and not seen.prediction.is_empty:
                paths = [Shown(task.drawing(task.row(seen.prediction)), PREDICTED)]
        drawn = overlay(image, simulator.camera, paths, target)
        most_rad = simulator.steering.max_road_wheel_rad
        frame = with_controls(drawn, moment.control, most_rad, tuple(_lines(moment)))
        self._video.add(frame, moment.state.time_s)

    def end(self, result: RouteResult) -> Mapping[str, bytes]:
        """The video, unless nothing was seen or the simulation crashed."""
        content = self._video.finish()
        return {VIDEO: content} if content and not result.crashed else {}

    def drop(self) -> None:
        """Forget what was filmed."""
        self._video.drop()


def _lines(moment: Moment) -> Iterator[tuple[str, Colour]]:
    """Time, speed and command; then what was flagged; then what has just gone wrong."""
    state, seen = moment.state, moment.seen
    told = [f"{state.time_s:.1f} s", f"{state.speed_mps:.1f} m/s"]
    if seen is not None:
        told.append(RoadOption(seen.command).name.lower().replace("_", " "))
    yield "   ".join(told), INK
    flags = sorted({*moment.flags, *(map(str, seen.prediction.flags) if seen else ())})
    yield ", ".join(flags).replace("_", " "), SOFT
    news = [event.kind for event in moment.events if event.time_s > state.time_s - TOLD_S]
    wrong = [KIND_TEXT[kind] for kind in dict.fromkeys(news) if kind in KIND_TEXT]
    yield ", ".join(wrong), VERMILLION
