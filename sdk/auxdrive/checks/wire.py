"""The protobuf wire format, read without a schema and without trust: bounds are checked before every byte that is used.

A message is a run of fields; each field is a tag (number and wire type) and a value. Length-delimited values are handed
out as views, so skipping a tensor of any size copies nothing. https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator

from auxdrive.errors import BundleError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class WireReader:
    """Reads messages under one budget of fields, so that no file, however made, takes more than that much work.

    what: how errors call the file.
    """

    def __init__(self, what: str, max_fields: int = 5_000_000) -> None:
        self.what = what
        self._fields_left = max_fields

    def fail(self, reason: str) -> BundleError:
        """The error for a message that is not what it should be; the caller raises it."""
        return BundleError(f"{self.what}: {reason}. The file is damaged or is no ONNX model; export the bundle again")

    def fields(self, message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
        """The fields of a message in order, as (number, wire type, value): an int, or a view for wire types other than VARINT.

        Raises:
            BundleError: truncated, a wire type that is out of use, or more fields than the budget.
        """
        position, end = 0, len(message)
        while position < end:
            self._fields_left -= 1
            if self._fields_left < 0:
                raise self.fail("holds more fields than any model that auxdrive reads")
            tag, position = self._varint(message, position)
            number, wire_type = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                raise self.fail(f"field number {number} does not exist")
            if wire_type == VARINT:
                value, position = self._varint(message, position)
                yield number, wire_type, value
                continue
            if wire_type == BYTES:
                size, position = self._varint(message, position)
            elif wire_type == FIXED64:
                size = 8
            elif wire_type == FIXED32:
                size = 4
            else:
                raise self.fail(f"wire type {wire_type} is not in use")
            if size > end - position:
                raise self.fail("ends in the middle of a field")
            yield number, wire_type, message[position : position + size]
            position += size

    def integer(self, value: int | memoryview, bits: int = 64) -> int:
        """A varint as a signed integer of that many bits, as protobuf reads int32, int64 and enums."""
        if not isinstance(value, int):
            raise self.fail("a number is stored in another form than its field has")
        value &= (1 << bits) - 1
        return value - (1 << bits) if value >> (bits - 1) else value

    def text(self, value: int | memoryview) -> str:
        """A string."""
        try:
            return str(self.message(value), "utf-8")
        except UnicodeDecodeError:
            raise self.fail("a name is not UTF-8") from None

    def message(self, value: int | memoryview) -> memoryview:
        """An embedded message (its fields are read by a further call of `fields`)."""
        if isinstance(value, int):
            raise self.fail("a message is stored in another form than its field has")
        return value

    def _varint(self, message: memoryview, position: int) -> tuple[int, int]:
        value = 0
        for shift in range(0, 70, 7):
            if position >= len(message):
                raise self.fail("ends in the middle of a number")
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value & 0xFFFF_FFFF_FFFF_FFFF, position
        raise self.fail("a number is longer than ten bytes")
