"""Watches the loop: counts what it does, and reports once a second."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Set
from typing import Any

from auxdrive.envelope.guarded import Guarded
from auxdrive.loop.background import Background
from auxdrive.loop.health import LoopHealth, Measured
from auxdrive.loop.perception import Perception, Seen
from auxdrive.loop.recorder import Recorder

_LOG = logging.getLogger(__name__)
EVERY_S = 1.0
_MOST_WAITING = 100
_CLOSE_S = 2.0
"""How long the end waits for a user's function that is given the health."""


class Monitor:
    """Notes every tick of a loop.

    Attributes:
        began_s: when it was made.

    Args:
        perception: whose images and predictions are counted.
        recorder: that writes what is noted.
        tell: a user's function that is given each health; None for none.
    """

    def __init__(
        self,
        perception: Perception,
        recorder: Recorder,
        tell: Callable[[LoopHealth], object] | None,
    ) -> None:
        self.began_s = time.monotonic()
        self._perception, self._recorder, self._user_tell = perception, recorder, tell
        self._of_second, self._of_all = Measured(), Measured()
        self._ticks = self._missed = 0
        self._reason = ""
        self._seen: Seen | None = None
        self._next_s = self.began_s + EVERY_S
        self._background = Background("auxdrive health", self._tell)

    def tick(
        self,
        now_s: float,
        late_s: float,
        missed: int,
        speed_mps: float,
        seen: Seen | None,
        command: Guarded,
    ) -> None:
        """Note a tick whose command was given.

        Args:
            now_s: when the command was made.
            late_s: how much later than due the tick began.
            missed: how many deadlines were missed so far.
            speed_mps: of the vehicle.
            seen: the image and prediction that it is by; None where there were none.
            command: that was given.
        """
        given_s = time.monotonic()
        self._ticks += 1
        self._missed = missed
        age_ms = None if seen is None else (given_s - seen.observation.time_s) * 1e3
        is_new, self._seen = seen is not self._seen, seen
        flags = _flags(seen, command)
        self._reason = command.reason or ("" if seen is None else _why(seen))
        for measured in (self._of_second, self._of_all):
            measured.tick(late_s * 1e3, age_ms, flags)
            if is_new and seen is not None and seen.prediction is not None:
                measured.latency.add(seen.prediction.latency_ms)
        tick = self._ticks
        self._recorder.did(
            "control", now_s, lambda: _told(tick, late_s, speed_mps, seen, age_ms, command)
        )
        if given_s >= self._next_s:
            self._report(given_s)

    def end(self, ended: str, stuck: tuple[str, ...]) -> LoopHealth:
        """Report for the last time, and end the telemetry.

        Args:
            ended: why the loop has ended.
            stuck: threads that have not ended with it.

        Returns:
            How the whole drive was.
        """
        for name in stuck:
            _LOG.warning("the thread '%s' is stuck and was left behind", name)
        self._recorder.did("end", time.monotonic(), lambda: {"ended": ended})
        self._recorder.close()
        health = self._of_all.told(self._counts(time.monotonic(), ended))
        if health.records_dropped or health.images_dropped:
            _LOG.warning(
                "telemetry lacks %d records and %d images",
                health.records_dropped, health.images_dropped,
            )  # fmt: skip
        self._background.put(health, _MOST_WAITING)
        self._background.close(_CLOSE_S)
        return health

    def _report(self, now_s: float) -> None:
        health = self._of_second.told(self._counts(now_s))
        self._of_second = Measured()
        # after a pause the reports go on from now, without making up for those that are missing
        self._next_s = max(self._next_s + EVERY_S, now_s)
        self._recorder.health(health)
        self._background.put(health, _MOST_WAITING)

    def _counts(self, now_s: float, ended: str = "") -> LoopHealth:
        perception, recorder = self._perception, self._recorder
        return LoopHealth(
            time_s=now_s,
            running_s=round(now_s - self.began_s, 3),
            ticks=self._ticks,
            missed=self._missed,
            frames=perception.newest.given,
            frames_skipped=perception.newest.skipped,
            frames_refused=perception.refused,
            predictions=perception.predictions,
            reason=self._reason,
            records_dropped=recorder.records_dropped,
            images_dropped=recorder.images_dropped,
            telemetry_failure=recorder.failure,
            ended=ended,
        )

    def _tell(self, health: LoopHealth) -> None:
        """Log a health and call the user's function; in a thread of its own."""
        _LOG.info(health.line())
        if self._user_tell is None:
            return
        try:
            self._user_tell(health)
        # Whatever a user's function does, the vehicle drives on.
        except Exception as error:  # noqa: BLE001
            _LOG.warning("the function for the health failed: %r", error)


def _flags(seen: Seen | None, command: Guarded) -> Set[str]:
    """The flags of prediction and command."""
    prediction = None if seen is None else seen.prediction
    return command.flags if prediction is None else command.flags | prediction.flags


def _why(seen: Seen) -> str:
    """Why the prediction is flagged, or missing."""
    return seen.refusal if seen.prediction is None else seen.prediction.reason


def _told(
    tick: int,
    late_s: float,
    speed_mps: float,
    seen: Seen | None,
    age_ms: float | None,
    command: Guarded,
) -> dict[str, Any]:
    """A tick as telemetry holds it."""
    control = command.control
    return {
        "tick": tick,
        "late_ms": late_s * 1e3,
        "speed_mps": speed_mps,
        "frame": None if seen is None else seen.frame,
        "frame_age_ms": age_ms,
        "steer_rad": control.steer_rad,
        "throttle": control.throttle,
        "brake": control.brake,
        "mode": command.mode.value,
        "delay_ms": command.delay_s * 1e3,
        "flags": sorted(command.flags),
        "reason": command.reason,
    }
