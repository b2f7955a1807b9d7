"""`auxdrive predict`: predicts from images with a bundle."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

import auxdrive.console as console
from auxdrive.commands.ego_options import check_given, parsed, with_ego_options
from auxdrive.commands.runtime_options import DeviceOption, RuntimeOption
from auxdrive.console import JsonOption
from auxdrive.errors import AuxdriveError, DataError, InputError
from auxdrive.runtimes import DEFAULT_RUNTIME
from auxdrive.tasks import TASKS
from auxdrive.work import Work

if TYPE_CHECKING:
    from auxdrive.cards import CameraSpec
    from auxdrive.commands.prediction_files import JsonDocument, Predicted, Take
    from auxdrive.data.image_files import ImageFrame
    from auxdrive.predictor import Predictor
    from auxdrive.tasks.base import TaskSpec


ROWS_SHOWN = 50
UNSEEN_DISTORTION = 0.01
"""The distortion from which on it is reported. Rounding to whole pixels causes less."""


@with_ego_options
def predict(
    bundle: Annotated[
        Path,
        typer.Argument(
            help="The bundle: a directory that `auxdrive export` wrote.", show_default=False
        ),
    ],
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGE...",
            help="Images, folders of images, animated GIF or WebP, videos.",
            show_default=False,
        ),
    ],
    resize: Annotated[
        bool,
        typer.Option(
            "--resize",
            help="Scale images of another size to the model's camera, squashed if need be.",
        ),
    ] = False,
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
    runtime: RuntimeOption = DEFAULT_RUNTIME,
    device: DeviceOption = "cpu",
    json_output: JsonOption = False,
    **ego: float | str | None,
) -> None:
    """Predict from images, folders of images, animated GIF or WebP, or videos.

    An image or video that cannot be used does not stop the others; it is named, and the exit code
    is then not 0. Videos need the extra 'video': pip install 'auxdrive[video]'.
    """
    from auxdrive.bundles import ego_of
    from auxdrive.commands import prediction_files as files
    from auxdrive.data.image_files import find_images, is_video
    from auxdrive.predictor import Predictor

    if out is not None:
        files.check_table(out)
    is_film = overlay is not None and files.check_overlay(overlay)
    given = parsed(ego)
    paths = find_images(images)
    if any(map(is_video, paths)):
        import auxdrive.data.video_files  # noqa: F401  # told before anything is loaded
    seen = _Seen()
    with files.JsonDocument() as document:
        with Predictor.load(bundle, runtime, device) as predictor, ExitStack() as stack:
            card, task = predictor.card, TASKS[predictor.card.task]
            check_given(ego_of(card), given)
            takers: list[Take] = [seen.take, *([document.take] if json_output else [])]
            if out is not None:
                takers.append(stack.enter_context(files.table(out, card, task)))
            if overlay is not None:
                drawn = files.overlays(overlay, is_film, card, task, given)
                takers.append(stack.enter_context(drawn))
            failed = _predict_files(predictor, paths, given, resize, takers)
            if failed and not seen.count:
                raise next(iter(failed.values()))
            providers = predictor.providers
        for told in _distortions(seen.scaled, card.camera):
            console.note(told)
        if json_output:
            _print_document(document, bundle, card.task, providers, failed)
        else:
            _show(bundle, seen, task)
            for path in (out, overlay):
                if path is not None:
                    console.note(f"wrote {seen.count} predictions to {path}")
    if failed:
        listed = "; ".join(str(error) for error in list(failed.values())[:5]) + (
            "; ..." if len(failed) > 5 else ""
        )
        raise DataError(
            f"{len(failed)} of {len(paths)} files could not be used, the others were predicted: "
            f"{listed}"
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


def _predict_files(
    predictor: Predictor,
    paths: list[Path],
    ego: Mapping[str, Any],
    resize: bool,
    takers: Sequence[Take],
) -> dict[Path, AuxdriveError]:
    """Predict from all frames of files.

    Args:
        predictor: that predicts.
        paths: of the files.
        ego: the ego inputs by name.
        resize: whether frames of another size are scaled to the camera's.
        takers: functions that are given each prediction.

    Returns:
        For each file that could not be used, or not to its end, the error.
    """
    camera = predictor.card.camera
    failed: dict[Path, AuxdriveError] = {}
    with console.progress(Work("predicting", "file", len(paths), many=True)) as shown:
        for path in paths:
            frames = _frames(path)
            while True:
                try:
                    if (source := next(frames, None)) is None:
                        break
                    image = _fit(source, camera.height, camera.width, resize)
                    each = _predicted(predictor, source, image, ego)
                except (DataError, InputError) as error:
                    failed[path] = error
                    break
                for take in takers:  # outside the try: their errors are not the image's fault
                    take(each)
                shown.done(0, f"{path.name}, frame {source.frame}")
            shown.done()
    return failed


def _frames(path: Path) -> Iterator[ImageFrame]:
    from auxdrive.data.image_files import is_video, read_images

    if is_video(path):
        from auxdrive.data.video_files import read_video

        return read_video(path)
    return read_images(path)


def _predicted(
    predictor: Predictor, source: ImageFrame, image: Any, ego: Mapping[str, Any]
) -> Predicted:
    from auxdrive.commands.prediction_files import Predicted
    from auxdrive.types import Observation

    time_s = source.time_s
    if time_s is None:
        time_s = source.frame / predictor.card.rate_hz
    prediction = predictor.predict(Observation(image, time_s, **ego))
    waypoints = prediction.waypoints_ego_m
    record = {
        "file": str(source.path),
        "frame": source.frame,
        "steer_rad": prediction.steer_rad,
        "waypoints_ego_m": None if waypoints is None else waypoints.tolist(),
        "waypoint_times_s": list(prediction.waypoint_times_s),
        "latency_ms": prediction.latency_ms,
        "flags": sorted(prediction.flags),
        "reason": prediction.reason,
        "scaled_from": None
        if image is source.image
        else [source.image.shape[1], source.image.shape[0]],
    }
    record |= {} if source.time_s is None else {"time_s": time_s}
    record |= {name: array.tolist() for name, array in prediction.values.items()}
    return Predicted(record, prediction, source, image)


def _fit(source: ImageFrame, height: int, width: int, resize: bool) -> Any:
    from auxdrive.data.image_files import resize as scale

    found_height, found_width = source.image.shape[:2]
    if (found_height, found_width) == (height, width):
        return source.image
    if not resize:
        raise InputError(
            f"{source.path}: is {found_width}x{found_height} pixels, the model's camera gives "
            f"{width}x{height}. "
            "Use --resize to scale it (the prediction is only as good as the cameras' fields of "
            "view agree)"
        )
    return scale(source.image, height, width)


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


def _show(bundle: Path, seen: _Seen, task: TaskSpec) -> None:
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
