"""Reading the settings of rounds of DAgger from YAML, which the extra 'train' brings."""

from __future__ import annotations

from pathlib import Path

from auxdrive.commands.names import names_of
from auxdrive.errors import ConfigError
from auxdrive.mistakes import mistakes_of
from auxdrive.strict import refuse_odd
from auxdrive.strict_yaml import read_yaml
from pydantic import ValidationError

from auxdrive_eval.dagger.settings import DaggerConfig


def load_dagger(path: Path) -> DaggerConfig:
    """Read the settings from a YAML file. A single data set and a single share need no list, and
    names of the recording may stand in a text with commas, as on the command line.

    Args:
        path: of the file.

    Raises:
        ConfigError: the file cannot be read; or it has mistakes, all of which are listed.
        UsageError: names in a text are separated otherwise than by commas.
    """
    values = read_yaml(path)
    for name in ("data", "mix"):
        if name in values and not isinstance(values[name], list):
            values[name] = [values[name]]
    if isinstance(recorded := values.get("collect"), dict):
        for name in ("modalities", "conditions"):
            if isinstance(text := recorded.get(name), str):
                recorded[name] = names_of(f"{path}: collect.{name}", text)
    try:
        refuse_odd(values)
        return DaggerConfig.model_validate(values)
    except ValidationError as error:
        lines = "\n".join(f"  - {line}" for line in mistakes_of(error, DaggerConfig))
        raise ConfigError(f"{path} has mistakes:\n{lines}") from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} cannot be stored: {error}") from None
