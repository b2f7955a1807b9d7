"""Hostile model cards: nothing but a card or an AuxdriveError may come out, of the parser and of
opening a bundle with that card.

    python benchmarks/fuzz/cards.py [--count 1000000] [--seed 0]

A genuine card is changed: values of every kind and size at any place, keys renamed, left out or put
twice, depth, damaged text. One in 50 is put into a bundle that is then opened. A card that is
accepted must be the same after it was written and read again, and what the vehicle computes from
cards (limits, ranges, controllers) must work with it or be refused.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.bundles import Bundle, ego_of, parse_card
from auxdrive.cards import ModelCard
from auxdrive.checks.limits import output_limit, output_size
from auxdrive.controllers import make_controller
from auxdrive.tasks import TASKS
from harness import main
from small_bundle import write_small_bundle
from workers import Fuzzer

OPENED = 0.02
RAW = "\ue000"
"""A text that begins with it goes into the JSON without its quotes: numbers that Python would not
write, and damage.
"""
NUMBERS = (
    "0", "-0.0", "1", "-1", "0.5", "2", "1e-300", "5e-324", "1e300", "1e308", "1e309", "-1e999",
    "NaN", "Infinity", "9" * 30, "9" * 5000, "1.0", "true", "1E400", "0x1", "01", "1_0", ".5",
    "4294967296", "9223372036854775808", "1" + "0" * 400,
)  # fmt: skip
TEXTS = (
    "", "image", "speed_mps", "steering", "waypoints", "student", "teacher", "uint8", "float32",
    "deg", "cm", "m", "batch", "../x", "/etc/passwd", "a/../../b", "C:\\x", "model.onnx",
    "card.json", ".DS_Store", "reference/", "\x00", "\x1b[2J", "\u202e", "\ufeff", "\ud800",
    "x" * 900, "0" * 64, "A" * 64, "auxdrive-bundle-2", "NaN", "1", "null", "__proto__", "é" * 64,
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A card's text, and whether it goes into a bundle."""

    text: bytes
    opened: bool


def value(source: random.Random, depth: int = 2) -> Any:
    """Anything that JSON can hold, and some that it cannot."""
    kind = source.randrange(8 if depth else 5)
    if kind < 2:
        return RAW + source.choice(NUMBERS)
    if kind < 4:
        return source.choice(TEXTS)
    if kind == 4:
        return source.choice(
            (
                None,
                True,
                False,
                source.uniform(-1e3, 1e3),
                source.randint(-10, 10_000),
                RAW + "[" * 3000,
                RAW + '{"a":' * 300,
            )
        )
    if kind == 5:
        return {source.choice(TEXTS): value(source, depth - 1) for _ in range(source.randint(0, 3))}
    return [value(source, depth - 1) for _ in range(source.choice((0, 1, 2, 2, 3, 4, 8)))]


def places(holder: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value below: keys and indices."""
    keys = (
        list(holder)
        if isinstance(holder, dict)
        else list(range(len(holder)))
        if isinstance(holder, list)
        else []
    )
    return [place for key in keys for place in ((*path, key), *places(holder[key], (*path, key)))]


def change(source: random.Random, container: Any, key: Any) -> None:
    """Another value, key or item at one place."""
    kind = source.randrange(8)
    if kind < 4:
        container[key] = value(source)
    elif kind == 4 and isinstance(container[key], int | float):
        container[key] = (
            container[key] * source.choice((-1, 0, 1e-9, 0.5, 2, 1e9, 1e200))
            if source.random() < 0.8
            else str(container[key])
        )
    elif kind == 5:
        del container[key]
    elif kind == 6 and isinstance(container, dict):
        container[source.choice((*TEXTS, f"{key}x"))] = (
            container[key] if source.random() < 0.5 else value(source)
        )
    elif isinstance(container, list):
        container.insert(key, deepcopy(source.choice((container[key], value(source)))))


def changed(
    source: random.Random, card: dict[str, Any], paths: list[tuple[Any, ...]]
) -> dict[str, Any]:
    """The card with one to three changes."""
    for _ in range(source.choice((1, 1, 1, 2, 3))):
        *way, key = source.choice(paths)
        container: Any = card
        try:
            for step in way:
                container = container[step]
            change(source, container, key)
        # an earlier change took the place away
        except (KeyError, IndexError, TypeError, AttributeError):
            continue
    return card


def written(source: random.Random, card: Any) -> str:
    """JSON, with the raw parts as they are; now and then with a key that stands twice."""
    text = json.dumps(card, ensure_ascii=source.random() < 0.5)
    text = re.sub(
        r'"(?:\\ue000|\ue000)((?:[^"\\]|\\.)*)"', lambda found: json.loads(f'"{found[1]}"'), text
    )
    if source.random() < 0.005:
        key = source.choice(re.findall(r'"[a-z_]+": ', text) or ['"name": '])
        text = text.replace(key, f"{key}1, {key}", 1)
    return text


def damaged(source: random.Random, text: bytes) -> bytes:
    """Bytes of a text changed, cut off or put in."""
    changed_text, place = bytearray(text), source.randrange(len(text))
    kind = source.randrange(4)
    if kind == 0:
        return text[:place]
    if kind == 1:
        changed_text[place] = source.randrange(256)
    elif kind == 2:
        changed_text[place:place] = source.choice(
            (b"\xff", b"\xef\xbb\xbf", b",", b'"', b"}", b"\\ud800", b"\0", b"//", b"1e")
        )
    else:
        return source.choice(
            (
                b"\xef\xbb\xbf" + text,
                text.decode("utf-8", "replace").encode("utf-16"),
                text + text,
                text * 40,
                b"\xff\xfe" + text,
            )
        )
    return bytes(changed_text)


def use(card: ModelCard, text: bytes) -> str:
    """What a vehicle does with a card that was accepted."""
    again = parse_card(card.model_dump_json().encode(), "written again")
    assert again == card, text[:2000]
    bounds, limit = ego_of(card).bounds(card.input_ranges), output_limit(card)
    assert limit.largest > 0, text[:2000]
    assert all(
        low <= high
        for bound in bounds.values()
        for low, high in zip(bound.low, bound.high, strict=True)
    ), text[:2000]
    task = TASKS[card.task]
    assert output_size(card, np.zeros(task.shape(card.form)).tolist()) == 0.0
    assert task.controller is not None
    make_controller(task.controller, card.steering, card.vehicle)
    return "accepted"


def setup(arguments: argparse.Namespace) -> Fuzzer[Case]:  # noqa: ARG001 (one signature for every fuzzer)
    """A fuzzer with a bundle of its own."""
    folder = tempfile.TemporaryDirectory()
    bundle = write_small_bundle(Path(folder.name) / "bundle")
    genuine = (bundle / "card.json").read_text()
    paths = places(json.loads(genuine))

    def draw(source: random.Random) -> Case:
        text = written(source, changed(source, json.loads(genuine), paths)).encode(
            "utf-8", "surrogatepass"
        )
        if source.random() < 0.1:
            text = damaged(source, text)
        return Case(text, source.random() < OPENED)

    def check(case: Case) -> str:
        assert folder.name  # the folder lives as long as the fuzzer
        if case.opened:
            (bundle / "card.json").write_bytes(case.text)
            opened = Bundle.open(bundle)
            return f"bundle {use(opened.card, case.text)}"
        return use(parse_card(case.text, "the card"), case.text)

    return Fuzzer(draw, check, show=lambda case: repr(case.text[:4000]))


if __name__ == "__main__":
    main("cards", setup, __doc__, count=1_000_000)
