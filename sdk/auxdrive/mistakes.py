"""What pydantic found wrong with the values of a model, in words for who wrote them."""

from __future__ import annotations

from enum import Enum
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from auxdrive.errors import unknown_name
from auxdrive.storage.reading import shown

_MOST_MISTAKES = 50
_PYDANTIC = "Input should be"
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


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
