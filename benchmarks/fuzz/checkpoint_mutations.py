"""Ways to damage a checkpoint.

Half of the mutations damage the file's bytes as disks and copies do; the other half change what it
says and make its SHA-256 right again, as only somebody who means it can.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import safetensors.torch
import torch
from auxdrive_train.engine.checkpoint import content_sha256
from torch import Tensor

ODD_NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2**31, 2**53, 2**53 + 1, 2**70, -(10**40), 0.5, 1e308, -1e308, True, False, None, "0",
    "", [], {}, [1], {"a": 1}, "x" * 9999,
)  # fmt: skip


@dataclass(frozen=True)
class Mutation:
    """A damaged file. honest: its SHA-256 is not made right, so that it must be refused or say the
    same as before.
    """

    data: bytes
    what: str
    honest: bool


def mutate(data: bytes, source: random.Random) -> Mutation:
    """One damaged file from a sound one."""
    kind = source.choice(sorted(BYTES)) if source.random() < 0.5 else source.choice(sorted(MEANT))
    if kind in BYTES:
        return Mutation(BYTES[kind](bytearray(data), source), kind, honest=True)
    length = int.from_bytes(data[:8], "little")
    texts = json.loads(data[8 : 8 + length])["__metadata__"]
    tensors = safetensors.torch.load(data)
    MEANT[kind](texts, tensors, source)
    if source.random() < 0.9:
        texts["sha256"] = content_sha256(texts, tensors)
    return Mutation(safetensors.torch.save(tensors, metadata=texts), kind, honest=False)


def _place(data: bytearray, source: random.Random) -> int:
    """A place in the file; the header is small and matters, so that half of all fall there."""
    length = int.from_bytes(data[:8], "little")
    return (
        source.randrange(min(8 + length, len(data)))
        if source.random() < 0.5
        else source.randrange(len(data))
    )


def _flip(data: bytearray, source: random.Random) -> bytes:
    for _ in range(source.choice((1, 1, 2, 8))):
        data[_place(data, source)] ^= 1 << source.randrange(8)
    return bytes(data)


def _overwrite(data: bytearray, source: random.Random) -> bytes:
    place, count = _place(data, source), source.choice((1, 4, 64, 4096))
    data[place : place + count] = source.choice(
        (bytes(count), b"\xff" * count, source.randbytes(count))
    )
    return bytes(data)


def _cut(data: bytearray, source: random.Random) -> bytes:
    return bytes(data[: source.choice((0, 1, 7, 8, 9, _place(data, source), len(data) - 1))])


def _remove(data: bytearray, source: random.Random) -> bytes:
    place = _place(data, source)
    del data[place : place + source.choice((1, 2, 512))]
    return bytes(data)


def _insert(data: bytearray, source: random.Random) -> bytes:
    place = source.choice((_place(data, source), len(data)))
    data[place:place] = source.choice((b" ", b"\x00", b'"', b"{}", b",", source.randbytes(100)))
    return bytes(data)


def _swap(data: bytearray, source: random.Random) -> bytes:
    one, two, count = _place(data, source), _place(data, source), source.choice((1, 16, 512))
    first, second = data[one : one + count], data[two : two + count]
    data[one : one + len(second)], data[two : two + len(first)] = second, first
    return bytes(data)


def _length(data: bytearray, source: random.Random) -> bytes:
    odd = (0, 1, len(data), 2**32, 2**63, 2**64 - 1, source.randrange(len(data)))
    return source.choice(odd).to_bytes(8, "little") + bytes(data[8:])


def _edit_header(data: bytearray, source: random.Random) -> bytes:
    """Change a number or a name in the header's JSON and give it its right length."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(bytes(data[8 : 8 + length]))
    name = source.choice(sorted(header))
    entry = header[name]
    if name == "__metadata__":
        key = source.choice(sorted(entry))
        entry[key] = source.choice(
            ("", "{}", "[]", "null", entry[key][:-1], entry[key] + " ", 5, None)
        )
    else:
        change: Any = source.choice(
            (
                lambda: entry.__setitem__(
                    "dtype", source.choice(("F64", "I32", "BOOL", "U8", "F8_E4M3", "C64", "X", 3))
                ),
                lambda: entry.__setitem__(
                    "shape",
                    source.choice(([], [0], [1], [2**63], [-1], [4, 3], [3, 4, 1], "4", [1.5])),
                ),
                lambda: entry.__setitem__(
                    "data_offsets",
                    source.choice(([0, 0], [0, 2**62], [8, 4], [0, 48], [-1, 3], "x", [1])),
                ),
                lambda: header.__setitem__(name + "x", header.pop(name)),
                lambda: header.__setitem__(
                    source.choice(("net/", "", "optim/a", "role/x/y", "best")), header.pop(name)
                ),
                lambda: header.pop(name),
                lambda: entry.__setitem__("more", 1),
            )
        )
        change()
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data[8 + length :])


def _progress(texts: dict[str, Any], tensors: dict[str, Tensor], source: random.Random) -> None:
    del tensors
    stored = json.loads(texts["progress"])
    place = source.choice(sorted(stored))
    if place == "history" and source.random() < 0.7:
        record = stored["history"][0]
        record[source.choice((*sorted(record), "more"))] = source.choice(ODD_NUMBERS)
    else:
        stored[source.choice((place, place, place, "more"))] = source.choice(
            (*ODD_NUMBERS, math.nan, math.inf)
        )
    texts["progress"] = source.choice(
        (
            json.dumps(stored),
            json.dumps(stored),
            json.dumps([stored]),
            json.dumps(stored)[:-1],
            "[" * 5000,
        )
    )


def _texts(texts: dict[str, Any], tensors: dict[str, Tensor], source: random.Random) -> None:
    del tensors
    key = source.choice(("format", "fingerprint", "roles", "progress"))
    texts[key] = source.choice(
        ("", "null", "[1]", '["student", "teacher"]', '["x/y"]', "\U0001f600", '"teacher"', "{}")
    )
    if source.random() < 0.2:
        del texts[key]


def _values(texts: dict[str, Any], tensors: dict[str, Tensor], source: random.Random) -> None:
    del texts
    tensor = tensors[source.choice(sorted(tensors))]
    if tensor.is_floating_point():
        tensor.reshape(-1)[source.randrange(tensor.numel())] = source.choice(
            (math.nan, math.inf, 0.0, -0.0, 1e30)
        )


def _types(texts: dict[str, Any], tensors: dict[str, Tensor], source: random.Random) -> None:
    del texts
    name = source.choice(sorted(tensors))
    dtype = source.choice(
        (
            torch.float64,
            torch.float16,
            torch.bfloat16,
            torch.int64,
            torch.bool,
            torch.complex64,
            torch.uint8,
        )
    )
    tensors[name] = tensors[name].to(dtype)


def _shapes(texts: dict[str, Any], tensors: dict[str, Tensor], source: random.Random) -> None:
    del texts
    name = source.choice(sorted(tensors))
    tensor = tensors[name]
    flat = tensor.reshape(-1)
    made = (
        flat,
        tensor.unsqueeze(0),
        torch.zeros(0),
        torch.zeros(()),
        torch.cat((flat, flat)),
        flat.unsqueeze(1),
    )
    tensors[name] = source.choice(made).clone()


def _names(texts: dict[str, Any], tensors: dict[str, Tensor], source: random.Random) -> None:
    del texts
    name = source.choice(sorted(tensors))
    tensor = tensors.pop(name)
    if source.random() < 0.7:
        odd = (
            name + "x", name.replace("/", "//", 1), "optim/student/-1/step",
            "optim/student/999/exp_avg", "optim/student/0/step/x", "", "net/",
            "optim/student/\u0665/step", "role/student/0.weight", "best/", "optim/other/0/step",
            "\u202e",
        )  # fmt: skip
        tensors[source.choice(odd)] = tensor


BYTES: dict[str, Callable[[bytearray, random.Random], bytes]] = {
    "bits flipped": _flip, "bytes overwritten": _overwrite, "cut off": _cut,
    "bytes removed": _remove, "bytes inserted": _insert, "blocks swapped": _swap,
    "another header length": _length, "header edited": _edit_header,
}  # fmt: skip
MEANT: dict[str, Callable[[dict[str, Any], dict[str, Tensor], random.Random], None]] = {
    "another progress": _progress, "other texts": _texts, "other values": _values,
    "other types": _types, "other shapes": _shapes, "other names": _names,
}  # fmt: skip
