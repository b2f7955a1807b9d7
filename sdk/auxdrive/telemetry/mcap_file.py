"""Telemetry as MCAP, the format of Foxglove, with JSON messages. Images and waypoints have
Foxglove's own schemas, by which it shows them; other records have schemas that follow from their
first one. Needs the extra `mcap`.

Schemas: https://docs.foxglove.dev/docs/sdk/schemas. Format: https://mcap.dev/spec.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer

from auxdrive.strict import plain
from auxdrive.telemetry.base import TelemetryFile
from auxdrive.types import UInt8

JPEG_QUALITY = 90
CAMERA_FRAME, EGO_FRAME = "camera", "base_link"
"""The coordinate frames of images and waypoints, as ROS calls them (REP-105)."""


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


_TEXT, _NUMBER, _INTEGER = {"type": "string"}, {"type": "number"}, {"type": "integer"}
_TIME = _object(sec=_INTEGER, nsec=_INTEGER)
_POINT = _object(x=_NUMBER, y=_NUMBER, z=_NUMBER)
_TURN = _object(x=_NUMBER, y=_NUMBER, z=_NUMBER, w=_NUMBER)
_UNTURNED = {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}
IMAGE = _object(
    timestamp=_TIME,
    frame_id=_TEXT,
    data={"type": "string", "contentEncoding": "base64"},
    format=_TEXT,
)
POSES = _object(
    timestamp=_TIME,
    frame_id=_TEXT,
    poses={"type": "array", "items": _object(position=_POINT, orientation=_TURN)},
)


class McapFile(TelemetryFile):
    """Channels `/camera`, `/waypoints`, and one of its name for each kind of record. Once a second,
    at `flush`, what was written since becomes a chunk that can be read even where the file has no
    end. Chunks are not compressed: most of them is JPEG.

    Args:
        path: of the new file.
    """

    takes_images = True

    def __init__(self, path: Path) -> None:
        from PIL import Image

        Image.preinit()  # imports what is needed now, and not while something is driven
        super().__init__(path)
        self._to_image = Image.fromarray
        self._writer: Any = Writer(self._file, compression=CompressionType.NONE)
        self._writer.start(profile="", library="auxdrive")
        self._channels: dict[str, int] = {}

    def record(self, kind: str, time_s: float, values: Mapping[str, Any]) -> None:
        """Write a record, and its waypoints once more as poses that Foxglove draws.

        Args:
            kind: see `TelemetryFile.record`.
            time_s: see there.
            values: see there.
        """
        written = plain(values)
        self._add(f"/{kind}", f"auxdrive.{kind}", schema_of(written), time_s, written)
        if waypoints := written.get("waypoints_ego_m"):
            taken_s = written.get("frame_time_s", time_s)
            poses = [
                {"position": {"x": x, "y": y, "z": 0.0}, "orientation": _UNTURNED}
                for x, y in waypoints
            ]
            stamped = {**self._stamp(taken_s, EGO_FRAME), "poses": poses}
            self._add("/waypoints", "foxglove.PosesInFrame", POSES, time_s, stamped)

    def image(self, frame: int, time_s: float, image: UInt8) -> None:
        """Write an image as JPEG.

        Args:
            frame: see `TelemetryFile.image`.
            time_s: see there.
            image: see there.
        """
        del frame
        file = io.BytesIO()
        self._to_image(image).save(file, "JPEG", quality=JPEG_QUALITY)
        data = base64.b64encode(file.getvalue()).decode("ascii")
        stamped = {**self._stamp(time_s, CAMERA_FRAME), "data": data, "format": "jpeg"}
        self._add("/camera", "foxglove.CompressedImage", IMAGE, time_s, stamped)

    def flush(self) -> None:
        """End the chunk and force it onto the disk."""
        self._writer.flush()
        super().flush()

    def close(self) -> None:
        """End the file with its index."""
        try:
            if not self._file.closed:
                self._writer.finish()
        finally:
            super().close()

    def _stamp(self, time_s: float, frame_id: str) -> dict[str, Any]:
        seconds, nanoseconds = divmod(self.since_1970_ns(time_s), 10**9)
        return {"timestamp": {"sec": seconds, "nsec": nanoseconds}, "frame_id": frame_id}

    def _add(
        self, topic: str, name: str, schema: dict[str, Any], time_s: float, message: Any
    ) -> None:
        if topic not in self._channels:
            number = self._writer.register_schema(name, "jsonschema", json.dumps(schema).encode())
            self._channels[topic] = self._writer.register_channel(topic, "json", number)
        at_ns = self.since_1970_ns(time_s)
        data = json.dumps(message, allow_nan=False).encode("ascii")
        self._writer.add_message(self._channels[topic], at_ns, data, at_ns)


def schema_of(value: Any) -> dict[str, Any]:
    """The JSON schema of a record. Nothing is taken for a number, as a steering angle that was
    withheld, and an empty list for one of texts, as flags.

    Args:
        value: as JSON holds it.

    Examples:
        >>> from auxdrive.telemetry.mcap_file import schema_of
        >>> schema_of({"brake": 1.0, "flags": []})["properties"]["flags"]
        {'type': 'array', 'items': {'type': 'string'}}
    """
    if isinstance(value, Mapping):
        return _object(**{name: schema_of(each) for name, each in value.items()})
    if isinstance(value, list):
        return {"type": "array", "items": schema_of(value[0]) if value else _TEXT}
    if isinstance(value, bool):
        return {"type": "boolean"}
    return _TEXT if isinstance(value, str) else _NUMBER
