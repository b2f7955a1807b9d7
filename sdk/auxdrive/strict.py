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
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from auxdrive.errors import DataError, unknown_name
from auxdrive.storage.reading import ErrorKind, no_document, read_bytes, shown


class Strict(BaseModel):
    """Base of auxdrive's models: unknown keys and numbers that are not finite are refused, and an
    object cannot be changed once it is made.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def without_none(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What a model is written as, less a field that is None: a field that was added later, of which
    files, their hashes and older readers should know only where it is used.

    Args:
        values: of the model, by field.
        name: of the field.
    """
    return {key: value for key, value in values.items() if key != name or value is not None}


Model = TypeVar("Model", bound=BaseModel)

MAX_JSON_BYTES = 16 << 20
MAX_DEPTH = 32
_BOM = b"\xef\xbb\xbf"
_MOST_DIGITS = 300
_MOST_MISTAKES = 50
_PYDANTIC = "Input should be"
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


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


def mistakes_of(
    error: ValidationError, model: type[BaseModel] | None = None, whole: str = ""
) -> list[str]:
    """The mistakes that pydantic found, a line for each: where, and what is wrong there. At most
    fifty are listed, and long texts of the file or the user are cut.

    Args:
        error: from a model's validation.
        model: that model; with it the line of an unknown key or name tells the nearest valid one.
        whole: stands for the place of a mistake that concerns the whole model; nothing by default.
    """
    found = error.errors(include_url=False)
    lines = []
    for mistake in found[:_MOST_MISTAKES]:
        where = shown(_place(mistake["loc"]) or whole)
        # a model's own check of several fields may find several mistakes, one on each line
        texts = _told(mistake, model).split("\n")
        lines += [f"{where}: {text}" if where else text for text in texts]
    more = len(found) - _MOST_MISTAKES
    return [*lines, f"and {more} more"] if more > 0 else lines


def _told(mistake: ErrorDetails, model: type[BaseModel] | None) -> str:
    kind, path, given = mistake["type"], mistake["loc"], mistake["input"]
    if kind == "extra_forbidden" and model is not None:
        owner = _model_at(model, path[:-1])
        if owner is not None:
            return unknown_name("key", str(path[-1]), owner.model_fields)
    if kind == "enum" and model is not None:
        choice = _enum_at(model, path)
        if choice is not None:
            names = [str(member.value) for member in choice]
            return unknown_name(choice.__name__.lower(), shown(given), names)
    if kind == "tuple_type" and isinstance(given, str):
        return f"must be a list: write [{shown(given)}]"
    if kind == "missing":
        return "is missing"
    if kind == "too_short":
        sizes = mistake["ctx"]
        return f"needs at least {sizes['min_length']}, and has {sizes['actual_length']}"
    text = mistake["msg"].removeprefix("Value error, ")
    if text.startswith(_PYDANTIC):
        text = "must be" + text.removeprefix(_PYDANTIC).partition(", unable to parse")[0]
        text += f", not {given!r}" if isinstance(given, str | int | float) else ""
    return "\n".join(shown(line) for line in text.split("\n"))


def _place(path: tuple[int | str, ...]) -> str:
    """Where a mistake is, as people say it: `aux, second entry`."""
    place = ""
    for part in path:
        if isinstance(part, int):
            nth = _ORDINALS[part] + " entry" if part < len(_ORDINALS) else f"entry {part + 1}"
            place += f", {nth}" if place else nth
        else:
            place += f"{', ' if place.endswith(' entry') else '.' if place else ''}{part}"
    return place


def _model_at(model: type[BaseModel], path: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model at a place within another model; None where there is none."""
    kinds: list[Any] = [model]
    for name in (part for part in path if isinstance(part, str)):  # numbers are places in lists
        models = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
        fields = [k.model_fields[name] for k in models if name in k.model_fields]
        if not fields and any(get_origin(k) is dict for k in kinds):
            continue  # a key of a mapping, whose values are meant
        kinds = [kind for field in fields for kind in _kinds_in(field.annotation)]
    found = [k for k in kinds if isinstance(k, type) and issubclass(k, BaseModel)]
    return found[0] if found else None


def _enum_at(model: type[BaseModel], path: tuple[int | str, ...]) -> type[Enum] | None:
    """The enumeration that a field, or an item of a field, is declared as; None for others."""
    names = [place for place, part in enumerate(path) if isinstance(part, str)]
    owner = _model_at(model, path[: names[-1]]) if names else None
    field = None if owner is None else owner.model_fields.get(str(path[names[-1]]))
    kinds = [] if field is None else _kinds_in(field.annotation)
    return next((k for k in kinds if isinstance(k, type) and issubclass(k, Enum)), None)


def _kinds_in(annotation: Any) -> list[Any]:
    """A type and all types that it is made of: for `tuple[Modality, ...] | None` the union itself,
    the tuple, `Modality` and None.
    """
    return [annotation, *(kind for part in get_args(annotation) for kind in _kinds_in(part))]


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
