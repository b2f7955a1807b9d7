"""Protobuf by hand, for models that no writer writes."""

from __future__ import annotations


def varint(value: int, overlong: int = 0) -> bytes:
    """A number; `overlong`: by so many bytes more than it needs."""
    written = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    if overlong:
        written[-1] |= 0x80
        written += b"\x80" * (overlong - 1) + b"\0"
    return bytes(written)


def number(field: int, value: int, overlong: int = 0) -> bytes:
    """A field of whole numbers."""
    return varint(field << 3) + varint(value, overlong)


def message(field: int, content: bytes | str, overlong: int = 0) -> bytes:
    """A length-delimited field: a text, bytes or a message."""
    data = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(data), overlong) + data
