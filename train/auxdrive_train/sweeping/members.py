"""The runs of a sweep: every method with every combination of varied settings and every seed."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from auxdrive.errors import ConfigError, UsageError

from auxdrive_train.engine.assignments import put
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.methods import METHODS
from auxdrive_train.sweeping.config import SweepConfig, method_of

_LONGEST_NAME = 100
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._+=,-]+")


@dataclass(frozen=True)
class Member:
    """A run of a sweep.

    Attributes:
        name: the name of its folder.
        config: how it is trained. If the sweep does not set `threads`, it is 1, so that weights do
            not depend on the machine's load or on how many runs train side by side.
    """

    name: str
    config: TrainConfig


def members_of(sweep: SweepConfig) -> list[Member]:
    """The runs of a sweep, method by method; the seeds of a combination follow each other.

    Raises:
        ConfigError: the mistakes of all runs, or two runs are the same.
    """
    made: list[Member] = []
    mistakes: dict[str, str] = {}
    for name, values in _planned(sweep):
        try:
            config = parse_config(values)
        except ConfigError as error:
            mistakes.setdefault(str(error), name)
            continue
        if config.processes > 1:
            mistakes.setdefault(
                "processes: the runs of a sweep train in one process each; use --workers", name
            )
        threads = config.threads or 1
        made.append(Member(name, config.model_copy(update={"threads": threads})))
    if mistakes:
        raise ConfigError("\n".join(f"{name}: {text}" for text, name in mistakes.items()))
    seen: dict[str, str] = {}
    for member in made:
        earlier = seen.setdefault(member.config.model_dump_json(), member.name)
        if earlier != member.name:
            raise ConfigError(f"{earlier} and {member.name} are the same run: what is varied?")
    return made


def _planned(sweep: SweepConfig) -> Iterator[tuple[str, dict[str, Any]]]:
    """The name and the settings of each run."""
    for method, own in sweep.methods.items():
        varied = {
            key: values
            for path, values in sweep.vary.items()
            for of, key in [method_of(path, sweep.methods)]
            if of in (None, method)
        }
        for chosen in product(*varied.values()):
            combination = dict(zip(varied, chosen, strict=True))
            for seed in sweep.seeds:
                values = _merged(_base_for(sweep, method), own)
                for key, value in combination.items():
                    put(values, key, copy.deepcopy(value), f"vary {key}")
                yield _name(method, combination, seed), {**values, "method": method, "seed": seed}


def _base_for(sweep: SweepConfig, method: str) -> dict[str, Any]:
    """The base, without auxiliaries if the method uses none. (An unknown method is reported when
    the config is checked.)
    """
    base = copy.deepcopy(sweep.base)
    try:
        takes_auxiliaries = METHODS[method].needs_auxiliaries
    except UsageError:
        return base
    if not takes_auxiliaries:
        base.pop("aux", None)
    return base


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Merge nested mappings; values of `own` take precedence."""
    made = dict(base)
    for key, value in own.items():
        earlier = made.get(key)
        if isinstance(earlier, dict) and isinstance(value, dict):
            made[key] = _merged(earlier, value)
        else:
            made[key] = copy.deepcopy(value)
    return made


def _name(method: str, combination: Mapping[str, Any], seed: int) -> str:
    """A folder's name that every file system accepts. What does not fit is replaced by a hash."""
    told = [method, *(f"{key}={_text(value)}" for key, value in combination.items())]
    whole = "+".join(told)
    name = _NOT_IN_NAMES.sub("_", whole).lstrip(".")[:_LONGEST_NAME]
    if name != whole:
        exact = json.dumps([method, dict(combination)], sort_keys=True, default=str)
        name += f"-{hashlib.sha256(exact.encode()).hexdigest()[:8]}"
    return f"{name}+seed={seed}"


def _text(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
