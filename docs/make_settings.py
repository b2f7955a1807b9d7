"""Write docs/settings.md from the training config: what keys there are, what they take,
their defaults and what they mean.

python docs/make_settings.py
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt
from auxdrive.modalities import Modality
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.recipes import recipe_of
from auxdrive_train.losses import LOSSES
from auxdrive_train.methods import METHODS
from auxdrive_train.models import BACKBONES
from auxdrive_train.tasks import TASKS
from auxdrive_train.trackers import TRACKERS
from pydantic import BaseModel
from pydantic.fields import FieldInfo

OUT = Path(__file__).resolve().parent / "settings.md"
TABLES: dict[str, typing.Iterable[str]] = {
    "task": [task.name for task in TASKS.builtin],
    "method": [method.name for method in METHODS.builtin],
    "backbone": [backbone.name for backbone in BACKBONES.builtin],
    "options.loss": [loss.name for loss in LOSSES.builtin],
    "track": [tracker.name for tracker in TRACKERS.builtin],
}
"""Keys that take a name of a table: the names that are built in."""
HEAD = """# Settings of `auxdrive train`

Made from the code by `docs/make_settings.py`; a test holds the two together.

A setting stands in a YAML file, as an option of the command, or in `--set path.to.key=value`; \
the later of these wins.
What is given nowhere is taken from the task's [recipe](#recipes), else it is the default.
[examples/samd.yaml](../examples/samd.yaml) is a file to begin with: \
`auxdrive train examples/samd.yaml --out runs/samd`.
Every mistake is told before anything starts; `--check` does no more than that.
`null` means none. Modalities: {modalities}; \
and of vectors `vector_<name>`.
"""

RECIPES = """## Recipes

What a task takes for each setting that is given nowhere, in place of the defaults above; \
a setting that is given always wins.
Each recipe is one file, which says why. Tasks that are not listed have none.
"""


def main() -> None:
    """Write the page."""
    OUT.write_text(page(), encoding="utf-8")


def page() -> str:
    """The page as it should be."""
    parts = [HEAD.format(modalities=", ".join(m.value for m in Modality)), table(TrainConfig)]
    for key, field in TrainConfig.model_fields.items():
        if (group := _group_of(field)) is not None:
            parts += [f"## {key}\n\n{_sentence(field)}.\n", table(group, f"{key}.")]
    parts.append(f"## options\n\nEach method has its own. {_without_options()}\n")
    for method in METHODS.builtin:
        if (options := method.load().options_type).model_fields:
            parts += [f"### {method.name}\n", table(options, "options.")]
    weights = ", ".join(f"{loss.name} {loss.load().beta:g}" for loss in LOSSES.builtin)
    parts.append(f"The losses' own weights: {weights}.\n")
    parts.append(recipes())
    return "\n".join(parts)


def recipes() -> str:
    """What tasks take in place of the defaults."""
    parts = [RECIPES]
    for task in TASKS.builtin:
        if (file := task.load().recipe) is not None:
            where = file.relative_to(OUT.parents[1]).as_posix()
            parts.append(f"### {task.name}\n\n[{where}](../{where})\n")
            rows = [f"| `{key}` | `{value}` |" for key, value in _flat(recipe_of(task.name))]
            parts.append("\n".join(["| key | value |", "|---|---|", *rows]) + "\n")
    return "\n".join(parts)


def _flat(group: Mapping[str, Any], within: str = "") -> Iterator[tuple[str, str]]:
    """The settings of a recipe by their keys; options with the method that they are for."""
    for key, value in group.items():
        if isinstance(value, Mapping) and within == "options.":
            for name, text in _flat(value):
                yield f"options.{name}` with method `{key}", text
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{within}{key}.")
        else:
            yield f"{within}{key}", value if isinstance(value, str) else json.dumps(value)


def table(model: type[BaseModel], prefix: str = "") -> str:
    """The keys of a model, one to a row."""
    rows = ["| key | takes | default | meaning |", "|---|---|---|---|"]
    for name, field in model.model_fields.items():
        cells = (
            f"`{prefix}{name}`",
            takes(prefix + name, field),
            default(field),
            field.description or "",
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def takes(key: str, field: FieldInfo) -> str:
    """What a key takes, in plain words."""
    if key in TABLES:
        several = "a list of " if field.annotation == tuple[str, ...] else ""
        return several + ", ".join(f"`{name}`" for name in TABLES[key])
    if field.annotation == tuple[Path, ...]:
        return "a path, or a list of them"
    if key == "options" or _group_of(field) is not None:
        return "a group, see below"
    return _words(field.annotation, field.metadata)


def default(field: FieldInfo) -> str:
    """A key's default as YAML has it."""
    if field.is_required():
        return "must be given"
    value = field.default
    if isinstance(value, BaseModel) or value == {}:
        return ""
    plain = (
        value.value
        if isinstance(value, Enum)
        else list(value)
        if isinstance(value, tuple)
        else value
    )
    return f"`{plain}`" if isinstance(plain, str) else f"`{json.dumps(plain)}`"


def _words(kind: Any, bounds: list[Any]) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is Annotated:
        inner = [
            bound
            for info in arguments[1:]
            for bound in (info.metadata if isinstance(info, FieldInfo) else [info])
        ]
        return _words(arguments[0], [*inner, *bounds])
    if origin in (types.UnionType, typing.Union):
        return " or ".join(_words(part, bounds) for part in arguments)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if origin is tuple:
        one = _words(arguments[0], bounds)
        return (
            f"a list, each {one}"
            if arguments[-1] is ...
            else f"{len(arguments)} in a list, each {one}"
        )
    if origin is dict:
        key, value = (_words(part, []) for part in arguments)
        return f"by {key.removeprefix('a ')} {value}"
    names = {
        bool: "`true` or `false`",
        Path: "a path",
        Modality: "a modality",
        str: "a name",
        int: "a whole number",
        float: "a number",
        type(None): "`null`",
    }
    return names[kind] + (_range(bounds) if kind in (int, float) else "")


def _range(bounds: list[Any]) -> str:
    words = {
        Ge: "at least {0.ge:g}",
        Gt: "above {0.gt:g}",
        Le: "at most {0.le:g}",
        Lt: "below {0.lt:g}",
    }
    found = [
        text.format(bound)
        for bound in bounds
        for kind, text in words.items()
        if isinstance(bound, kind)
    ]
    return " " + " and ".join(found) if found else ""


def _group_of(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a field that is a group of settings."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, BaseModel) else None


def _sentence(field: FieldInfo) -> str:
    text = field.description or ""
    return text[:1].upper() + text[1:]


def _without_options() -> str:
    bare = [
        f"`{method.name}`"
        for method in METHODS.builtin
        if not method.load().options_type.model_fields
    ]
    return f"These have none: {', '.join(bare)}."


if __name__ == "__main__":
    main()
