"""What a sweep trains: methods, seeds, and settings that are varied. Needs no torch.

base:                    # the config of every run, as for `auxdrive train`
  data: data
  epochs: 8
  aux: [lidar]           # for the methods that use auxiliaries
methods:                 # names, or names with settings of their own
  baseline: {}
  samd: {options: {epochs_per_round: 2}}
seeds: [0, 1, 2]
vary:                    # every combination is trained; METHOD:path.to.key is for one method
  lr: [0.001, 0.002]
  samd:options.loss: [rkd, hint]
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from auxdrive.errors import ConfigError
from auxdrive.mistakes import mistakes_of
from auxdrive.seeds import seeds_of_text
from auxdrive.strict import Strict, refuse_odd
from auxdrive.strict_yaml import parse_yaml, read_yaml
from pydantic import BeforeValidator, Field, ValidationError, model_validator

from auxdrive_train.engine.assignments import assignment, put

LARGEST_SEED = 999_999
_OWN_PLACE = ("method", "seed")


def _named(value: Any) -> Any:
    """Turn a list of methods into a mapping of methods to no settings of their own."""
    if isinstance(value, list | tuple):
        names = [str(name) for name in value]
        if len(set(names)) != len(names):
            raise ValueError("a method stands there twice")
        return {name: {} for name in names}
    if isinstance(value, dict):  # `samd:` without a value has no settings
        return {name: {} if own is None else own for name, own in value.items()}
    return value


Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]


class SweepConfig(Strict):
    """What a sweep trains, as in `sweep.yaml`.

    Attributes:
        base: the config of every run, except method and seed.
        methods: by name, settings for that method only, which take precedence over `base`.
        seeds: each combination is trained with each of them.
        vary: by `path.to.key` or `METHOD:path.to.key`, the values that a setting takes.
    """

    base: dict[str, Any] = Field(default={})
    methods: Annotated[dict[str, dict[str, Any]], BeforeValidator(_named)] = Field(min_length=1)
    seeds: tuple[Seed, ...] = Field(min_length=1)
    vary: dict[str, tuple[Any, ...]] = Field(default={})

    @model_validator(mode="after")
    def _sound(self) -> SweepConfig:
        mistakes = list(self._mistakes())
        if mistakes:
            raise ValueError("\n".join(mistakes))
        return self

    def _mistakes(self) -> Iterator[str]:
        for name in _OWN_PLACE:
            if any(name in settings for settings in (self.base, *self.methods.values())):
                yield f"{name}: stands under {name}s, and nowhere else"
        if len(set(self.seeds)) != len(self.seeds):
            yield "seeds: a seed stands there twice"
        for path, values in self.vary.items():
            method, key = method_of(path, self.methods)
            if not key or key in _OWN_PLACE or not all(key.split(".")):
                yield f"vary: '{path}' is no path.to.key of a setting"
            if method is None and ":" in path:
                yield f"vary: '{path}' is of a method that is not swept ({', '.join(self.methods)})"
            if len({json.dumps(value, sort_keys=True, default=str) for value in values}) != len(
                values
            ):
                yield f"vary: '{path}' takes a value twice"
            if not values:
                yield f"vary: '{path}' takes no value; give a list"


def method_of(path: str, methods: Mapping[str, Any]) -> tuple[str | None, str]:
    """The method of `METHOD:path.to.key`, or None if there is none, and the path.

    Args:
        path: as it is written under `vary` or in `--set`.
        methods: the sweep's methods by name. What stands before the colon counts only if it is one
            of them.
    """
    method, colon, key = path.partition(":")
    return (method, key) if colon and method in methods else (None, path)


def parse_sweep(values: Mapping[str, Any], where: str) -> SweepConfig:
    """A sweep from a mapping.

    Args:
        values: what `sweep.yaml` holds.
        where: the file's name; messages begin with it.

    Raises:
        ConfigError: every mistake is listed.
    """
    try:
        refuse_odd(dict(values))
        return SweepConfig.model_validate(dict(values))
    except ValidationError as error:
        lines = "\n".join(f"  - {line}" for line in mistakes_of(error, SweepConfig))
        raise ConfigError(f"{where} has mistakes:\n{lines}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{where} cannot be stored: {error}") from None


def load_sweep(
    file: Path | None,
    base: Mapping[str, Any],
    methods: Sequence[str] | None,
    seeds: str | None,
    sets: Sequence[str],
    vary: Sequence[str],
) -> SweepConfig:
    """A sweep from a YAML file and from what was given besides, which takes precedence.

    Args:
        file: the YAML file, or None.
        base: settings of every run; None leaves one alone.
        methods: replace those of the file. A method that is in both keeps its settings from the
            file.
        seeds: replace those of the file; as '0,1' or '0-4'.
        sets: further settings, as `path.to.key=value` or `METHOD:path.to.key=value`.
        vary: further settings to vary, as `path.to.key=value,value`.

    Raises:
        ConfigError: every mistake is listed.
        UsageError: the seeds are not numbers or a range.
    """
    values: dict[str, Any] = read_yaml(file) if file is not None else {}
    where = "the sweep" if file is None else str(file)
    own = _methods(values.get("methods"), where)
    if methods is not None:
        own = {name: own.get(name, {}) for name in methods}
    if seeds is not None:
        values["seeds"] = list(seeds_of_text(seeds, "--seeds", LARGEST_SEED, "0,1 or 0-4"))
    given = {key: value for key, value in base.items() if value is not None}
    everywhere = {**_mapping(values, "base", where), **given}
    for setting in sets:
        path, text = assignment("--set", setting)
        method, key = method_of(path, own)
        target = everywhere if method is None else own[method]
        put(target, key, parse_yaml(text, f"--set {setting}"), f"--set {setting}")
    varied = _mapping(values, "vary", where)
    for setting in vary:
        path, text = assignment("--vary", setting)
        varied[path] = parse_yaml(f"[{text}]", f"--vary {setting}")
    whole = {**values, "base": everywhere, "methods": own, "vary": varied}
    return parse_sweep(whole, where)


def _methods(value: Any, where: str) -> dict[str, dict[str, Any]]:
    try:
        found = _named({} if value is None else value)
    except ValueError as error:
        raise ConfigError(f"{where}: methods: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(own, dict) for own in found.values()):
        raise ConfigError(f"{where}: methods: give a list of names, or each with its settings")
    return copy.deepcopy(found)


def _mapping(values: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
    found = values.get(key)
    if found is not None and not isinstance(found, dict):
        raise ConfigError(f"{where}: {key} must be a mapping")
    return copy.deepcopy(found or {})
