"""The session of each record, and its time on a clock that all episodes of the session share."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from auxdrive.data.division import MARGIN_S

from auxdrive_train.ingest.source import SourceRecord


@dataclass(slots=True)
class SessionClock:
    """Puts records on the clock of their session, which starts with its first record and never goes
    back.

    If the source's clock was set back, consecutive frames would seem to be far apart or in the
    wrong order; here the clock then goes on by one period. Each camera passes through the session
    by itself.

    If a session of the source begins within `MARGIN_S` after the one before, it counts as part of
    that one: a program that was restarted on the spot sees the same place again.
    """

    rate_hz: float
    _session_of: dict[str, str] = field(default_factory=dict)
    _origin_s: dict[str, float] = field(default_factory=dict)
    _shift_and_last_s: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    _before: dict[str, SourceRecord] = field(default_factory=dict)

    def place(self, record: SourceRecord) -> tuple[str, float]:
        """The record's session, and the seconds since it began. Records must be given in the order
        in which they were taken.
        """
        session = self._session(record)
        origin_s = self._origin_s.setdefault(session, record.time_s)
        camera = (session, record.stream)
        shift_s, last_s = self._shift_and_last_s.get(camera, (0.0, -math.inf))
        time_s = record.time_s - origin_s + shift_s
        if time_s <= last_s:
            shift_s += last_s + 1 / self.rate_hz - time_s
            time_s = last_s + 1 / self.rate_hz
        self._shift_and_last_s[camera] = (shift_s, time_s)
        return session, time_s

    def _session(self, record: SourceRecord) -> str:
        before = self._before.get(record.stream)
        self._before[record.stream] = record
        if record.session not in self._session_of:
            goes_on = (
                before is not None
                and before.source == record.source
                and 0 < record.time_s - before.time_s <= MARGIN_S
            )
            self._session_of[record.session] = (
                self._session_of[before.session]
                if goes_on and before is not None
                else record.session
            )
        return self._session_of[record.session]
