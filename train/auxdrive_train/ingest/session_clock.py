"""When a record was taken, on a clock that all episodes of its session share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from auxdrive_train.ingest.source import SourceRecord


@dataclass(slots=True)
class SessionClock:
    """Puts records on the clock of their session, which begins with its first record and never goes back.

    Where the source's clock was set back, frames that were taken one after the other would seem to lie far apart, or long before; there
    this one goes on by one period. Each camera runs through the session anew.
    """

    rate_hz: float
    _origin_s: dict[str, float] = field(default_factory=dict)
    _shift_and_last_s: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def place_s(self, record: SourceRecord) -> float:
        """Seconds since the session's first record; records must come in the order in which they were taken."""
        origin_s = self._origin_s.setdefault(record.session, record.time_s)
        camera = (record.session, record.stream)
        shift_s, last_s = self._shift_and_last_s.get(camera, (0.0, -math.inf))
        time_s = record.time_s - origin_s + shift_s
        if time_s <= last_s:
            shift_s += last_s + 1 / self.rate_hz - time_s
            time_s = last_s + 1 / self.rate_hz
        self._shift_and_last_s[camera] = (shift_s, time_s)
        return time_s
