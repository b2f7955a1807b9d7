"""Serialized messages as trees of fields, which can be changed in ways that no writer knows, and
written again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import onnx

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


@dataclass
class Entry:
    """One field. `parts` are those of a message, `value` is anything else: an int, or bytes."""

    number: int
    wire_type: int
    value: Any = None
    parts: list[Entry] | None = None
    overlong: int = 0

    def copy(self) -> Entry:
        """The same field again."""
        parts = None if self.parts is None else [part.copy() for part in self.parts]
        return Entry(self.number, self.wire_type, self.value, parts, self.overlong)


def take_apart(data: bytes, descriptor: Any = onnx.ModelProto.DESCRIPTOR) -> list[Entry]:
    """The fields of a well-formed message, nested as the descriptor says."""
    entries, position = [], 0
    while position < len(data):
        tag, position = _read_varint(data, position)
        number, wire_type = tag >> 3, tag & 7
        entry = Entry(number, wire_type)
        if wire_type == VARINT:
            entry.value, position = _read_varint(data, position)
        else:
            size = 8 if wire_type == FIXED64 else 4
            if wire_type == BYTES:
                size, position = _read_varint(data, position)
            entry.value, position = data[position : position + size], position + size
        field = descriptor.fields_by_number.get(number)
        if field is not None and field.message_type is not None:
            entry.parts = take_apart(entry.value, field.message_type)
        entries.append(entry)
    return entries


def put_together(entries: list[Entry]) -> bytes:
    """The message that the fields make."""
    written = bytearray()
    for entry in entries:
        written += varint(entry.number << 3 | entry.wire_type)
        if entry.parts is not None:
            content = put_together(entry.parts)
            written += varint(len(content), entry.overlong) + content
        elif isinstance(entry.value, int):
            written += varint(entry.value & (1 << 64) - 1, entry.overlong)
        elif entry.wire_type == BYTES:
            written += varint(len(entry.value), entry.overlong) + entry.value
        else:
            written += entry.value
    return bytes(written)


def _read_varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position, value, shift = position + 1, value | (byte & 0x7F) << shift, shift + 7
        if byte < 0x80:
            return value, position


def varint(value: int, overlong: int = 0) -> bytes:
    """A number as protobuf writes it; `overlong`: by so many bytes more than it needs."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    if overlong:
        written[-1] |= 0x80
        written += b"\x80" * (overlong - 1) + b"\0"
    return bytes(written)
