"""What a reader of a foreign format returns: records that point to images, and what is known of all
of them.
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
"""Larger speeds are not a car's: they are damaged, or in another unit."""
_LARGEST_LABELS = 2 << 30
CUT_OFF = "cut off while it was written"
"""Why the last line of a log is left out after a crash or a power cut."""


def _range(bounds: tuple[float, float]) -> str:
    return f"[{bounds[0]:g}, {bounds[1]:g}]"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the user knows of a recording and its files do not say.

    Attributes:
        max_steer_deg: the maximum steering angle of the road wheels, for sources that record -1..1.
        rate_hz: the camera's rate, whatever the timestamps say; None trusts them.
        cameras: which cameras to read, for sources with side cameras; None for the reader's
            default.
        side_correction: what is added to the steering of side cameras, towards the middle, in the
            source's numbers; None for the reader's default.
        fov_deg: the camera's horizontal field of view, which no source records; None if unknown.
        wheelbase_m: the vehicle's wheelbase, which no source records; None if unknown.
        depth: whether to read depth images, if there are any.

    Raises:
        UsageError: a value is out of range.
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
        """What `Source.identity` says of a rate that the user gave; empty without one."""
        return "" if self.rate_hz is None else f", at {self.rate_hz:g} Hz"

    def refuse_side_cameras(self, source: str) -> None:
        """Refuse options for side cameras, for a source with a single camera.

        Raises:
            UsageError: cameras or a correction for side cameras were given.
        """
        if self.cameras is not None or self.side_correction is not None:
            raise UsageError(
                f"a {source} has one camera: leave --cameras and --side-correction out"
            )


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """One recorded instant.

    Attributes:
        index: the number to which the ranges of `--split` refer.
        where: file and line, for messages.
        image: the camera's image.
        time_s: on the source's clock, corrected by `clock.judge`.
        steer: the source's steering number.
        throttle: 0..1.
        brake: 0..1.
        speed_mps: NaN if unknown.
        stream: the camera; empty if there is only one.
        session: the drive that it is from, unique over all sources: `<source>` or
            `<source>/<session of the source>`. Records of different sessions are from different
            drives; records of one session may have pauses between them.
        depth: a 16-bit image of the depth at each pixel, in millimetres, 0 if not measured; None if
            there is none.
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
    """A recording, without its images. Records are in time order within each stream, one stream
    after the other.

    Attributes:
        name: the recording's name.
        identity: format, name, digest of the label files, and options that change labels. Two
            sources are the same if their identities are equal.
        index_field: what the source calls the number of a record.
        rate_hz: frames per second.
        steering: how its steering numbers become road-wheel angles.
        vehicle: the vehicle.
        records: the usable records.
        skipped: how many records were left out, by reason.
        notes: what a person should know: units and doubts.
        fov_deg: the camera's horizontal field of view; None if unknown.
        labels: digest of the label files.
        identities: identities of the recordings that it was joined from; its own if it is a single
            one.
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
    """A recording's name: that of its folder, in characters that a card can hold."""
    return folder.resolve().name.encode("utf-8", "backslashreplace").decode()[:200] or "recording"


def session_name(source: str, session: object = None) -> str:
    """`SourceRecord.session` of a record: the source's name, and the session's, if it has one.

    Args:
        source: the recording's name.
        session: what the source calls the session, a text or a whole number; anything else, as
            None, counts as no session. At most 60 characters of it are used; any but letters,
            digits and ._- become underscores.
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
    """The content of a label file.

    Raises:
        DataError: the file cannot be read, or is too large for a label file.
    """
    return read_bytes(file, _LARGEST_LABELS)


def inside(folder: Path, name: object) -> Path | None:
    """The path of the file `name` in `folder`; it need not exist. None if the name is not a plain
    file name, or leads out of the folder through a link: nothing outside a recording's folder is
    read.

    Args:
        folder: the recording's folder, or one in it.
        name: what the source gives as the name; it may be of any type.

    Raises:
        DataError: the folder must not be read.
    """
    if (
        not isinstance(name, str)
        or name in ("", ".", "..")
        or any(character in name for character in "/\\\0")
    ):
        return None
    try:
        length = len(os.fsencode(name))
    except UnicodeEncodeError:  # a lone surrogate, which no file system has
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
    """Why nothing is usable, in words: what was left out, and what else is known.

    Args:
        skipped: how many records were left out, by reason.
        notes: what else is known, a sentence each.
    """
    counted = ", ".join(f"{count} {reason}" for reason, count in skipped.items())
    return "; ".join(filter(None, (counted or "it is empty", *notes)))


def refuse_other_unit(beyond: int, records: int, where: str) -> None:
    """Refuse a recording whose labels are not shares of the maximum steering angle. The few that
    look like shares would be wrong.

    Args:
        beyond: number of records with labels outside [-1, 1].
        records: number of all records.
        where: the recording's name, for the message.

    Raises:
        DataError: more than half of the records have such labels.
    """
    if 2 * beyond > records:
        raise DataError(
            f"{where}: {beyond} of {records} records have steering or pedals beyond [-1, 1]: in "
            "degrees, per cent, another unit? "
            "Write steering as a share of the maximum steering angle, positive right "
            "(--max-steer-deg says how many degrees), and pedals as 0..1"
        )


def number(value: object) -> float | None:
    """The value as a finite float; None if it is not a number (a bool or a text is not)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None
