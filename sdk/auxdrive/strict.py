"""Strict reading of JSON and of pydantic models: a file that is not exactly what auxdrive writes is
refused.

Python's JSON parser takes the last of two equal keys, and accepts NaN, infinities, numbers that
overflow and half characters (lone surrogates). A file with any of these was not written by
auxdrive, or was damaged since. Models are validated without conversions: a number in quotes is no
number.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from auxdrive.errors import DataError
from auxdrive.mistakes import mistakes_of
from auxdrive.storage.reading import ErrorKind, no_document, read_bytes, shown


class Strict(BaseModel):
    """Base of auxdrive's models: unknown keys and numbers that are not finite are refused, and an
    object cannot be changed once it is made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_EMPTY: tuple[object, ...] = (None, "", (), [], {})


def without_empty(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What a model is written as, less some fields where they are None or empty: fields that were
    added later, of which files, their hashes and older readers should know only where they are
    used.

    Args:
        values: of the model, by field.
        names: of the fields.
    """
    return {key: value for key, value in values.items() if key not in names or value not in _EMPTY}


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Values with others over them; groups are merged key by key.

    Args:
        below: the values.
        above: what wins over them.
    """
    found = {**below, **above}
    for key, value in below.items():
        over = above.get(key)
        if isinstance(value, Mapping) and isinstance(over, Mapping):
            found[key] = merged(value, over)
    return found


Model = TypeVar("Model", bound=BaseModel)

MAX_JSON_BYTES = 16 << 20
MAX_DEPTH = 32
_BOM = b"\xef\xbb\xbf"
_MOST_DIGITS = 300


def parse_json(data: bytes, where: str, kind: ErrorKind = DataError) -> Any:
    """The value of a JSON document.

    Args:
        data: the document, in UTF-8.
        where: what the document is; the message of an error begins with it.
        kind: the class of the error.

    Raises:
        kind: it is empty, packed, no UTF-8 or no JSON, an object has a key twice, a number is not
            finite or has hundreds of digits, a text holds a lone surrogate, or it is nested
            deeper than `MAX_DEPTH`.
    """
    if (instead := no_document(data)) is not None:
        raise kind(f"{where}: {instead}")
    if data.startswith(_BOM):
        raise kind(
            f"{where}: begins with a byte order mark, which an editor put there; save it as UTF-8 "
            "without one"
        )
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_each_key_once,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=whole,
        )
        refuse_odd(value)
    except UnicodeDecodeError as error:
        raise kind(f"{where}: is not UTF-8 text ({error.reason} at byte {error.start})") from None
    except RecursionError:
        raise kind(f"{where}: is nested too deeply") from None
    except ValueError as error:
        raise kind(f"{where}: no valid JSON: {shown(error)}") from None
    return value


def parse_object(data: bytes, where: str, kind: ErrorKind = DataError) -> dict[str, Any]:
    """The JSON object of a document.

    Args:
        data: see `parse_json`.
        where: see `parse_json`.
        kind: see `parse_json`.

    Raises:
        kind: as `parse_json`, or the value is no object.
    """
    value = parse_json(data, where, kind)
    if not isinstance(value, dict):
        raise kind(f"{where}: must hold a JSON object, not a {type(value).__name__}")
    return value


def parse_model(data: bytes, model: type[Model], where: str, kind: ErrorKind = DataError) -> Model:
    """An object of a model from its JSON, without conversions.

    Args:
        data: see `parse_json`.
        model: its class.
        where: see `parse_json`.
        kind: see `parse_json`.

    Raises:
        kind: as `parse_json`, or the document does not fit the model; the message lists every
            mistake in a line of its own.
    """
    parse_json(data, where, kind)
    try:
        return model.model_validate_json(data, strict=True)
    except ValidationError as error:
        lines = "\n".join(f"  {line}" for line in mistakes_of(error, model, "document"))
        raise kind(f"{where} is not valid:\n{lines}") from None


def read_model(
    path: Path, model: type[Model], kind: ErrorKind = DataError, limit: int = MAX_JSON_BYTES
) -> Model:
    """An object of a model from a JSON file.

    Args:
        path: of the file.
        model: its class.
        kind: the class of an error.
        limit: the largest size in bytes.

    Raises:
        kind: the file cannot be read or is larger than `limit`, or as `parse_model`.
    """
    return parse_model(read_bytes(path, limit, kind), model, str(path), kind)


def read_object(
    path: Path, kind: ErrorKind = DataError, limit: int = MAX_JSON_BYTES
) -> dict[str, Any]:
    """The JSON object of a file.

    Args:
        path: of the file.
        kind: the class of an error.
        limit: the largest size in bytes.

    Raises:
        kind: the file cannot be read or is larger than `limit`, or as `parse_object`.
    """
    return parse_object(read_bytes(path, limit, kind), str(path), kind)


def dump_json(value: Any) -> bytes:
    """A JSON document of a value, in ASCII and indented, as `parse_json` reads it. Numbers that are
    not finite become null, and NumPy's become Python's.
    """
    return (json.dumps(plain(value), indent=2, default=str, allow_nan=False) + "\n").encode("ascii")


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite become None, and NumPy's arrays and
    numbers become Python's.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return plain(value.tolist()) if hasattr(value, "tolist") else value


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key!r} stands there twice")
        found[key] = value
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{shown(text, 40)} is not finite: it is larger than any number")
    return value


def whole(text: str) -> int:
    """An integer of a document, which a float can hold as well.

    Args:
        text: its digits.

    Raises:
        ValueError: it has too many.
    """
    if len(text) > _MOST_DIGITS:
        raise ValueError(f"{shown(text, 40)} is larger than any number")
    return int(text)


def refuse_odd(value: Any, depth: int = 0) -> None:
    """Refuse a parsed document that is nested too deep or holds half characters.

    Args:
        value: what a parser gave: mappings, lists and texts.
        depth: at which the value stands in the document.

    Raises:
        RecursionError: it is nested deeper than `MAX_DEPTH`.
        ValueError: a text holds a lone surrogate.
    """
    if depth > MAX_DEPTH:
        raise RecursionError
    if isinstance(value, dict):
        for key, item in value.items():
            refuse_odd(key, depth + 1)
            refuse_odd(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            refuse_odd(item, depth + 1)
    elif isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            what = "half a character (a lone surrogate; in a file's name, a byte that is no UTF-8)"
            raise ValueError(f"{value[:40]!r} holds {what}") from None
