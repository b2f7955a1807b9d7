"""What every task must do for the vehicle: its halves agree, and a row becomes a prediction that is
judged, compared, shown and driven by. Its training: `test_every_task_in_training.py`. One that is
added is covered by its rows in both tables.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.checks.parity import compare, differences
from auxdrive.controllers import CONTROLLERS, make_controller
from auxdrive.ego import EGO_INPUTS
from auxdrive.errors import InputError
from auxdrive.tasks import TASKS as SPECS
from auxdrive.tasks import task_of
from auxdrive.tasks.base import TaskSpec
from auxdrive.types import AnyArray, Prediction
from auxdrive_train.tasks import TASKS
from auxdrive_train.tasks.base import Task
from driven_tasks import RATE_HZ, STEERING, VEHICLE, drive, some

every_task = pytest.mark.parametrize("name", TASKS.names())


def predicted(task: Task, row: AnyArray) -> Prediction:
    """A row of the graph as the vehicle gets it."""
    fields = task.spec.fields(np.asarray(row, np.float32))
    return Prediction(
        1.0, 0.5, waypoint_times_s=task.times_s, class_names=task.class_names, **fields
    )


def test_every_task_has_both_halves() -> None:
    assert set(TASKS) == set(SPECS)


@every_task
def test_its_halves_agree(name: str, task: Task, spec: TaskSpec) -> None:
    assert (task.name, spec.name) == (name, name)
    assert task.spec is spec
    assert type(spec).__doc__
    assert type(task).__doc__
    assert spec.predicts
    assert spec.parity_unit
    assert spec.parity_limit > 0
    assert set(spec.ego_inputs) <= set(EGO_INPUTS)
    assert task.output.shape == ("batch", *task.label_shape)
    assert task.output.name == spec.output_name
    assert task.output.unit == spec.output_unit
    assert len(spec.axes) == len(task.label_shape)
    assert list(spec.form_mistakes(task.form)) == []
    assert task.scale > 0


@every_task
def test_a_row_becomes_a_prediction_that_is_read_back(
    name: str, task: Task, spec: TaskSpec
) -> None:
    labels = task.labels(drive(), RATE_HZ)
    row = labels.label[labels.valid][-1]
    prediction = predicted(task, row)
    assert spec.made(prediction)
    assert task_of(prediction) is spec
    assert not prediction.is_empty
    np.testing.assert_array_equal(spec.row(prediction), row)
    read = eval(f"prediction.{spec.field}")  # noqa: S307  # as a bundle tells programs to
    first = np.ravel(np.asarray(read, np.float32))
    np.testing.assert_array_equal(first, row.ravel()[: len(first)])
    cells = spec.cells(prediction)
    assert [np.float32(value) for value in cells.values()] == row.ravel().tolist()
    nothing = Prediction(1.0, 0.5, waypoint_times_s=task.times_s, class_names=task.class_names)
    withheld = spec.cells(nothing)
    assert withheld == dict.fromkeys(cells)
    assert spec.text(prediction).strip()
    drawing = spec.drawing(row)
    assert drawing.text
    assert drawing.path_p2.ndim == 2
    assert np.isfinite(drawing.path_p2).all()
    assert spec.describe(task.form)


@every_task
def test_parity_is_a_distance(name: str, task: Task, spec: TaskSpec) -> None:
    one, other = (some(task, seed).astype(np.float32) for seed in (1, 2))
    assert compare(name, one, one).worst == 0
    assert compare(name, one, other).unit == spec.parity_unit
    apart = differences(name, one, other)
    assert apart.shape == (20,)
    assert (apart > 0).all()
    np.testing.assert_allclose(differences(name, other, one), apart)
    # two sets of weights are farther apart than the limit: parity can tell them
    assert compare(name, one, other).worst > spec.parity_limit
    broken = one.copy()
    broken[3] = np.nan
    assert compare(name, broken, one).worst == math.inf
    with pytest.raises(InputError):
        compare(name, one[1:], one)


@every_task
def test_its_bounds_hold_a_drive_and_stop_what_no_car_does(
    name: str, task: Task, spec: TaskSpec
) -> None:
    limit = spec.limit(STEERING)
    assert limit.largest > 0
    assert limit.unit
    assert limit.what
    labels = task.labels(drive(), RATE_HZ)
    for row in labels.label[labels.valid]:
        assert spec.size(row.tolist(), task.form) <= limit.largest
    far = np.full(task.label_shape, 1e6)
    assert spec.size(far.tolist(), task.form) > limit.largest
    for broken in (math.nan, math.inf, -math.inf):
        row = labels.label[labels.valid][0].copy()
        row.ravel()[-1] = broken
        assert spec.size(row.tolist(), task.form) == math.inf


@every_task
def test_its_example_and_what_drives_by_it(name: str, spec: TaskSpec) -> None:
    example = spec.example()
    assert spec.made(example)
    assert task_of(example) is spec
    if spec.controller is None:
        return
    assert spec.controller in CONTROLLERS
    controller = make_controller(spec.controller, STEERING, VEHICLE)
    control = controller.step(example, 0.0, 1.0)
    assert controller.stop_reason == ""
    assert control.steer_rad == 0.0
