"""What a reader of a foreign format hands over: records that point to images, and what is known
of all of them.
"""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from auxdrive.cards import LEAST_FOV_DEG, WHEELBASE_M, VehicleSpec
from auxdrive.errors import DataError, UsageError
from auxdrive.steering import MAX_STEER_RANGE_DEG, SteeringSpec
from auxdrive.storage.reading import read_bytes, refusals

FASTEST_MPS = 150.0
"""What is faster was no car; such numbers are damage or another unit."""
_LARGEST_LABELS = 2 << 30
CUT_OFF = "cut off while it was written"
"""Why the last line of a log is left out that a crash or a power cut has torn."""


def _range(bounds: tuple[float, float]) -> str:
    return f"[{bounds[0]:g}, {bounds[1]:g}]"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the caller knows better than the files.

    max_steer_deg: the maximum steering angle, for sources that record -1..1. rate_hz: the
    camera's, whatever the timestamps say. cameras, side_correction: for sources with side cameras
    (None: what the reader takes by itself); the correction is in the source's
        steering numbers, towards the middle.
    fov_deg: the camera's horizontal field of view. wheelbase_m: the vehicle's. No source records
    them; None where unknown. depth: whether depth images are read where there are any.
    """

    max_steer_deg: float = 25.0
    rate_hz: float | None = None
    cameras: tuple[str, ...] | None = None
    side_correction: float | None = None
    fov_deg: float | None = None
    wheelbase_m: float | None = None
    depth: bool = True

    def __post_init__(self) -> None:
        if not MAX_STEER_RANGE_DEG[0] <= self.max_steer_deg <= MAX_STEER_RANGE_DEG[1]:
            raise UsageError(
                f"the maximum steering angle must lie in {_range(MAX_STEER_RANGE_DEG)} degrees, "
                f"got {self.max_steer_deg}"
            )
        if self.rate_hz is not None and not 0.1 <= self.rate_hz <= 1000:
            raise UsageError(f"the rate must lie in [0.1, 1000] Hz, got {self.rate_hz}")
        if self.side_correction is not None and not 0 <= self.side_correction <= 1:
            raise UsageError(
                f"the correction for side cameras must lie in [0, 1], got {self.side_correction}"
            )
        if self.fov_deg is not None and not LEAST_FOV_DEG <= self.fov_deg < 180:
            raise UsageError(
                f"the camera's horizontal field of view must lie in [{LEAST_FOV_DEG:g}, 180) "
                f"degrees, got {self.fov_deg}"
            )
        if (
            self.wheelbase_m is not None
            and not WHEELBASE_M[0] <= self.wheelbase_m <= WHEELBASE_M[1]
        ):
            raise UsageError(
                f"the wheelbase must lie in {_range(WHEELBASE_M)} metres, got {self.wheelbase_m}"
            )

    @property
    def rate_in_identity(self) -> str:
        """What tells a source that was read at a rate of the caller's from the same one read at its
        own.
        """
        return "" if self.rate_hz is None else f", at {self.rate_hz:g} Hz"

    def refuse_side_cameras(self, source: str) -> None:
        """Refuse options that a source with one camera has no use for.

        Raises:
            UsageError: cameras or a correction for side cameras were asked for.
        """
        if self.cameras is not None or self.side_correction is not None:
            raise UsageError(
                f"a {source} has one camera: leave --cameras and --side-correction out"
            )


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One recorded instant.

    index: what `--split` ranges speak of. where: file and line. stream: the camera, empty where
    there is one. time_s: the source's clock, made usable by `clock.judge`. steer: the source's
    number. speed_mps: NaN where unknown. session: the drive that it belongs to, unique over all
    sources: `<source>` or `<source>/<session of the source>`. Records of
        different sessions were not taken in one go; those of one session may still have pauses
        between them.
    depth: the 16-bit image of the depths that the camera's pixels show, in millimetres, 0 where
    none was measured; None without one.
    """

    index: int
    where: str
    image: Path
    time_s: float
    steer: float
    throttle: float
    brake: float
    speed_mps: float = math.nan
    stream: str = ""
    session: str = ""
    depth: Path | None = None

    @property
    def source(self) -> str:
        """The name of its source."""
        return self.session.partition("/")[0]


@dataclass(slots=True)
class Source:
    """A recording that was read, without its images. Records stand in time order within each
    stream, stream after stream.

    identity: format, name, digest of its label files, and options that change labels: two sources
    are the same when it is. skipped: how many records were left out, by reason. notes: what a
    person should know, units and doubts. fov_deg: the camera's horizontal field of view, None where
    unknown. labels: digest of its label files. identities: of the recordings that it was joined
    from; its own where it is one.
    """

    name: str
    identity: str
    index_field: str
    rate_hz: float
    steering: SteeringSpec
    vehicle: VehicleSpec
    records: list[SourceRecord]
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    fov_deg: float | None = None
    labels: str = ""
    identities: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.identities = self.identities or (self.identity,)


def source_name(folder: Path) -> str:
    """A recording's name: that of its folder, in letters that a card can hold."""
    return folder.resolve().name.encode("utf-8", "backslashreplace").decode()[:200] or "recording"


def session_name(source: str, session: object = None) -> str:
    """`SourceRecord.session` of a record: the source's name, and its own name of the session where
    it has any.
    """
    name = (
        re.sub(r"[^A-Za-z0-9._-]", "_", str(session))[:60] if isinstance(session, str | int) else ""
    )
    return f"{source}/{name}" if name else source


def digest(files: Iterable[Path]) -> str:
    """First 16 hex digits of the SHA-256 over the files' names and contents."""
    total = hashlib.sha256()
    for file in files:
        total.update(os.fsencode(file.name) + b"\0" + hashlib.sha256(read_labels(file)).digest())
    return total.hexdigest()[:16]


def read_labels(file: Path) -> bytes:
    """A label file's content.

    Raises:
        DataError: it cannot be read, or is no file of labels by its size.
    """
    return read_bytes(file, _LARGEST_LABELS)


def inside(folder: Path, name: object) -> Path | None:
    """The file `name` in `folder`, which need not exist; None where the name is no plain file name,
    or leads out through a link.

    Nothing outside the folder of a recording is read.

    Raises:
        DataError: the folder may not be looked into.
    """
    if (
        not isinstance(name, str)
        or name in ("", ".", "..")
        or any(character in name for character in "/\\\0")
    ):
        return None
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:  # half a character, which JSON can spell and no file system has
        return None
    path = folder / name
    with refusals(path, "cannot be looked at"):
        leads_out = (
            length <= 255
            and path.is_symlink()
            and not path.resolve().is_relative_to(folder.resolve())
        )
    return None if leads_out or length > 255 else path


def left_out(skipped: Counter[str], notes: Iterable[str] = ()) -> str:
    """Why there is nothing to use, for people: what was left out, and what is known of it."""
    counted = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    return "; ".join(filter(None, (counted or "it is empty", *notes)))


def refuse_other_unit(beyond: int, records: int, where: str) -> None:
    """Refuse a recording whose labels are no shares of the maximum steering angle: the few that
    look like some would be wrong.

    Raises:
        DataError: `beyond`, the records whose labels are beyond [-1, 1], are more than half of all.
    """
    if 2 * beyond > records:
        raise DataError(
            f"{where}: {beyond} of {records} records have steering or pedals beyond [-1, 1]: in "
            "degrees, per cent, another unit? "
            "Write steering as a share of the maximum steering angle, positive right "
            "(--max-steer-deg says how many degrees), and pedals as 0..1"
        )


def number(value: object) -> float | None:
    """The value as a finite float; None when it is none (a bool and a text are none)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None
