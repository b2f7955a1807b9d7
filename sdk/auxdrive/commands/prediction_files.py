"""The files that `auxdrive predict` writes: tables, JSON, and images or a video with the
predictions drawn on them. Predictions are written as they come, so a long video needs no more
memory than a short one.
"""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from auxdrive.errors import UsageError
from auxdrive.storage.reading import is_folder, refusals
from auxdrive.types import Prediction, UInt8

if TYPE_CHECKING:
    from auxdrive.cards import ModelCard
    from auxdrive.data.image_files import ImageFrame
    from auxdrive.tasks.base import TaskSpec

TABLES = (".jsonl", ".csv")
_IN_MEMORY_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Predicted:
    """A prediction and the frame that it is from.

    Attributes:
        record: what is written of it, as values for JSON.
        prediction: from `image`.
        source: the frame in its file.
        image: uint8 (H, W, 3), the frame as the model was given it, of the camera's size.
    """

    record: dict[str, Any]
    prediction: Prediction
    source: ImageFrame
    image: UInt8


Take = Callable[[Predicted], None]


def check_table(out: Path) -> None:
    """Refuse a path for a table that cannot be written.

    Raises:
        UsageError: its name has the wrong ending, it is a directory, or there is no such directory.
    """
    if out.suffix.lower() not in TABLES:
        raise UsageError(f"--out {out}: the name must end in {' or '.join(TABLES)}")
    _check_place("--out", out)


def _check_place(option: str, path: Path) -> None:
    if is_folder(path):
        raise UsageError(f"{option} {path}: is a directory")
    if not is_folder(path.parent):
        raise UsageError(f"{option} {path}: there is no directory {path.parent}")


def check_overlay(path: Path) -> bool:
    """Refuse a path for overlays that cannot be written.

    Returns:
        Whether it is to be a video, by its name; otherwise it is a folder.

    Raises:
        UsageError: the folder holds something already, or the video cannot be written there.
        ImportError: a video needs the extra `video`, which is not installed.
    """
    from auxdrive.storage.folders import refuse_occupied

    if not path.suffix or is_folder(path):
        refuse_occupied(path)
        return False
    from auxdrive.data.video_files import WRITTEN

    if path.suffix.lower() not in WRITTEN:
        raise UsageError(f"--overlay {path}: give a folder, or a video ({' or '.join(WRITTEN)})")
    _check_place("--overlay", path)
    return True


@contextmanager
def table(out: Path, card: ModelCard, task: TaskSpec) -> Iterator[Take]:
    """Write a `.jsonl` or `.csv` file. It appears, complete, when the `with` block ends.

    Args:
        out: of the file.
        card: of the model.
        task: of the model.

    Yields:
        A function that takes each prediction.
    """
    from auxdrive.storage.publish import published_file

    with (
        refusals(out, "cannot be written"),
        published_file(out) as partial,
        # surrogateescape: file names are written with the bytes that they have on the disk.
        partial.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file,
    ):
        yield _json_lines(file) if out.suffix.lower() == ".jsonl" else _csv(file, card, task)


def _json_lines(file: TextIOWrapper) -> Take:
    def take(each: Predicted) -> None:
        file.write(json.dumps(each.record) + "\n")

    return take


def _csv(file: TextIOWrapper, card: ModelCard, task: TaskSpec) -> Take:
    """Write a CSV table with a row for each prediction. Cells of withheld predictions are empty.

    Args:
        file: to write to.
        card: of the model.
        task: of the model.

    Returns:
        A function that takes each prediction.
    """
    nothing = Prediction(
        0.0, 0.0, waypoint_times_s=card.waypoint_times_s, class_names=card.class_names
    )
    ood = [] if card.ood is None else ["ood_score"]
    columns = ["file", "frame", "latency_ms", "flags", *ood, *task.cells(nothing), "time_s"]
    writer = csv.DictWriter(file, fieldnames=columns)
    writer.writeheader()

    def take(each: Predicted) -> None:
        record = each.record
        writer.writerow(
            {
                **{name: record[name] for name in ("file", "frame", "latency_ms")},
                "flags": " ".join(record["flags"]),
                **{name: record.get(name) for name in ood},
                **task.cells(each.prediction),
                "time_s": record.get("time_s"),
            }
        )

    return take


@contextmanager
def overlays(
    path: Path, is_film: bool, card: ModelCard, task: TaskSpec, ego: Mapping[str, Any]
) -> Iterator[Take]:
    """Draw each prediction on its image. The folder or video appears, complete, when the `with`
    block ends.

    Args:
        path: of the new folder or video.
        is_film: whether it is a video.
        card: of the model.
        task: of the model.
        ego: the ego inputs by name.

    Yields:
        A function that takes each prediction.
    """
    from auxdrive.inspection.overlay import prediction_on_image

    def drawn(each: Predicted) -> UInt8:
        source = each.source
        when = "" if source.time_s is None else f", {source.time_s:.2f} s"
        heading = f"{source.path.name}, frame {source.frame}{when}"
        return prediction_on_image(each.image, each.prediction, task, card.camera, ego, heading)

    with (_film if is_film else _folder)(path, card) as add:
        yield lambda each: add(each, drawn(each))


Add = Callable[[Predicted, UInt8], None]


@contextmanager
def _folder(path: Path, card: ModelCard) -> Iterator[Add]:
    """Write a PNG file for each frame into a new folder. It has the name of the frame's file, with
    a number where several files have the same name.
    """
    from auxdrive.inspection.painting import png
    from auxdrive.storage.publish import published_folder, write_new

    del card
    given: dict[str, Path] = {}

    with refusals(path, "cannot be written"):
        if not is_folder(path.parent):
            raise UsageError(f"--overlay {path}: there is no directory {path.parent}")
        with published_folder(path) as partial:

            def add(each: Predicted, image: UInt8) -> None:
                source, number = each.source, 1
                name = source.path.stem
                while given.setdefault(name, source.path) != source.path:
                    number += 1
                    name = f"{source.path.stem}-{number}"
                write_new(partial / f"{name}-{source.frame:06d}.png", png(image))

            yield add


@contextmanager
def _film(path: Path, card: ModelCard) -> Iterator[Add]:
    """Write a video. Frames of videos keep their own times, and images follow at the card's rate.
    Each file follows the one before it without a gap.
    """
    from auxdrive.data.video_files import written_video

    period_s = 1 / card.rate_hz
    before: Path | None = None
    began_s = last_s = -period_s

    with written_video(path, card.rate_hz) as write:

        def add(each: Predicted, image: UInt8) -> None:
            nonlocal before, began_s, last_s
            source = each.source
            if source.path != before:
                before, began_s = source.path, last_s + period_s
            within_s = source.frame * period_s if source.time_s is None else source.time_s
            last_s = began_s + within_s
            write(image, last_s)

        yield add


class JsonDocument:
    """A JSON document of all predictions. Its records are kept on the disk where they are many."""

    def __init__(self) -> None:
        self._records = tempfile.SpooledTemporaryFile(  # noqa: SIM115  # closed by `__exit__`
            _IN_MEMORY_BYTES, "w+", encoding="ascii"
        )
        self._count = 0

    def __enter__(self) -> Self:
        """The document itself."""
        return self

    def __exit__(self, *error: object) -> None:
        """Delete the records."""
        self._records.close()

    def take(self, each: Predicted) -> None:
        """Add the record of a prediction."""
        from auxdrive.strict import plain

        self._records.write(",\n    " if self._count else "\n    ")
        self._records.write(json.dumps(plain(each.record), default=str, allow_nan=False))
        self._count += 1

    def parts(self, head: Mapping[str, Any], end: Mapping[str, Any]) -> Iterator[str]:
        """The text of the document in pieces.

        Args:
            head: values before `predictions`.
            end: values after them.
        """
        from auxdrive.strict import dump_json

        before, after = (
            dump_json(part).decode("ascii").strip()[1:-1].strip() for part in (head, end)
        )
        yield f'{{\n  {before},\n  "predictions": ['
        self._records.seek(0)
        while chunk := self._records.read(1 << 20):
            yield chunk
        yield f"\n  ],\n  {after}\n}}\n"
