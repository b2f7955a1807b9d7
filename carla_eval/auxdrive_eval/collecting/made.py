"""What students did wrong in the episodes of a recording, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from auxdrive.data.driving_mistakes import near_mistakes
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.strict import Strict
from pydantic import Field


class MistakesMade(Strict):
    """What students did wrong in some episodes.

    Attributes:
        episodes: how many of them have a mistake.
        frames_near: how many frames lie around a mistake
            (`auxdrive.data.driving_mistakes.near_mistakes`).
        kinds: how many mistakes there are of each kind.
    """

    episodes: int = Field(ge=0)
    frames_near: int = Field(ge=0)
    kinds: dict[str, int]


def mistakes_made(episodes: Iterable[EpisodeReader]) -> MistakesMade:
    """Count the mistakes.

    Args:
        episodes: in which students drove.

    Raises:
        DataError: the file of one is damaged.
    """
    kinds: Counter[str] = Counter()
    wrong = near = 0
    for episode in episodes:
        if found := episode.mistakes:
            wrong += 1
            near += int(near_mistakes(episode.state["time_s"], found).sum())
            kinds.update(each.kind for each in found)
    return MistakesMade(episodes=wrong, frames_near=near, kinds=dict(sorted(kinds.items())))
