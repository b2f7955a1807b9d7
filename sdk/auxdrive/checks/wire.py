"""Reading protobuf's wire format by a schema, without trust in the file. What the schema does not
name is refused and never skipped.

A message is a sequence of fields; each field is a tag (number and wire type) and a value. Nothing
is skipped, because the runtime might use what is skipped here. Every field must be known and have
the form of its type, and it must stand only once unless it is a list: protobuf merges repetitions,
and a reader that did not would see another model than the runtime. Numbers must have their shortest
form, as every program writes them. https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, NoReturn

from auxdrive.errors import BundleError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_FIELDS = 500_000
"""The most fields and numbers of one file, which bounds the time that reading takes. The largest
export has about 10,000.
"""


class Kind(Enum):
    """The type of a field's value, which decides how it is read."""

    INT64 = "a whole number"
    INT32 = "a whole number of 32 bits"
    FLOAT = "a number"
    TEXT = "a text"
    NAME = "a name"  # a text of printable characters
    BYTES = "bytes"
    MESSAGE = "a message"


_WIRE_TYPE = {Kind.INT64: VARINT, Kind.INT32: VARINT, Kind.FLOAT: FIXED32}


@dataclass(frozen=True, slots=True)
class Field:
    """A field that a message may hold.

    Attributes:
        name: of the field.
        kind: the type of its value.
        many: whether it is a list. The numbers of lists of floats are only counted and not kept,
            since nothing depends on them.
    """

    name: str
    kind: Kind
    many: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """A field of ONNX that no export uses.

    Attributes:
        name: of the field.
        what: it would hold, for messages.
    """

    name: str
    what: str


Message = Mapping[int, Field | Refused]


class WireReader:
    """Reads the messages of one file.

    Args:
        what: names the file in messages.
        max_fields: how many fields and numbers the file may have.
    """

    def __init__(self, what: str, max_fields: int = MAX_FIELDS) -> None:
        self.what = what
        self._fields_left = max_fields

    def fail(self, reason: str) -> NoReturn:
        """Refuse the file.

        Raises:
            BundleError: always.
        """
        raise BundleError(
            f"{self.what}: {reason}. The file is damaged or no graph of auxdrive's; export the "
            "bundle again"
        )

    def read(self, message: memoryview, schema: Message) -> dict[str, Any]:
        """Read a message.

        Args:
            message: its bytes.
            schema: the fields that it may hold.

        Returns:
            The values by the names of the fields. A list of floats is given as the number of its
            elements. Fields that the message lacks are missing.

        Raises:
            BundleError: the message is truncated, holds an unknown or refused field, a value in
                another form than its type's, or a repetition where there is no list; or the file
                has too many fields.
        """
        found: dict[str, Any] = {}
        for number, wire_type, value in self._fields(message):
            field = schema.get(number)
            if field is None:
                self.fail(f"holds a field that is not known ({number})")
            if isinstance(field, Refused):
                self.fail(f"holds {field.what} ('{field.name}'), which no export of auxdrive does")
            if field.many:
                self._append(found, field, wire_type, value)
            elif field.name in found:
                self.fail(f"holds '{field.name}' twice where one is allowed")
            else:
                found[field.name] = self._value(field, wire_type, value)
        return found

    def _append(
        self, found: dict[str, Any], field: Field, wire_type: int, value: int | memoryview
    ) -> None:
        packed = wire_type == BYTES and field.kind in _WIRE_TYPE
        if field.kind is Kind.FLOAT:
            found[field.name] = found.get(field.name, 0) + self._count_of_floats(
                field, wire_type, value
            )
        elif packed:
            found.setdefault(field.name, []).extend(self._packed(field, value))
        else:
            found.setdefault(field.name, []).append(self._value(field, wire_type, value))

    def _count_of_floats(self, field: Field, wire_type: int, value: int | memoryview) -> int:
        size = 0 if isinstance(value, int) else len(value)
        if wire_type not in (FIXED32, BYTES) or size % 4:
            self.fail(f"'{field.name}' is stored in another form than {field.kind.value} has")
        return size // 4

    def _packed(self, field: Field, value: int | memoryview) -> Iterator[int]:
        assert not isinstance(value, int)  # of wire type BYTES
        position = 0
        while position < len(value):
            self._spend()
            number, position = self._varint(value, position)
            yield self._integer(field, number)

    def _value(self, field: Field, wire_type: int, value: int | memoryview) -> Any:
        if wire_type != _WIRE_TYPE.get(field.kind, BYTES):
            self.fail(f"'{field.name}' is stored in another form than {field.kind.value} has")
        if isinstance(value, int):
            return self._integer(field, value)
        if field.kind is Kind.FLOAT:
            return struct.unpack("<f", value)[0]
        if field.kind in (Kind.TEXT, Kind.NAME):
            return self._text(field, value)
        return value

    def _text(self, field: Field, value: memoryview) -> str:
        try:
            text = str(value, "utf-8")
        except UnicodeDecodeError:
            self.fail(f"'{field.name}' is not UTF-8")
        if "\0" in text or (field.kind is Kind.NAME and not text.isprintable()):
            self.fail(f"'{field.name}' holds characters that no name has: {text[:40]!a}")
        return text

    def _integer(self, field: Field, value: int) -> int:
        """A whole number with its sign, as protobuf reads int32, int64 and enums, which are stored
        in 64 bits.
        """
        signed = value - (1 << 64) if value >> 63 else value
        if field.kind is Kind.INT32 and not -(1 << 31) <= signed < 1 << 31:
            self.fail(f"'{field.name}' does not fit into 32 bits")
        return signed

    def _fields(self, message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
        """The fields of a message in their order.

        Returns:
            Number, wire type and value; the value is an int for the wire type VARINT, and its bytes
            for others.
        """
        position, end = 0, len(message)
        while position < end:
            self._spend()
            tag, position = self._varint(message, position)
            number, wire_type = tag >> 3, tag & 7
            if not 0 < number < 1 << 29:
                self.fail(f"field number {number} does not exist")
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
                self.fail(f"wire type {wire_type} is not in use")
            if size > end - position:
                self.fail("ends in the middle of a field")
            yield number, wire_type, message[position : position + size]
            position += size

    def _spend(self) -> None:
        self._fields_left -= 1
        if self._fields_left < 0:
            self.fail("holds more fields than any graph that auxdrive reads")

    def _varint(self, message: memoryview, position: int) -> tuple[int, int]:
        value, shift = 0, 0
        while True:
            if position >= len(message):
                self.fail("ends in the middle of a number")
            byte = message[position]
            position += 1
            value |= (byte & 0x7F) << shift
            if value >> 64 or shift > 63:
                self.fail("a number is longer than 64 bits")
            if byte < 0x80:
                if byte == 0 and shift:
                    self.fail("a number is not written in its shortest form")
                return value, position
            shift += 7
