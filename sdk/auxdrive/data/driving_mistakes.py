"""The mistakes of whoever drove while an episode was recorded: `mistakes.json` beside the frames,
where there were any. Training can show what came before them more often (`balance.mistake_repeat`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from auxdrive.data.episode_files import MISTAKES_NAME
from auxdrive.storage.publish import write_new
from auxdrive.storage.reading import exists
from auxdrive.strict import Strict, read_model
from auxdrive.types import Float64

BEFORE_S, AFTER_S = 5.0, 3.0
"""The frames around a mistake, in seconds before and after it: its approach, in which it could
still have been avoided, and how the car comes out of it.
"""


class DrivingMistake(Strict):
    """A mistake of the driver.

    Attributes:
        kind: what it was, such as "red_light", in the words of the source.
        time_s: when it began, in the time of the episode's records.

    Examples:
        >>> from auxdrive.data.driving_mistakes import DrivingMistake
        >>> DrivingMistake(kind="red_light", time_s=12.5).kind
        'red_light'
    """

    kind: str = Field(min_length=1, max_length=60)
    time_s: float = Field(ge=0)


class _Mistakes(Strict):
    mistakes: tuple[DrivingMistake, ...]


class MistakesMade(Strict):
    """What was done wrong in some episodes.

    Attributes:
        episodes: how many of them have a mistake.
        frames_near: how many frames lie around a mistake (`near_mistakes`).
        kinds: how many mistakes there are of each kind.
    """

    episodes: int = Field(ge=0)
    frames_near: int = Field(ge=0)
    kinds: dict[str, int]

    @property
    def in_words(self) -> str:
        """The kinds and how often each was made; "none" without any."""
        return ", ".join(f"{kind} {number}" for kind, number in self.kinds.items()) or "none"


def mistakes_made(
    episodes: Iterable[tuple[Float64, Sequence[DrivingMistake]]],
) -> MistakesMade:
    """Count the mistakes.

    Args:
        episodes: of each, when its frames were taken, float64 (N,), and its mistakes.
    """
    kinds: Counter[str] = Counter()
    wrong = near = 0
    for time_s, mistakes in episodes:
        wrong += bool(mistakes)
        near += int(near_mistakes(time_s, mistakes).sum())
        kinds.update(each.kind for each in mistakes)
    return MistakesMade(episodes=wrong, frames_near=near, kinds=dict(sorted(kinds.items())))


def read_mistakes(episode: Path) -> tuple[DrivingMistake, ...]:
    """The mistakes in an episode; none where it has no such file.

    Args:
        episode: its folder.

    Raises:
        DataError: the file is damaged.
    """
    path = episode / MISTAKES_NAME
    return read_model(path, _Mistakes).mistakes if exists(path) else ()


def write_mistakes(episode: Path, mistakes: Iterable[DrivingMistake]) -> None:
    """Write the mistakes of an episode, in the order of time. Without any there is no file.

    Args:
        episode: its folder, which has no such file yet.
        mistakes: in any order.

    Raises:
        OSError: the disk refuses.
    """
    found = tuple(sorted(mistakes, key=lambda each: (each.time_s, each.kind)))
    if found:
        text = _Mistakes(mistakes=found).model_dump_json(indent=2)
        write_new(episode / MISTAKES_NAME, text.encode() + b"\n")


def near_mistakes(time_s: Float64, mistakes: Iterable[DrivingMistake]) -> NDArray[np.bool_]:
    """Which frames lie around a mistake, from `BEFORE_S` before to `AFTER_S` after one.

    Args:
        time_s: float64 (N,), when each frame was taken.
        mistakes: of the same episode.

    Returns:
        bool (N,).
    """
    near = np.zeros(len(time_s), np.bool_)
    for each in mistakes:
        near |= (time_s >= each.time_s - BEFORE_S) & (time_s <= each.time_s + AFTER_S)
    return near
