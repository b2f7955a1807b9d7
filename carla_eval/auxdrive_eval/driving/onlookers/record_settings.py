"""What decides the content of a recording of drives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from auxdrive.errors import UsageError
from auxdrive.mistakes import mistakes_of
from auxdrive.modalities import Modality
from auxdrive.storage.claims import changed
from auxdrive.strict import Strict
from pydantic import Field, ValidationError, model_validator

from auxdrive_eval.collecting.settings import check_frames, recorded_by_default, ticks_of
from auxdrive_eval.driving.settings import EvaluationSettings, differences

DEFAULT_RATE_HZ = 4.0


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What a user wants to be recorded.

    Attributes:
        folder: the data set's.
        rate_hz: frames per second of game time; the simulator's ticks are a multiple.
        modalities: what is recorded; None is what the simulator records by default.
        lidar_points: whether the points of the LiDAR are recorded too.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive import Modality
        >>> from auxdrive_eval import RecordOptions
        >>> record = RecordOptions(Path("dagger"), modalities=(Modality.RGB, Modality.DEPTH))
        >>> record.rate_hz
        4.0
    """

    folder: Path
    rate_hz: float = DEFAULT_RATE_HZ
    modalities: tuple[Modality, ...] | None = None
    lidar_points: bool = False


class RecordSettings(Strict):
    """Everything that decides what a recording of drives holds.

    Attributes:
        evaluation: what was driven, and by whom; its simulator has the camera of the recording.
        rate_hz: frames per second of game time.
        modalities: what is recorded.
        lidar_points: whether the points of the LiDAR are recorded too.
    """

    evaluation: EvaluationSettings
    rate_hz: float = Field(gt=0)
    modalities: tuple[Modality, ...]
    lidar_points: bool = False

    @property
    def ticks_per_frame(self) -> int:
        """Simulator ticks from one recorded frame to the next."""
        return ticks_of(self.evaluation.simulator, self.rate_hz)

    @model_validator(mode="after")
    def _is_possible(self) -> Self:
        simulator = self.evaluation.simulator
        check_frames(simulator, self.modalities, self.rate_hz, self.lidar_points)
        if Modality.RGB not in self.modalities:
            raise ValueError("record rgb too: it is what a student sees")
        return self


def record_settings(options: RecordOptions, evaluation: EvaluationSettings) -> RecordSettings:
    """The settings of a recording.

    Args:
        options: what the user wants.
        evaluation: what is driven.

    Raises:
        UsageError: they are not possible.
    """
    modalities = options.modalities or recorded_by_default(evaluation.simulator)
    values = {
        "evaluation": evaluation,
        "rate_hz": options.rate_hz,
        "modalities": modalities,
        "lidar_points": options.lidar_points,
    }
    try:
        return RecordSettings.model_validate(values)
    except ValidationError as error:
        raise UsageError(f"--record: {'; '.join(mistakes_of(error, RecordSettings))}") from None


def record_differences(before: RecordSettings, now: RecordSettings) -> Sequence[str]:
    """What differs between two recordings, as a user reads it.

    Args:
        before: the settings with which it was begun.
        now: those with which it is to go on.
    """
    found = differences(before.evaluation, now.evaluation)
    for name in ("rate_hz", "modalities", "lidar_points"):
        if getattr(before, name) != getattr(now, name):
            found.append(changed(name, getattr(before, name), getattr(now, name)))
    return found
