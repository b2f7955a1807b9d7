"""Predicting from files: images, and the frames of videos, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import auxdrive.console as console
from auxdrive.errors import AuxdriveError, DataError, InputError
from auxdrive.work import Work

if TYPE_CHECKING:
    from auxdrive.commands.prediction_files import Predicted, Take
    from auxdrive.data.image_files import ImageFrame
    from auxdrive.predictor import Predictor


def files_of(images: Sequence[Path]) -> list[Path]:
    """The images and videos that were given, and those in folders that were given."""
    from auxdrive.data.image_files import find_images, is_video

    paths = find_images(images)
    if any(map(is_video, paths)):
        import auxdrive.data.video_files  # noqa: F401  # told before anything is loaded
    return paths


def predict_files(
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
    if predictor.card.history.frames > 1:
        _tell_of_images(predictor, paths)
    failed: dict[Path, AuxdriveError] = {}
    with console.progress(Work("predicting", "file", len(paths), many=True)) as shown:
        for path in paths:
            frames = _frames(path)
            predictor.reset()  # no file goes on where the one before it ended
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


def _tell_of_images(predictor: Predictor, paths: Sequence[Path]) -> None:
    """Say what becomes of images alone, where the model takes earlier ones too."""
    from auxdrive.data.image_files import is_video

    alone, history = sum(not is_video(path) for path in paths), predictor.card.history
    if alone:
        console.note(
            f"this model sees {history.frames} images at once, {history.gap_s:g} s apart; a video "
            f"has them. Each of the {alone} images is taken for all of them, as if the car stood"
        )


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
    from auxdrive.prediction_record import record_of, values_of
    from auxdrive.types import Observation

    time_s = source.time_s
    if time_s is None:
        time_s = source.frame / predictor.card.rate_hz
    prediction = predictor.predict(Observation(image, time_s, **ego))
    record = {
        "file": str(source.path),
        "frame": source.frame,
        **record_of(prediction),
        "scaled_from": None
        if image is source.image
        else [source.image.shape[1], source.image.shape[0]],
    }
    record |= {} if source.time_s is None else {"time_s": time_s}
    record |= values_of(prediction)
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
