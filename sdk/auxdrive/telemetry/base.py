"""What a telemetry file is."""

from __future__ import annotations

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from auxdrive.types import UInt8


class TelemetryFile(ABC):
    """A file that grows by one record after the other, from one thread. It is a context manager
    that closes it.

    Attributes:
        takes_images: whether it holds images; otherwise `image` is not called.

    Args:
        path: of the new file.

    Raises:
        OSError: the disk refuses, or the file exists.
    """

    takes_images: ClassVar[bool] = False

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("xb")
        self._since_1970_ns = time.time_ns() - time.monotonic_ns()

    @abstractmethod
    def record(self, kind: str, time_s: float, values: Mapping[str, Any]) -> None:
        """Write a record.

        Args:
            kind: what it is of: "begin", "prediction", "control", "health" or "end".
            time_s: when, on the clock of `time.monotonic`.
            values: by name, as JSON can hold them.

        Raises:
            OSError: the disk refuses.
        """

    def image(self, frame: int, time_s: float, image: UInt8) -> None:
        """Write an image.

        Args:
            frame: its number.
            time_s: when it was taken, on the clock of `time.monotonic`.
            image: uint8 RGB (H, W, 3).

        Raises:
            OSError: the disk refuses.
        """
        del frame, time_s, image

    def flush(self) -> None:
        """Force what was written onto the disk.

        Raises:
            OSError: the disk refuses.
        """
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """End the file. May be called again.

        Raises:
            OSError: the disk refuses.
        """
        if not self._file.closed:
            try:
                self.flush()
            finally:
                self._file.close()

    def since_1970_ns(self, time_s: float) -> int:
        """A time of `time.monotonic` as nanoseconds since 1970, by the machine's clock at the
        beginning of the file; the nearest that 63 bits hold.
        """
        return min(max(self._since_1970_ns + round(time_s * 1e9), 0), 2**63 - 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
