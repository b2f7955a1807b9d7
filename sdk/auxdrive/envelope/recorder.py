"""Remembers the last ticks, and writes them out where the car is stopped."""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)

FIELDS = (
    "now_s", "frame_time_s", "prediction_time_s", "speed_mps", "yaw_rate_radps", "delay_s",
    "mode", "flags", "reason", "wanted_steer_rad", "wanted_throttle", "wanted_brake", "steer_rad",
    "throttle", "brake",
)  # fmt: skip
"""What is known of a tick, in this order. `wanted_*` is what controller or fallback asked for; null
where something is not known, or not finite.
"""

Destination = Path | Callable[[bytes], object]
_STEM = "stop-"


class Recorder:
    """A ring buffer of ticks.

    Args:
        ticks: how many it holds.
        to: a folder, where each record becomes a file `stop-<number>.jsonl`, or a function that is
            called with it; None for neither.
    """

    def __init__(self, ticks: int, to: Destination | None) -> None:
        self._ticks: deque[tuple[Any, ...]] = deque(maxlen=ticks)
        self._to = to
        self._one_at_a_time = threading.Lock()
        self._writing: list[threading.Thread] = []
        self.failed = 0

    def add(self, tick: tuple[Any, ...]) -> None:
        """Remember a tick, and forget the oldest.

        Args:
            tick: its values, in the order of `FIELDS`.
        """
        self._ticks.append(tick)

    def record(self) -> bytes:
        """The ticks as JSON lines, the oldest first."""
        return _as_lines(tuple(self._ticks))

    def write_out(self) -> None:
        """Write what is remembered now, in a thread of its own: no command waits for a disk."""
        if self._to is None:
            return
        self._writing = [thread for thread in self._writing if thread.is_alive()]
        thread = threading.Thread(
            target=self._write, args=(self._to, tuple(self._ticks)), name="auxdrive envelope record"
        )
        self._writing.append(thread)
        thread.start()

    def wait(self) -> None:
        """Wait until all is written."""
        for thread in self._writing:
            thread.join()

    def _write(self, to: Destination, ticks: tuple[tuple[Any, ...], ...]) -> None:
        try:
            lines = _as_lines(ticks)
            with self._one_at_a_time:
                if isinstance(to, Path):
                    _write_next(to, lines)
                else:
                    to(lines)
        # Whatever a disk or a user's function does, the car is being stopped.
        except Exception as error:  # noqa: BLE001
            self.failed += 1
            _LOG.warning("the record of a stop could not be written: %s", error)


def _as_lines(ticks: tuple[tuple[Any, ...], ...]) -> bytes:
    from auxdrive.strict import plain

    lines = (
        json.dumps(plain(dict(zip(FIELDS, tick, strict=True))), allow_nan=False) for tick in ticks
    )
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def _write_next(folder: Path, lines: bytes) -> None:
    from auxdrive.storage.publish import write_atomic

    folder.mkdir(parents=True, exist_ok=True)
    numbers = [path.stem.removeprefix(_STEM) for path in folder.glob(f"{_STEM}*.jsonl")]
    number = max((int(number) for number in numbers if number.isdecimal()), default=0) + 1
    write_atomic(folder / f"{_STEM}{number:04d}.jsonl", lines)
