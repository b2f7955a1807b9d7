"""The training config from a YAML file, from `--set path.to.key=value` and from a mapping, and back
to YAML. All mistakes are reported together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

from auxdrive.errors import ConfigError
from auxdrive.mistakes import mistakes_of
from auxdrive.strict import refuse_odd
from auxdrive.strict_yaml import dump_yaml, parse_yaml, read_yaml
from pydantic import BaseModel, ValidationError

from auxdrive_train.engine.assignments import assignment, put
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_rules import JointMistakes
from auxdrive_train.engine.recipes import with_recipe
from auxdrive_train.methods.contract import FINISHED


def load_config(
    file: Path | None, overrides: Mapping[str, Any], sets: Sequence[str]
) -> TrainConfig:
    """The config from a YAML file, overrides and `path.to.key=value` settings; the later wins.

    Args:
        file: the YAML file, or None.
        overrides: values by key; None leaves a key alone.
        sets: settings as `path.to.key=value`.

    Raises:
        ConfigError: the message lists every mistake, with the nearest valid name.

    Examples:
        >>> from auxdrive_train import load_config
        >>> config = load_config(None, {"data": "data", "epochs": 3}, ["augment.mirror=0"])
        >>> config.epochs, config.augment.mirror
        (3, 0.0)
    """
    values = read_yaml(file) if file is not None else {}
    values.update({key: value for key, value in overrides.items() if value is not None})
    for setting in sets:
        path, text = assignment("--set", setting)
        put(values, path, parse_yaml(text, f"--set {setting}"), f"--set {setting}")
    return parse_config(values)


def finished_config(file: Path) -> TrainConfig:
    """The config of a finished run, which is used and no longer trained. Its method, loss and their
    options need not be installed here.

    Raises:
        ConfigError: the rest of the config has mistakes; see `load_config`.
    """
    return parse_config(read_yaml(file), FINISHED)


def parse_config(
    values: Mapping[str, Any], context: Mapping[str, Any] | None = None
) -> TrainConfig:
    """The config from a mapping. What is not given comes from the task's recipe, or else from the
    defaults. A finished run's config is complete and takes nothing from a recipe.

    Args:
        values: the settings, by key.
        context: pydantic's context: `FINISHED` for a finished run, else None.

    Raises:
        ConfigError: the message lists every mistake, with the nearest valid name.

    Examples:
        >>> from auxdrive_train import parse_config
        >>> parse_config({"data": "data", "task": "waypoints"}).backbone  # from the task's recipe
        'pilotnet_bn'
        >>> parse_config({"data": "data", "epoch": 3})
        Traceback (most recent call last):
        ...
        auxdrive.errors.ConfigError: the config has mistakes:
          - ...
    """
    if context is not FINISHED:
        task, method = (
            values.get(key, TrainConfig.model_fields[key].default) for key in ("task", "method")
        )
        values = with_recipe(values, task, method)
    truths = list(_truths_for_numbers(values, TrainConfig))
    try:
        refuse_odd(dict(values))
        config = TrainConfig.model_validate(dict(values), context=context)
    except RecursionError:
        raise ConfigError("the config is nested too deeply") from None
    except ValidationError as error:
        raise _all_mistakes(
            [*truths, *mistakes_of(error, TrainConfig), *_between_sound_fields(values, error)]
        ) from None
    except ValueError as error:
        raise ConfigError(f"the config cannot be stored: {error}") from None
    if truths:
        raise _all_mistakes(truths)
    return config


def _all_mistakes(mistakes: Sequence[str]) -> ConfigError:
    return ConfigError(
        "the config has mistakes:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes)
    )


def _truths_for_numbers(
    values: Mapping[str, Any], model: type[BaseModel], within: str = ""
) -> Iterator[str]:
    """Report `true`, `yes` or `no` where a number belongs: pydantic would take them for 1 and 0."""
    for name, field in model.model_fields.items():
        value, kinds = values.get(name), get_args(field.annotation) or (field.annotation,)
        if isinstance(value, Mapping):
            for kind in kinds:
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    yield from _truths_for_numbers(value, kind, f"{within}{name}.")
        elif isinstance(value, bool) and bool not in kinds and (int in kinds or float in kinds):
            yield f"{within}{name}: {str(value).lower()} is a truth value; give a number"


def _between_sound_fields(values: Mapping[str, Any], error: ValidationError) -> list[str]:
    """Mistakes that concern several fields, all of them valid by themselves. pydantic does not look
    for such mistakes while any field is invalid.
    """
    wrong = {str(mistake["loc"][0]) for mistake in error.errors() if mistake["loc"]}
    if not wrong:
        return []
    try:
        TrainConfig.model_validate(
            {"data": ".", **{key: value for key, value in values.items() if key not in wrong}}
        )
    except ValidationError as further:
        causes = (mistake.get("ctx", {}).get("error") for mistake in further.errors())
        return [
            found.text
            for cause in causes
            if isinstance(cause, JointMistakes)
            for found in cause.found
            if not wrong & set(found.fields)
        ]
    return []


def dump_config(config: TrainConfig) -> str:
    """The config as YAML text that `load_config` can read."""
    return dump_yaml(config.model_dump(mode="json"))
