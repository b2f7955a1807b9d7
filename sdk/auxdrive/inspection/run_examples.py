"""Examples of a run's validation part: frames with the predicted and the recorded path drawn on
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.image_files import read_images
from auxdrive.errors import AuxdriveError, DataError
from auxdrive.html.blocks import Markup, element, figure, image, legend, paragraph
from auxdrive.inspection.overlay import PREDICTED, RECORDED, Shown, overlay
from auxdrive.inspection.painting import jpeg
from auxdrive.inspection.palette import css
from auxdrive.runs import Example, RunFolder, ValidationRecord
from auxdrive.strict import read_model
from auxdrive.tasks import TASKS
from auxdrive.tasks.base import TaskSpec
from auxdrive.types import Float32

_JPEG_QUALITY = 85


def examples(folder: RunFolder, validation: ValidationRecord) -> Iterator[Markup]:
    """The examples of a run, for its page. An image that cannot be read is replaced by the reason.

    Args:
        folder: of the run, with the images and the card of the data set, which has the camera.
        validation: the record that names the examples.
    """
    try:
        camera = read_model(folder.card_path, DatasetCard).needed_camera
    except DataError as error:
        yield paragraph(f"Cannot be drawn: {error}.", css="bad")
        return
    yield paragraph(
        "The frames that were predicted best and worst, and those in the middle, at least 2 s "
        "apart within a drive.",
        css="soft",
    )
    keys = [(css(PREDICTED), "predicted"), (css(RECORDED), "recorded")]
    yield legend(keys)
    for rank in ("best", "median", "worst"):
        own = [each for each in validation.examples if each.rank == rank]
        shots = [_example(folder, camera, validation.task, each) for each in own]
        if shots:
            yield element("h3", rank.capitalize())
            yield Markup('<div class="shots">{}</div>').format(Markup("".join(shots)))


def _example(folder: RunFolder, camera: CameraSpec, task_name: str, example: Example) -> Markup:
    """An example: its image with the predicted and the recorded path, and a caption."""
    place = f"{example.episode}, frame {example.frame}"
    caption = [f"{example.error:.3g} {example.unit} off: {place}"]
    try:
        seen = next(read_images(folder.example_path(example.name))).image
        task = TASKS[task_name]
        drawings = [
            task.drawing(_row(task, row, example.shape))
            for row in (example.label, example.prediction)
        ]
    except AuxdriveError as error:
        return figure(paragraph(str(error), css="bad"), caption[0])
    shown = [Shown(drawings[0], RECORDED), Shown(drawings[1], PREDICTED)]
    caption.append(f"predicted {drawings[1].text}, recorded {drawings[0].text}")
    caption.append(", ".join(f"{name} {_numbers(each)}" for name, each in example.ego.items()))
    drawn = overlay(seen, camera, shown)
    made = image(jpeg(drawn, _JPEG_QUALITY), place)
    return figure(made, Markup("<br>").join(filter(None, caption)))


def _row(task: TaskSpec, numbers: Sequence[float], shape: tuple[int, ...]) -> Float32:
    """The numbers as a row of the task.

    Raises:
        DataError: they are none.
    """
    fixed = [int(axis) if axis.isdecimal() else None for axis in task.axes]
    if len(shape) != len(fixed) or any(
        wanted not in (None, size) for size, wanted in zip(shape, fixed, strict=True)
    ):
        raise DataError(f"an example of the shape {shape} is no prediction of the task {task.name}")
    return np.array(numbers, np.float32).reshape(shape)


def _numbers(values: Sequence[float]) -> str:
    text = ", ".join(f"{value:.1f}" for value in values)
    return text if len(values) == 1 else f"({text})"
