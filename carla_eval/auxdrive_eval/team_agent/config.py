"""What a leaderboard is given as the agent's config: a bundle, or a YAML file that names one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from auxdrive.bundles import CARD_NAME
from auxdrive.envelope.kinds import FallbackKind
from auxdrive.errors import ConfigError, UsageError
from auxdrive.extras import needed_by_library
from auxdrive.mistakes import mistakes_of
from auxdrive.precisions import FP32
from auxdrive.route_follower import PASSED_M
from auxdrive.runtimes import DEFAULT_RUNTIME
from auxdrive.steering import MAX_STEER_RANGE_DEG
from auxdrive.storage.reading import exists, is_file, is_folder
from auxdrive.strict import Strict
from pydantic import Field, ValidationError


class LeaderboardConfig(Strict):
    """The config of the leaderboard agent.

    Attributes:
        bundle: the bundle that drives; in a YAML file relative to that file's folder.
        controller: a name in `auxdrive.CONTROLLERS`; None takes that of the bundle's task.
        creep_after_s: drive on blindly for 1.5 s after standing for so long; None never does.
        envelope: the fallback of the safety envelope. "stop" is for ever, since nobody releases it
            in a leaderboard. "none" drives without an envelope.
        runtime: a name in `auxdrive.RUNTIMES`.
        device: that the runtime uses; None for its first.
        runtime_options: of the runtime, by name.
        precision: which of the bundle's graphs runs.
        key: PEM file of the public key whose signature the bundle must have; in a YAML file
            relative to that file's folder. None asks for no signature.
        passed_m: a point of the plan counts as passed once the rear axle is this near to it.
        max_steer_deg: the angle of the ego's front wheels at CARLA's steer of 1.

    Examples:
        >>> from auxdrive_eval import LeaderboardConfig
        >>> LeaderboardConfig(bundle="bundle", envelope="none").passed_m
        7.5
    """

    bundle: Path
    controller: str | None = None
    creep_after_s: float | None = Field(default=None, gt=0)
    envelope: Literal[FallbackKind, "none"] = "slow_straight"
    runtime: str = DEFAULT_RUNTIME
    device: str | None = None
    runtime_options: dict[str, Any] = Field(default={})
    precision: str = FP32
    key: Path | None = None
    passed_m: float = Field(default=PASSED_M, gt=0)
    max_steer_deg: float = Field(default=70.0, ge=MAX_STEER_RANGE_DEG[0], le=MAX_STEER_RANGE_DEG[1])

    @property
    def fallback(self) -> FallbackKind | None:
        """The envelope's fallback; None where there is no envelope."""
        return None if self.envelope == "none" else self.envelope


def leaderboard_config(path: str | None) -> LeaderboardConfig:
    """The config at the path that a leaderboard passes on (`--agent-config`).

    Args:
        path: of a bundle, or of a YAML file with keys of `LeaderboardConfig`. Bench2Drive adds "+"
            and a name for each route that was begun; this is left out.

    Raises:
        UsageError: there is nothing, or a folder that is no bundle.
        ConfigError: the YAML file is wrong; the message names every mistake.
        MissingExtra: a YAML file is given, and PyYAML is not installed.

    Examples:
        >>> from auxdrive_eval import leaderboard_config
        >>> leaderboard_config("bundle").envelope
        'slow_straight'
    """
    text = path or ""
    while "+" in text and not exists(text, UsageError):
        text = text.rpartition("+")[0]
    if not text or not exists(text, UsageError):
        raise UsageError(
            f"--agent-config {path or '(nothing)'}: there is no such bundle or YAML file; give the "
            "folder that `auxdrive export` wrote, or a YAML file that says 'bundle: FOLDER'"
        )
    found = Path(text)
    if is_file(found / CARD_NAME, UsageError):
        return LeaderboardConfig(bundle=found)
    if is_folder(found, UsageError):
        raise UsageError(f"--agent-config {found}: is no bundle, it has no {CARD_NAME}")
    return _of_file(found)


def _of_file(file: Path) -> LeaderboardConfig:
    with needed_by_library("a YAML file as --agent-config", "carla"):
        from auxdrive.strict_yaml import read_yaml
    try:
        config = LeaderboardConfig.model_validate(read_yaml(file))
    except ValidationError as error:
        mistakes = "; ".join(mistakes_of(error, LeaderboardConfig))
        raise ConfigError(f"{file}: {mistakes}") from None
    beside = file.parent
    key = None if config.key is None else beside / config.key
    return config.model_copy(update={"bundle": beside / config.bundle, "key": key})
