"""What `auxdrive collect` shows: how far the recording is, and what it holds at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import auxdrive.console as console
from auxdrive.work import Shown, Work, counted

if TYPE_CHECKING:
    from auxdrive_eval.collecting.collect import Collected
    from auxdrive_eval.collecting.settings import CollectSettings


def recording_work(settings: CollectSettings, workers: int) -> Work:
    """How progress is counted: in frames if frames are asked for, since then the number of episodes
    is not known in advance, else in episodes.

    Args:
        settings: of the recording.
        workers: how many record at once.
    """
    if settings.frames is None:
        return Work("recording", "episode", settings.episodes, at_once=workers)
    return Work("recording", "frame", settings.frames)


class RecordingProgress:
    """Shows how far a recording is, counted as `recording_work` says.

    Args:
        shown: shows it.
        frames: how many are asked for; None if episodes are.
    """

    def __init__(self, shown: Shown, frames: int | None) -> None:
        self._shown, self._frames = shown, frames
        self._before: int | None = None

    def __call__(self, episodes: int, frames: int) -> None:
        """Show that so many are there.

        Args:
            episodes: finished ones.
            frames: in them.
        """
        now, other = (
            (episodes, counted(frames, "frame"))
            if self._frames is None
            else (min(frames, self._frames), counted(episodes, "episode"))
        )
        if self._before is None:  # what was there before
            self._shown.found(now)
        else:
            self._shown.done(now - self._before, other)
        self._before = now


def print_collected(collected: Collected, json_output: bool) -> None:
    """Print what a recording holds.

    Args:
        collected: the finished recording.
        json_output: as JSON instead of a table.
    """
    sizes = {name: len(ids) for name, ids in collected.card.splits.items()}
    result: dict[str, object] = {
        "out": str(collected.out),
        "episodes": collected.episodes,
        "frames": collected.frames,
        "newly_recorded_episodes": collected.recorded,
        "surplus_episodes_removed": collected.surplus,
        "splits": sizes,
        "modalities": [modality.value for modality in collected.card.modalities],
    }
    if collected.mistakes is not None:
        result["mistakes"] = collected.mistakes.model_dump()
    if json_output:
        console.print_json(result)
        return
    splits = ", ".join(f"{name} {number}" for name, number in sizes.items())
    rows: list[tuple[str, object]] = [
        (key.replace("_", " "), splits if key == "splits" else value)
        for key, value in result.items()
        if key not in ("modalities", "mistakes")
    ]
    if (made := collected.mistakes) is not None:
        rows += [
            ("episodes with mistakes", made.episodes),
            ("frames around mistakes", made.frames_near),
            ("mistakes", made.in_words),
        ]
    modalities = ("modalities", ", ".join(collected.card.modalities))
    console.table("recorded", ("what", ""), [*rows, modalities])
