"""How the loop does: counts, and times of the last second."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from auxdrive.strict import plain

_LEAST_MS, _RATIO, _CLASSES = 1e-3, 1.05, 400
_PER_LOG = 1.0 / math.log(_RATIO)


@dataclass(frozen=True, slots=True)
class Times:
    """How times are spread, in milliseconds. `p50` and `p99` are at most 5 % too large.

    Attributes:
        p50: half of them are at most this.
        p99: 99 of 100 are at most this.
        worst: the largest.

    Examples:
        >>> from auxdrive.loop.health import Times
        >>> Times(p50=0.1, p99=1.2, worst=3.0).worst
        3.0
    """

    p50: float
    p99: float
    worst: float


class Spread:
    """Counts times in classes, each 5 % wide: it needs no more memory for many than for few.

    Examples:
        >>> from auxdrive.loop.health import Spread
        >>> spread = Spread()
        >>> for time_ms in (1.0, 1.0, 1.0, 8.0):
        ...     spread.add(time_ms)
        >>> round(spread.times().p50, 1), spread.times().worst
        (1.0, 8.0)
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._worst = -math.inf

    def add(self, time_ms: float) -> None:
        """Count a time; one that is not finite is left out."""
        if not math.isfinite(time_ms):
            return
        self._worst = max(self._worst, time_ms)
        ratio = time_ms / _LEAST_MS
        index = 0 if ratio <= 1 else min(1 + int(math.log(ratio) * _PER_LOG), _CLASSES)
        self._counts[index] += 1

    def times(self) -> Times | None:
        """How they are spread; None where there are none."""
        if not self._counts:
            return None
        return Times(self._within(0.5), self._within(0.99), round(self._worst, 4))

    def _within(self, share: float) -> float:
        needed, found = share * self._counts.total(), 0
        for index in sorted(self._counts):
            found += self._counts[index]
            if found >= needed:
                break
        return round(min(_LEAST_MS * _RATIO**index, self._worst), 4)


@dataclass(frozen=True, slots=True)
class LoopHealth:
    """How a loop does. Counts are since it began, times and flags of the last second; in what
    `DrivingLoop.run` returns they are of the whole drive.

    Attributes:
        time_s: when this was found, on the loop's clock.
        running_s: how long the loop has run.
        ticks: commands that were given.
        missed: deadlines that passed before their command was given (see `Ticker`).
        frames: images that the camera gave.
        frames_skipped: those of them in whose place a newer one was predicted from.
        frames_refused: those of them that the predictor refused, as for a wrong size.
        predictions: that were made.
        late_ms: how much later than due ticks began.
        frame_age_ms: how old the image was when the command by it was given.
        latency_ms: of the predictions.
        flags: how many ticks had each flag, of the prediction or of the command.
        reason: of the last tick, why it was flagged; empty where it was not.
        records_dropped: records of telemetry that were dropped, since the disk was too slow or had
            failed.
        images_dropped: images of telemetry, likewise.
        telemetry_failure: why telemetry ended early; empty where it did not.
        ended: why the loop has ended; empty while it runs.

    Examples:
        >>> from auxdrive import LoopHealth
        >>> health = LoopHealth(time_s=12.5, running_s=2.0, ticks=40, missed=0)
        >>> health.line()[:60]
        '{"time_s": 12.5, "running_s": 2.0, "ticks": 40, "missed": 0,'
    """

    time_s: float
    running_s: float
    ticks: int
    missed: int
    frames: int = 0
    frames_skipped: int = 0
    frames_refused: int = 0
    predictions: int = 0
    late_ms: Times | None = None
    frame_age_ms: Times | None = None
    latency_ms: Times | None = None
    flags: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    records_dropped: int = 0
    images_dropped: int = 0
    telemetry_failure: str = ""
    ended: str = ""

    def as_json(self) -> dict[str, Any]:
        """Its values by name, as JSON holds them."""
        values: dict[str, Any] = plain(asdict(self))
        return values

    def line(self) -> str:
        """Its values as a line of JSON."""
        return json.dumps(self.as_json(), allow_nan=False)


class Measured:
    """Times and flags of some ticks."""

    def __init__(self) -> None:
        self.late, self.age, self.latency = Spread(), Spread(), Spread()
        self.flags: Counter[str] = Counter()

    def tick(self, late_ms: float, age_ms: float | None, flags: Iterable[str]) -> None:
        """Note a tick.

        Args:
            late_ms: how much later than due it began.
            age_ms: of the image when the command was given; None where there was none.
            flags: of prediction and command.
        """
        self.late.add(late_ms)
        if age_ms is not None:
            self.age.add(age_ms)
        self.flags.update(flags)

    def told(self, health: LoopHealth) -> LoopHealth:
        """A health with these times and flags."""
        return replace(
            health,
            late_ms=self.late.times(),
            frame_age_ms=self.age.times(),
            latency_ms=self.latency.times(),
            flags={str(name): count for name, count in sorted(self.flags.items())},
        )
