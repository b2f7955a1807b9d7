"""`auxdrive predict`: predicts from images with a bundle."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import auxdrive.console as console
from auxdrive.commands.ego_options import check_given, parsed, with_ego_options
from auxdrive.commands.runtime_options import (
    BundleArgument,
    ChosenRuntimeOption,
    DeviceOption,
    KeyOption,
    PrecisionOption,
    ResizeOption,
    RuntimeOptionsOption,
    parsed_runtime_options,
)
from auxdrive.console import JsonOption
from auxdrive.errors import AuxdriveError, DataError
from auxdrive.precisions import FP32
from auxdrive.runtimes import DEFAULT_RUNTIME
from auxdrive.tasks import TASKS

if TYPE_CHECKING:
    from auxdrive.cards import CameraSpec
    from auxdrive.commands.prediction_files import JsonDocument, Predicted, Take
    from auxdrive.tasks.base import TaskSpec


ROWS_SHOWN = 50
UNSEEN_DISTORTION = 0.01
"""The distortion from which on it is reported. Rounding to whole pixels causes less."""


@with_ego_options
def predict(
    bundle: BundleArgument,
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="Images, folders of images, animated GIF or WebP, videos.",
            show_default=False,
        ),
    ],
    resize: ResizeOption = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Write all predictions to a .jsonl or .csv file.", show_default=False),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR|FILE.mp4",
            help="Draw each prediction on its image: into a new folder, or a .mp4 or .mkv video.",
            show_default=False,
        ),
    ] = None,
    key: KeyOption = None,
    runtime: ChosenRuntimeOption = DEFAULT_RUNTIME,
    device: DeviceOption = None,
    precision: PrecisionOption = FP32,
    runtime_options: RuntimeOptionsOption = None,
    json_output: JsonOption = False,
    **ego: float | str | None,
) -> None:
    """Predict from images, folders of images, animated GIF or WebP, or videos.

    An image or video that cannot be used does not stop the others; it is named, and the exit code
    is then not 0. Videos need the extra 'video': pip install 'auxdrive[video]'.
    """
    from auxdrive.bundles import ego_of
    from auxdrive.commands import prediction_files as files
    from auxdrive.commands.predicting import files_of, predict_files
    from auxdrive.predictor import Predictor

    if out is not None:
        files.check_table(out)
    is_film = overlay is not None and files.check_overlay(overlay)
    given = parsed(ego)
    options = parsed_runtime_options(runtime, runtime_options)
    paths = files_of(images)
    seen = _Seen()
    with files.JsonDocument() as document:
        with Predictor.load(
            bundle, runtime, device, require_signature=key, options=options, precision=precision
        ) as predictor:
            card, task = predictor.card, TASKS[predictor.card.task]
            check_given(ego_of(card), given)
            with ExitStack() as stack:
                takers: list[Take] = [seen.take, *([document.take] if json_output else [])]
                if out is not None:
                    takers.append(stack.enter_context(files.table(out, card, task)))
                if overlay is not None:
                    drawn = files.overlays(overlay, is_film, card, task, given)
                    takers.append(stack.enter_context(drawn))
                failed = predict_files(predictor, paths, given, resize, takers)
                if failed and not seen.count:
                    raise next(iter(failed.values()))
            providers = predictor.providers
        for told in _distortions(seen.scaled, card.camera):
            console.note(told)
        if json_output:
            _print_document(document, bundle, card.task, providers, failed)
        else:
            _show(bundle, seen, task, [path for path in (out, overlay) if path is not None])
    _refuse_unused(failed, len(paths))


def _refuse_unused(failed: Mapping[Path, AuxdriveError], count: int) -> None:
    """End with an error where files could not be used.

    Args:
        failed: for each of these files, why.
        count: how many files were given.

    Raises:
        DataError: there are such files; the message says why for the first few.
    """
    if not failed:
        return
    listed = "; ".join(str(error) for error in list(failed.values())[:5]) + (
        "; ..." if len(failed) > 5 else ""
    )
    raise DataError(
        f"{len(failed)} of {count} files could not be used, the others were predicted: {listed}"
    )


@dataclass
class _Seen:
    """What is kept for the summary of all predictions.

    Attributes:
        count: of all.
        first: the first few.
        flagged: how many have flags.
        reason: of the first flagged one.
        scaled: how many images of each size (width, height) were scaled.
    """

    count: int = 0
    first: list[Predicted] = field(default_factory=list)
    flagged: int = 0
    reason: str = ""
    scaled: Counter[tuple[int, int]] = field(default_factory=Counter)

    def take(self, each: Predicted) -> None:
        self.count += 1
        record = each.record
        if len(self.first) < ROWS_SHOWN:
            self.first.append(each)
        if record["reason"]:
            self.flagged += 1
            self.reason = self.reason or record["reason"]
        if record["scaled_from"]:
            self.scaled[tuple(record["scaled_from"])] += 1


def _print_document(
    document: JsonDocument,
    bundle: Path,
    task: str,
    providers: Sequence[str],
    failed: Mapping[Path, AuxdriveError],
) -> None:
    from auxdrive.console.standard_streams import write_result

    head = {"bundle": str(bundle), "task": task, "providers": providers}
    unused = [{"file": str(path), "error": str(error)} for path, error in failed.items()]
    for part in document.parts(head, {"unused": unused}):
        write_result(part)


def _distortions(scaled: Counter[tuple[int, int]], camera: CameraSpec) -> Iterator[str]:
    """How --resize distorted images whose shape is not the camera's, a sentence for each size."""
    for (width, height), count in scaled.items():
        wider = (camera.width / width) / (camera.height / height)
        if abs(math.log(wider)) > UNSEEN_DISTORTION:
            wrong = (
                f"{wider:.2f} times too wide" if wider > 1 else f"{1 / wider:.2f} times too high"
            )
            yield (
                f"--resize squashed {count} image(s) of {width}x{height} to "
                f"{camera.width}x{camera.height}, another shape: what they "
                f"show is {wrong} for this model. Crop them to {camera.width}:{camera.height} first"
            )


def _show(bundle: Path, seen: _Seen, task: TaskSpec, written: Sequence[Path]) -> None:
    shown = [
        (
            each.record["file"],
            each.record["frame"],
            "withheld" if each.prediction.is_empty else task.text(each.prediction),
            f"{each.record['latency_ms']:.2f}",
            " ".join(each.record["flags"]),
        )
        for each in seen.first
    ]
    console.table(
        f"{bundle}",
        ("file", "frame", "prediction", "ms", "flags"),
        shown,
        text=("prediction", "flags"),
    )
    if seen.flagged:
        console.note(
            f"{seen.flagged} of {seen.count} predictions are flagged; the first: {seen.reason}"
        )
    if seen.count > ROWS_SHOWN:
        console.note(f"{seen.count - ROWS_SHOWN} more; --out or --json give all")
    for path in written:
        console.note(f"wrote {seen.count} predictions to {path}")
