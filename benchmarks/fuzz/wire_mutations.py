"""Mutations of serialized ONNX models: of the messages that they are made of, and of their bytes.

A model is taken apart into a tree of fields by the descriptors of the onnx package, a few fields
are changed, and it is written again: so most mutants are well-formed protobuf that says something
else, which is where readers disagree.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass

from wire_tree import BYTES, FIXED32, FIXED64, VARINT, Entry, put_together, take_apart, varint

INTEGERS = (
    0,
    1,
    2,
    3,
    4,
    7,
    8,
    13,
    20,
    21,
    24,
    32,
    127,
    128,
    255,
    4096,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    1 << 32,
    1 << 40,
    (1 << 63) - 1,
)
OPERATORS = (
    "Add",
    "Mul",
    "Div",
    "Conv",
    "Cast",
    "Concat",
    "Gather",
    "Gemm",
    "MatMul",
    "Relu",
    "Reshape",
    "Resize",
    "Slice",
    "Split",
    "Expand",
    "Shape",
    "Range",
    "Squeeze",
    "Unsqueeze",
    "Transpose",
    "ReduceMean",
    "AveragePool",
    "MaxPool",
    "Tanh",
    "If",
    "Loop",
    "Scan",
    "Constant",
    "Identity",
    "ReduceMin",
    "ReduceMax",
    "NonZero",
    "Tile",
    "ConstantOfShape",
    "SequenceEmpty",
    "FusedMatMul",
    "RandomNormal",
    "Neg",
    "",
)
TEXTS = (
    "",
    "image",
    "steer_rad",
    "ai.onnx",
    "com.microsoft",
    "batch",
    "to",
    "axis",
    "axes",
    "value",
    "body",
    "a\0b",
    "\u202ex",
    "x" * 300,
)
REPEATED = 40
"""A field is repeated so often at most."""


@dataclass
class Spot:
    """Where a change is made: the field at `place` of a message's `fields`; `lists` are the fields
    of all messages.
    """

    source: random.Random
    fields: list[Entry]
    place: int
    lists: list[list[Entry]]

    @property
    def entry(self) -> Entry:
        """The field itself."""
        return self.fields[self.place]


def mutant(source: random.Random, model: bytes) -> bytes:
    """A model of which something was changed: fields, bytes, or both."""
    kind = source.random()
    if kind < 0.85:
        entries = take_apart(model)
        for _ in range(source.choice((1, 1, 1, 2, 3))):
            _change(source, entries)
        model = put_together(entries)
    if kind > 0.8:
        model = damaged(source, model)
    return model


def _lists(entries: list[Entry]) -> list[list[Entry]]:
    found = [entries]
    for entry in entries:
        if entry.parts is not None:
            found += _lists(entry.parts)
    return found


def _change(source: random.Random, entries: list[Entry]) -> None:
    lists = _lists(entries)
    fields = source.choice(lists)
    if not fields or source.random() < 0.1:
        fields.insert(source.randint(0, len(fields)), _foreign(source))
    else:
        source.choice(CHANGES)(Spot(source, fields, source.randrange(len(fields)), lists))


def _other_value(spot: Spot) -> None:
    source, entry = spot.source, spot.entry
    if entry.parts is not None:
        if entry.parts:
            _other_value(Spot(source, entry.parts, source.randrange(len(entry.parts)), spot.lists))
    elif isinstance(entry.value, int):
        entry.value = source.choice(
            (
                entry.value + 1,
                entry.value - 1,
                -entry.value,
                source.choice(INTEGERS),
                -source.choice(INTEGERS),
            )
        )
    elif entry.wire_type == FIXED32:
        entry.value = struct.pack(
            "<f", source.choice((0.0, 1.0, -1.0, 1e30, float("nan"), float("inf")))
        )
    elif source.random() < 0.4:
        entry.value = source.choice(_texts(spot.lists))  # another name of the same model
    elif source.random() < 0.5:
        entry.value = source.choice((*OPERATORS, *TEXTS)).encode()
    else:
        entry.value = damaged(source, entry.value)


def _texts(lists: list[list[Entry]]) -> list[bytes]:
    values = (entry.value for fields in lists for entry in fields if entry.parts is None)
    return [value for value in values if isinstance(value, bytes) and len(value) < 40] or [b""]


def _drop(spot: Spot) -> None:
    del spot.fields[spot.place]


def _repeat(spot: Spot) -> None:
    repeated = spot.entry
    for _ in range(spot.source.choice((1, 1, 1, 2, REPEATED))):
        spot.fields.insert(spot.source.randint(0, len(spot.fields)), repeated.copy())


def _move(spot: Spot) -> None:
    spot.fields.insert(spot.source.randrange(len(spot.fields)), spot.fields.pop(spot.place))


def _other_number(spot: Spot) -> None:
    here = spot.entry.number
    spot.entry.number = spot.source.choice(
        (
            here + 1,
            max(here - 1, 0),
            spot.source.randint(1, 30),
            spot.source.randint(1, (1 << 29) - 1),
        )
    )


def _other_form(spot: Spot) -> None:
    """Another wire type; numbers packed into bytes, which protobuf takes for the same list."""
    source, entry = spot.source, spot.entry
    if isinstance(entry.value, int) and source.random() < 0.5:
        numbers = [
            source.choice((entry.value, 1)) & (1 << 64) - 1 for _ in range(source.randint(1, 3))
        ]
        entry.wire_type, entry.value = BYTES, b"".join(map(varint, numbers))
        return
    entry.wire_type, entry.parts = source.choice((VARINT, FIXED64, BYTES, FIXED32, 3, 7)), None
    entry.value = {VARINT: 1, FIXED64: b"\0" * 8, FIXED32: b"\0" * 4}.get(
        entry.wire_type, b"\x08\x01"
    )


def _overlong(spot: Spot) -> None:
    spot.entry.overlong = spot.source.randint(1, 9)


def _copy(spot: Spot) -> None:
    """The field into another message."""
    spot.source.choice(spot.lists).append(spot.entry.copy())


# Most often a value: a mutant that is refused for its form says little about what is looked at
# later.
CHANGES: tuple[Callable[[Spot], None], ...] = (
    *[_other_value] * 6, *[_drop, _repeat, _move] * 2, _other_number, _other_form, _overlong, _copy,
)  # fmt: skip


def _foreign(source: random.Random) -> Entry:
    """A field that no export has: a function, an external tensor, a subgraph, metadata, text, or
    anything.
    """
    pair = Entry(1, BYTES, None, [Entry(1, BYTES, b"location"), Entry(2, BYTES, b"w.bin")])
    nested = Entry(6, BYTES, b"")
    # Python's own recursion, in this file, ends the nesting
    for _ in range(source.choice((1, 3, 60))):
        nested = Entry(6, BYTES, None, [Entry(1, BYTES, None, [Entry(5, BYTES, None, [nested])])])
    foreign = [
        Entry(25, BYTES, None, [Entry(1, BYTES, b"F"), Entry(10, BYTES, b"mine")]),
        Entry(20, BYTES, None, []),
        Entry(13, BYTES, None, pair.parts),
        Entry(14, VARINT, 1),
        Entry(14, BYTES, None, pair.parts),
        Entry(15, BYTES, None, []),
        nested,
        Entry(7, BYTES, b"com.microsoft"),
        Entry(8, BYTES, None, [Entry(1, BYTES, b"com.microsoft"), Entry(2, VARINT, 1)]),
        Entry(21, BYTES, b"val"),
        Entry(16, BYTES, None, pair.parts),
        Entry(
            source.randint(1, 40),
            source.choice((VARINT, BYTES)),
            source.choice((0, 1, b"", b"x", b"\xff\xfe")),
        ),
    ]
    return source.choice(foreign)


def damaged(source: random.Random, data: bytes) -> bytes:
    """Bytes changed, cut off, left out or put in."""
    if not data:
        return source.randbytes(source.randint(0, 3))
    changed, place = bytearray(data), source.randrange(len(data))
    kind = source.randrange(5)
    if kind == 0:
        return data[:place]
    if kind == 1:
        changed[place:place] = source.randbytes(source.randint(1, 8))
    elif kind == 2:
        del changed[place : place + source.randint(1, 8)]
    elif kind == 3:
        changed[place] ^= 1 << source.randrange(8)
    else:
        changed[place] = source.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(changed)
