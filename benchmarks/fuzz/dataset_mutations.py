"""Ways to damage the folder of a data set."""

from __future__ import annotations

import io
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from small_dataset import sound

VALUES = (
    "null", "true", "-1", "0", "1e999", "NaN", "Infinity", "9" * 5000, "1e-400", '""',
    '"\\ud800"', '"../x"', "[]", "{}", "[[]]", "[" * 3000 + "]" * 3000, '{"a":1,"a":2}',
    '"' + "x" * 5000 + '"', "5e-324", "1e308", '"rgb"', '["rgb"]', '["a","a"]',
)  # fmt: skip
DESCRS = (
    "|O",
    "<f8",
    "|u1",
    ">u2",
    "|V0",
    "<U0",
    "|S0",
    "<U9",
    "<M8[s]",
    "<f2",
    "<c16",
    "|b1",
    "<i999",
    "",
    "x",
    "|V1000000000",
)
SHAPES = (
    "()", "(0,)", "(3,)", "(4,)", "(-1,)", "(3, 4, 6, 3)", "(3, 6, 4, 3)", "(4, 0, 6)",
    f"({'9' * 4000},)", "(1 << 40,)", "(True,)", "(2.0,)", "4", "(999999999999, 999999999999)",
    "(0, 99999999999999999999)", "(1,) * 99", "(" + "1, " * 200 + ")", "[4]", "('a',)",
)  # fmt: skip
NAMES = (
    "\udcff\udcfe",
    "a b",
    "x" * 255,
    "\x1b[2J",
    "line\nbreak",
    "s0-00000.bak",
    ".partial-x-1",
    "thumbs.db",
    "state.npy",
    "ü",
)


@dataclass
class Case:
    """What stands in the folder, and what was done to it."""

    files: dict[str, bytes]
    said: list[str] = field(default_factory=list)
    special: dict[str, str] = field(default_factory=dict)


def draw(source: random.Random) -> Case:
    """One to three changes to a sound data set."""
    case = Case(dict(sound()))
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        change = source.choice(
            (change_bytes, change_json, change_header, change_header, change_content, change_layout)
        )
        change(case, source)
    return case


def pick(case: Case, source: random.Random, suffix: str = "") -> str:
    """A file of that suffix that is still there."""
    return source.choice(
        sorted(name for name in case.files if name.endswith(suffix)) or sorted(sound())
    )


def change_bytes(case: Case, source: random.Random) -> None:
    """Bytes changed, put in, taken out or cut off."""
    name = pick(case, source)
    data = bytearray(case.files.get(name, b""))
    at = (
        source.randrange(len(data) + 1)
        if source.random() < 0.5
        else source.randrange(min(len(data), 130) + 1)
    )
    kind = source.choice(("change", "insert", "cut", "remove", "append"))
    some = source.randbytes(source.choice((1, 1, 2, 8, 200)))
    if kind == "cut":
        del data[at:]
    elif kind == "remove":
        del data[at : at + len(some)]
    elif kind == "append":
        data += some
    else:
        data[at : at + (len(some) if kind == "change" else 0)] = some
    case.files[name] = bytes(data)
    case.said.append(f"{name}: {kind} {len(some)} at {at}")


def change_json(case: Case, source: random.Random) -> None:
    """A value of the card replaced, left out or doubled; or another beginning."""
    try:
        card = json.loads(case.files.get("dataset.json", b""))
        where, key = source.choice(list(places(card)))
    except (ValueError, IndexError, RecursionError):  # damaged already
        return
    kind = source.choice(("replace", "replace", "replace", "drop", "double", "new key", "mark"))
    value = source.choice(VALUES)
    if kind == "drop":
        del where[key]
    else:
        where[
            key
            if kind != "new key" or isinstance(where, list)
            else source.choice(("x", "format", "naem"))
        ] = "@@"
    text = json.dumps(card).replace('"@@"', value)
    if kind == "double":
        text = "{" + f'"name": {value}, ' + text[1:]
    case.files["dataset.json"] = (b"\xef\xbb\xbf" if kind == "mark" else b"") + text.encode()
    case.said.append(f"dataset.json: {kind} {key!r} by {value[:20]}")


def places(value: Any) -> Any:
    """(container, key) of everything inside a JSON value."""
    for key in (
        list(value)
        if isinstance(value, dict)
        else range(len(value))
        if isinstance(value, list)
        else ()
    ):
        yield value, key
        yield from places(value[key])


def change_header(case: Case, source: random.Random) -> None:
    """Another header for the same data."""
    name = pick(case, source, ".npy")
    data = case.files.get(name, b"")
    length = int.from_bytes(data[8:10], "little")
    descr, shape = source.choice(DESCRS), source.choice(SHAPES)
    old = data[10 : 10 + length].decode("latin1").strip()
    texts: list[Callable[[], str]] = [
        lambda: f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}",
        lambda: f"{{'descr': {descr!r}, 'fortran_order': True, 'shape': (4, 4, 6, 3)}}",
        lambda: f"{{'descr': [('a', {descr!r}, {shape})], 'fortran_order': False, 'shape': (4,)}}",
        lambda: old.replace(
            "'shape': (", f"'shape': ({source.choice(('9' * 30, '-1', '0', '5'))}, "
        ),
        lambda: old.replace("False", "True"),
        lambda: "(" * source.choice((50, 5000)),
        lambda: f"{{'descr': {old}, 'fortran_order': False, 'shape': (3,)}}",
        lambda: old[: source.randrange(len(old) + 1)],
    ]
    text = source.choice(texts)().encode("latin1") + b"\n"
    version = source.choice((b"\x01\x00", b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x07\x07"))
    size = (
        len(text).to_bytes(2 if version[0] == 1 else 4, "little", signed=False)
        if len(text) < 65536
        else b"\xff\xff"
    )
    body = data[10 + length :] if source.random() < 0.8 else b""
    case.files[name] = b"\x93NUMPY" + version + size + text + body
    case.said.append(f"{name}: header {text[:80]!r} version {version.hex()}")


def change_content(case: Case, source: random.Random) -> None:
    """Numbers in the records that no recording has."""
    name = source.choice(("episodes/a/state.npy", "episodes/b/state.npy"))
    if case.files.get(name) != sound()[name]:  # damaged already
        return
    state = np.load(io.BytesIO(sound()[name]), allow_pickle=False)
    key = source.choice(state.dtype.names)
    value = source.choice((np.nan, np.inf, -np.inf, 1e300, -1, 0, 127))
    with np.errstate(all="ignore"):
        state[key][source.randrange(len(state))] = (
            value if state.dtype[key].kind == "f" else source.choice((-1, 0, 127))
        )
    stream = io.BytesIO()
    np.save(stream, state, allow_pickle=False)
    case.files[name] = stream.getvalue()
    case.said.append(f"{name}: {key}")


def change_layout(case: Case, source: random.Random) -> None:
    """Files that are gone, doubled, something else, or called something odd."""
    name = pick(case, source)
    kind = source.choice(
        (
            "gone",
            "pipe",
            "folder",
            "link to itself",
            "link to a device",
            "odd name",
            "another's",
            "copy",
        )
    )
    if kind == "gone":
        case.files.pop(name, None)
    elif kind == "odd name":
        case.files[f"{source.choice(('', 'episodes/', 'episodes/a/'))}{source.choice(NAMES)}"] = (
            case.files.get(name, b"")
        )
    elif kind == "another's":
        case.files[name] = case.files.get(pick(case, source), b"")
    elif kind == "copy":
        copy = source.choice(NAMES)
        case.files |= {
            f"episodes/{copy}/{key.split('/')[-1]}": data
            for key, data in case.files.items()
            if key.startswith("episodes/a/")
        }
    else:
        case.special[name] = kind
    case.said.append(f"{name}: {kind}")


def lay(case: Case, root: Path) -> None:
    """Write the case. What the file system does not take is left out."""
    for name, data in case.files.items():
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        except OSError:
            continue
    for name, kind in case.special.items():
        path = root / name
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "pipe":
            os.mkfifo(path)
        elif kind == "folder":
            path.mkdir()
        else:
            path.symlink_to(path.name if kind == "link to itself" else "/dev/zero")
