"""Bundles: a directory that holds a model and everything that is said of it, checked file by file before anything is used.

    card.json               what the model is (`ModelCard`), with the SHA-256 of every other file
    model.onnx              the graph, camera's picture in, physical units out; no external data
    README.md               the card for people
    reference/images.npy    uint8 (N, H, W, 3)
    reference/ego.npy       float32 (N, E): the ego inputs side by side in the card's order; E = 0 for a camera alone
    reference/outputs.npy   float32, what the trained student said of these frames
    reference/control.npy   the same of weights of another seed, which the parity check must refuse

Files that the card does not name may not stand there, none may be missing, and none may be a link. A bundle is read-only.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import stat
import tokenize
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from pydantic import ValidationError

from auxdrive.cards import ModelCard, TensorSpec
from auxdrive.errors import BundleError, UsageError
from auxdrive.onnx_graph import MAX_MODEL_BYTES
from auxdrive.types import AnyArray

CARD_NAME = "card.json"
MODEL_NAME = "model.onnx"
README_NAME = "README.md"
REFERENCE_IMAGES = "reference/images.npy"
REFERENCE_EGO = "reference/ego.npy"
REFERENCE_OUTPUTS = "reference/outputs.npy"
REFERENCE_CONTROL = "reference/control.npy"
REQUIRED_FILES = (MODEL_NAME, README_NAME, REFERENCE_IMAGES, REFERENCE_EGO, REFERENCE_OUTPUTS, REFERENCE_CONTROL)

IMAGE_INPUT = "image"
# Ego inputs that a predictor can supply, and how many numbers each has.
EGO_INPUTS = {"speed_mps": 1, "target_ego_m": 2}
OUTPUT_OF_TASK = {"steering": "steer_rad", "waypoints": "waypoints_ego_m"}
# A card that gives another unit describes another model than the one that a predictor runs.
UNIT_OF = {"image": "intensity", "speed_mps": "m/s", "target_ego_m": "m", "steer_rad": "rad", "waypoints_ego_m": "m"}

MAX_CARD_BYTES = 4 << 20
MAX_FILE_BYTES = MAX_MODEL_BYTES
MAX_TOTAL_BYTES = 4 << 30
MAX_FILES = 256
MAX_DEPTH = 4

# What NumPy's parser of headers raises on damaged ones; what it only warns of is damage too.
_NPY_ERRORS = (ValueError, TypeError, KeyError, SyntaxError, OverflowError, RecursionError, MemoryError, tokenize.TokenError, Warning)
_AGAIN = "Copy or export the bundle again"


class Bundle:
    """A bundle whose card was parsed and whose every file had the SHA-256 that the card gives when it was opened."""

    def __init__(self, path: Path, card: ModelCard) -> None:
        self.path = path
        self.card = card

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Bundle:
        """Open the bundle in a directory and check all of it.

        Raises:
            UsageError: there is no such directory, or it is no bundle (it has no card.json).
            BundleError: the card is wrong, or a file is missing, extra, a link, too large, or not what the card says.
        """
        root = Path(path)
        if not root.is_dir():
            raise UsageError(f"{root}: no such directory; a bundle is the directory that `auxdrive export` writes")
        if not os.path.lexists(root / CARD_NAME):
            raise UsageError(f"{root}: no bundle, it holds no {CARD_NAME}; name the directory that `auxdrive export` wrote")
        bundle = cls(root, parse_card(_read(root, CARD_NAME, MAX_CARD_BYTES), f"{root / CARD_NAME}"))
        bundle._check_files()
        return bundle

    @property
    def model_path(self) -> Path:
        """Where the graph lies. To run it, load `read("model.onnx")`: those bytes are the ones that were checked."""
        return self.path / MODEL_NAME

    @property
    def ego_inputs(self) -> tuple[TensorSpec, ...]:
        """The inputs beside the image, in the order of the card and of the columns of `reference/ego.npy`."""
        return tuple(spec for spec in self.card.inputs if spec.name != IMAGE_INPUT)

    def read(self, name: str) -> bytes:
        """The content of a file of the card, read once and held against its SHA-256: what is returned is what was checked.

        Raises:
            BundleError: no such file in the card, or its content changed since the card was written.
        """
        expected = self.card.files.get(name)
        if expected is None:
            raise BundleError(f"{self.path}: the card names no file '{name}'")
        data = _read(self.path, name, MAX_FILE_BYTES)
        if hashlib.sha256(data).hexdigest() != expected:
            raise BundleError(f"{self.path / name}: its SHA-256 is not the one in {CARD_NAME}: the file was changed. {_AGAIN}")
        return data

    def read_array(self, name: str) -> AnyArray:
        """A `.npy` file of the card as an array (read-only), checked like `read`; never pickled objects."""
        return parse_npy(self.read(name), f"{self.path / name}")

    def _check_files(self) -> None:
        present = dict(_walk(self.path, PurePosixPath(), 0))
        missing = sorted(self.card.files.keys() - present.keys())
        extra = sorted(present.keys() - self.card.files.keys() - {CARD_NAME})
        if missing:
            raise BundleError(f"{self.path}: missing {_some(missing)}, named in {CARD_NAME}. {_AGAIN}")
        if extra:
            raise BundleError(f"{self.path}: {_some(extra)} not named in {CARD_NAME}. A bundle holds nothing else: move it elsewhere")
        if sum(present.values()) > MAX_TOTAL_BYTES:
            raise BundleError(f"{self.path}: {sum(present.values())} bytes together, more than the limit of {MAX_TOTAL_BYTES}")
        for name in self.card.files:
            self.read(name)


def sha256_of_files(root: str | os.PathLike[str]) -> dict[str, str]:
    """Relative path -> SHA-256 of every file under a directory but card.json: the `files` of the card that is to be written.

    Raises:
        BundleError: links, special files, too many or too large files.
    """
    base = Path(root)
    names = sorted(name for name, _ in _walk(base, PurePosixPath(), 0) if name != CARD_NAME)
    return {name: hashlib.sha256(_read(base, name, MAX_FILE_BYTES)).hexdigest() for name in names}


def parse_card(data: bytes, where: str) -> ModelCard:
    """A card from its JSON: strict types, no unknown or repeated keys, no NaN, and consistent with itself.

    Raises:
        BundleError: with every mistake that was found.
    """
    try:
        json.loads(data, object_pairs_hook=_no_repeated_keys, parse_constant=_no_constant)
        card = ModelCard.model_validate_json(data, strict=True)
    except ValidationError as error:
        mistakes = "; ".join(f"{'.'.join(map(str, e['loc'])) or 'card'}: {e['msg']}" for e in error.errors(include_url=False)[:10])
        raise BundleError(f"{where}: no valid model card: {mistakes}. {_AGAIN}") from None
    except RecursionError:
        raise BundleError(f"{where}: no valid model card: nested too deeply. {_AGAIN}") from None
    except ValueError as error:
        raise BundleError(f"{where}: no valid JSON: {error}. {_AGAIN}") from None
    mistakes = "; ".join(_card_mistakes(card))
    if mistakes:
        raise BundleError(f"{where}: {mistakes}. {_AGAIN}")
    return card


def _card_mistakes(card: ModelCard) -> Iterator[str]:
    """What the types alone do not say: the layout of a bundle and the inputs and outputs that a predictor can serve."""
    for name in sorted(card.files):
        if not _is_plain_relative(name) or name == CARD_NAME:
            yield f"files: '{name}' is not a path inside the bundle"
    if missing := [name for name in REQUIRED_FILES if name not in card.files]:
        yield f"files: {_some(missing)} not named"
    if card.training.role != "student":
        yield "training.role: a bundle holds a student; teachers need sensors that the vehicle does not have"
    names = [spec.name for spec in card.inputs]
    if len(set(names)) != len(names) or IMAGE_INPUT not in names:
        yield f"inputs: need '{IMAGE_INPUT}' and each name once, got {names}"
    for spec in card.inputs:
        want = _input_axes(card, spec.name)
        if want is None:
            yield f"inputs: '{spec.name}' is none of {IMAGE_INPUT}, {', '.join(EGO_INPUTS)}"
        elif spec.shape[1:] != want or not _is_batch(spec.shape[:1]) or spec.dtype != ("uint8" if spec.name == IMAGE_INPUT else "float32"):
            yield f"inputs: '{spec.name}' must be {'uint8' if spec.name == IMAGE_INPUT else 'float32'} (N, {str(want)[1:-1].rstrip(',')})"
    yield from _output_mistakes(card)
    for spec in (*card.inputs, *card.outputs):
        if spec.unit != UNIT_OF.get(spec.name, spec.unit):
            yield f"'{spec.name}' is in {UNIT_OF[spec.name]}, not in '{spec.unit}'"


def _output_mistakes(card: ModelCard) -> Iterator[str]:
    name, times = OUTPUT_OF_TASK[card.task], card.waypoint_times_s
    want = (1,) if card.task == "steering" else (len(times), 2)
    if [spec.name for spec in card.outputs] != [name]:
        yield f"outputs: a {card.task} model has the one output '{name}'"
    elif card.outputs[0].shape[1:] != want or not _is_batch(card.outputs[0].shape[:1]) or card.outputs[0].dtype != "float32":
        yield f"outputs: '{name}' must be float32 (N, {', '.join(map(str, want))})"
    if card.task == "waypoints" and (not times or any(b <= a for a, b in pairwise((0.0, *times)))):
        yield "waypoint_times_s: need one time per waypoint, increasing from above 0"
    if card.task == "steering" and times:
        yield "waypoint_times_s: a steering model has none"
    if card.parity.unit != ("deg" if card.task == "steering" else "cm"):
        yield "parity.unit: steering is compared in deg, waypoints in cm"


def _input_axes(card: ModelCard, name: str) -> tuple[int, ...] | None:
    if name == IMAGE_INPUT:
        return (card.camera.height, card.camera.width, 3)
    return (EGO_INPUTS[name],) if name in EGO_INPUTS else None


def _is_batch(axis: tuple[int | str, ...]) -> bool:
    return len(axis) == 1 and (axis[0] == 1 or isinstance(axis[0], str))


def _is_plain_relative(name: str) -> bool:
    parts = name.split("/")
    return name.isprintable() and "\\" not in name and ":" not in name and not any(part in ("", ".", "..") for part in parts)


def _no_repeated_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"the key '{next(key for key in keys if keys.count(key) > 1)}' stands there twice")
    return dict(pairs)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _walk(root: Path, folder: PurePosixPath, depth: int) -> Iterator[tuple[str, int]]:
    """(relative path, bytes) of every file, following no links."""
    if depth > MAX_DEPTH:
        raise BundleError(f"{root / folder}: folders nested deeper than {MAX_DEPTH}; no bundle of auxdrive is")
    count = 0
    with os.scandir(root / folder) as entries:
        for entry in entries:
            count += 1
            if count > MAX_FILES:
                raise BundleError(f"{root / folder}: more than {MAX_FILES} files; no bundle of auxdrive has as many")
            if entry.is_symlink():
                raise BundleError(f"{entry.path}: a symbolic link; a bundle holds its files itself. Copy it with the links resolved")
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(root, folder / entry.name, depth + 1)
            elif entry.is_file(follow_symlinks=False):
                yield str(folder / entry.name), entry.stat(follow_symlinks=False).st_size
            else:
                raise BundleError(f"{entry.path}: neither a file nor a folder; remove it")


def _read(root: Path, name: str, limit: int) -> bytes:
    """A regular file, at most `limit` bytes. O_NONBLOCK: a pipe put in its place must not hang us."""
    path = root / name
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
        with os.fdopen(handle, "rb") as file:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise BundleError(f"{path}: not a regular file. {_AGAIN}")
            data = file.read(limit + 1)
    except OSError as error:
        raise BundleError(f"{path}: cannot be read ({error.strerror}); links are not followed. {_AGAIN}") from None
    if len(data) > limit:
        raise BundleError(f"{path}: larger than the limit of {limit} bytes")
    return data


def parse_npy(data: bytes, where: str) -> AnyArray:
    """An array from the bytes of a `.npy` file; the size is checked against the header before anything is allocated.

    Raises:
        BundleError: no `.npy` file, Python objects inside, or more or less data than its header says.
    """
    stream = io.BytesIO(data)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            shape, fortran, dtype = _npy_header(stream)
        if dtype.hasobject:
            raise ValueError("it holds Python objects")
        held = len(data) - stream.tell()
        if any(axis < 0 for axis in shape) or math.prod(shape) * dtype.itemsize != held:
            raise ValueError(f"its header says {shape} of {dtype}, it holds {held} bytes")
        flat = np.frombuffer(data, dtype=dtype, offset=stream.tell(), count=math.prod(shape))
        return flat.reshape(shape, order="F" if fortran else "C")
    except _NPY_ERRORS as error:
        raise BundleError(f"{where}: not a readable .npy array: {error}. {_AGAIN}") from None


def _npy_header(stream: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(stream)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(stream)
    raise ValueError(f"version {version} of the format")


def _some(names: list[str]) -> str:
    return ", ".join(f"'{name}'" for name in names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
