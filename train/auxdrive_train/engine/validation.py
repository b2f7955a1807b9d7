"""What a run keeps of its validation part besides the metrics: metrics by condition, and example
frames, those with the smallest, the median and the largest error, with their images. `auxdrive
inspect --html` shows them without the data and without torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from auxdrive.history import current
from auxdrive.inspection.painting import jpeg, paint
from auxdrive.runs import Example, ValidationRecord
from auxdrive.storage.publish import write_atomic
from auxdrive.storage.reading import make_folder
from auxdrive.strict import dump_json
from auxdrive.types import Float32, Float64
from numpy.typing import NDArray

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.conditions import by_condition
from auxdrive_train.engine.floor import best_constants
from auxdrive_train.engine.prepare import Parts

Rank = Literal["best", "median", "worst"]
EXAMPLES = 3
"""Number of examples of each rank."""
APART_S = 2.0
"""Examples of one drive are at least this far apart in time, since neighbouring frames look alike.
"""
_JPEG_QUALITY, _LONGEST = 90, 640


def write_validation(
    parts: Parts, role: str, predictions: Float32, counted: NDArray[np.bool_]
) -> None:
    """Write `validation.json` and `examples/`.

    Args:
        parts: of the run.
        role: the role that made the predictions.
        predictions: (N, *label_shape) for the whole validation part, in physical units.
        counted: bool (N,), the samples that the role is measured on.
    """
    samples, task = parts.validation.chosen(counted), parts.validation.task
    constants = best_constants(parts.recorded, samples.card.steering)
    predicted = predictions[counted]
    make_folder(parts.folder.examples_dir)
    record = ValidationRecord(
        role=role,
        task=task.name,
        main_metric=task.primary_metric,
        conditions=by_condition(parts.dataset, samples, predicted, constants),
        examples=tuple(_examples(parts, samples, predicted)),
    )
    write_atomic(parts.folder.validation_path, dump_json(record.model_dump(mode="json")))


def _examples(parts: Parts, samples: SampleSet, predicted: Float32) -> Iterator[Example]:
    """The examples, from samples that have an image; writes their images."""
    seen = np.flatnonzero(samples.has(parts.config.main))
    samples, predicted, spec = samples.chosen(seen), predicted[seen], samples.task.spec
    difference = predicted.astype(np.float64) - samples.label
    apart = spec.apart(difference).reshape(len(samples), -1).mean(axis=1)
    for rank, order in _orders(apart):
        for number, index in enumerate(_spread(samples, order), start=1):
            name = f"{rank}-{number}"
            _write_image(parts, name, samples, index)
            yield Example(
                name=name,
                rank=rank,
                error=float(apart[index]),
                unit=spec.parity_unit,
                episode=samples.episode_ids[samples.episode_of[index]],
                frame=int(samples.frame_of[index]),
                ego={
                    each: tuple(samples.ego[index, columns].tolist())
                    for each, columns in samples.task.ego.columns.items()
                },
                shape=predicted.shape[1:],
                prediction=tuple(predicted[index].ravel().tolist()),
                label=tuple(samples.label[index].ravel().tolist()),
            )


def _orders(apart: Float64) -> Iterator[tuple[Rank, NDArray[np.intp]]]:
    """For each rank the samples' numbers, the most typical of the rank first."""
    order = np.argsort(apart, kind="stable")
    from_the_middle = np.argsort(np.abs(np.arange(len(order)) - len(order) // 2), kind="stable")
    yield "best", order
    yield "median", order[from_the_middle]
    yield "worst", order[::-1]


def _spread(samples: SampleSet, order: NDArray[np.intp]) -> list[int]:
    """The first `EXAMPLES` samples of `order` that are at least `APART_S` apart."""
    chosen: list[int] = []
    for index in order.tolist():
        if len(chosen) == EXAMPLES:
            break
        if all(
            samples.session_of[index] != samples.session_of[other]
            or abs(samples.taken_s[index] - samples.taken_s[other]) >= APART_S
            for other in chosen
        ):
            chosen.append(index)
    return chosen


def _write_image(parts: Parts, name: str, samples: SampleSet, index: int) -> None:
    main = parts.config.main
    frame = current(samples.gather(np.array([index])).frames[main])[0].numpy()
    data = jpeg(paint(main, frame), _JPEG_QUALITY, _LONGEST)
    write_atomic(parts.folder.example_path(name), data)
