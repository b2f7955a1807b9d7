"""Verification of what a graph predicts: it is the trained student, on every frame and at every
run, and uses what the card declares.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import pytest
from auxdrive.checks.parity import compare, differences, predict_all
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import InputError
from auxdrive.output_form import OutputForm
from auxdrive.tasks import TASKS
from forged_bundles import change, failed

Copy = Callable[[Path], Path]


def test_another_students_weights_fail_parity(steering_bundle: Path, copy_of: Copy) -> None:
    report = verify_bundle(
        change(
            copy_of(steering_bundle), {"model.onnx": bundle_factory.model(3).SerializeToString()}
        )
    )
    assert "parity" in failed(report)


def test_a_small_bias_fails_parity(steering_bundle: Path, copy_of: Copy) -> None:
    """0.1 degrees against a limit of 0.05."""
    report = verify_bundle(
        change(
            copy_of(steering_bundle),
            {"model.onnx": bundle_factory.model(1, bias=np.radians(0.1)).SerializeToString()},
        )
    )
    check = next(check for check in report.checks if check.name == "parity")
    assert not check.passed
    assert check.value == pytest.approx(0.1, abs=1e-3)


def test_a_control_without_power_fails(steering_bundle: Path, copy_of: Copy) -> None:
    outputs = np.load(steering_bundle / "reference/outputs.npy")
    report = verify_bundle(
        change(copy_of(steering_bundle), {"reference/negative_control.npy": outputs})
    )
    assert failed(report) == ["negative control", "recorded parity"]


@pytest.mark.parametrize(
    "numbers", [{"measured": 0.06}, {"negative_control": 0.04}, {"negative_control": 30.0}]
)
def test_parity_of_the_card_that_its_files_do_not_give(
    steering_bundle: Path, copy_of: Copy, numbers: dict[str, float]
) -> None:
    assert failed(verify_bundle(change(copy_of(steering_bundle), **numbers))) == ["recorded parity"]


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("reference/images.npy", np.zeros((5, 24, 32, 3), np.uint8)),
        ("reference/images.npy", np.zeros((6, 24, 32, 3), np.float32)),
        ("reference/ego.npy", np.zeros((6, 2), np.float32)),
        ("reference/outputs.npy", np.zeros((6, 1), np.float64)),
        ("reference/outputs.npy", np.full((6, 1), np.nan, np.float32)),
        ("reference/negative_control.npy", b"not an array"),
    ],
)
def test_reference_files_that_do_not_fit(
    steering_bundle: Path, copy_of: Copy, name: str, array: Any
) -> None:
    report = verify_bundle(change(copy_of(steering_bundle), {name: array}))
    assert failed(report) == ["runs"]
    assert name in report.checks[-1].detail


def test_frames_of_the_card(steering_bundle: Path, copy_of: Copy) -> None:
    assert failed(verify_bundle(change(copy_of(steering_bundle), frames=5))) == ["runs"]


def test_a_prediction_beyond_the_maximum_steering_angle(
    steering_bundle: Path, copy_of: Copy
) -> None:
    model = bundle_factory.model(1, bias=2.0)
    outputs = np.load(steering_bundle / "reference/outputs.npy") + np.float32(2)
    negative_control = np.load(steering_bundle / "reference/negative_control.npy")
    files = {"model.onnx": model.SerializeToString(), "reference/outputs.npy": outputs}
    report = verify_bundle(
        change(
            copy_of(steering_bundle),
            files,
            negative_control=compare("steering", outputs, negative_control).worst,
        )
    )
    assert failed(report) == ["output limits"]


def test_waypoints_that_no_car_reaches(waypoint_bundle: Path, copy_of: Copy) -> None:
    reference = {
        name: np.load(waypoint_bundle / f"reference/{name}.npy")
        for name in ("outputs", "negative_control")
    }
    far = np.zeros(8, np.float32)
    far[0] = 60.0  # metres in the first half second
    outputs = reference["outputs"] + far.reshape(4, 2)
    files = {
        "model.onnx": bundle_factory.model(1, "waypoints", far).SerializeToString(),
        "reference/outputs.npy": outputs,
    }
    negative_control = compare("waypoints", outputs, reference["negative_control"]).worst
    assert failed(
        verify_bundle(change(copy_of(waypoint_bundle), files, negative_control=negative_control))
    ) == ["output limits"]
    points, form = [[3.0, 4.0], [6.0, 8.0]], OutputForm(times_s=(0.5, 2.0))
    assert TASKS["waypoints"].size(points, form) == pytest.approx(10.0)
    assert TASKS["steering"].size([-0.3], OutputForm()) == pytest.approx(math.degrees(0.3))


def test_one_frame_that_is_off_fails_parity(steering_bundle: Path, copy_of: Copy) -> None:
    """0.1 degrees in one frame of six: the worst frame counts, and not their mean of 0.017 below
    the limit of 0.05.
    """
    outputs = np.load(steering_bundle / "reference/outputs.npy")
    outputs[3] += np.radians(0.1)
    assert "parity" in failed(
        verify_bundle(change(copy_of(steering_bundle), {"reference/outputs.npy": outputs}))
    )


def test_predictions_that_change_from_run_to_run(
    steering_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No operator that is read draws at random; what a runtime does with threads is another matter.
    Noise far below the limit of parity.
    """
    noise = iter(np.linspace(0, 1e-5, 20))
    monkeypatch.setattr(
        "auxdrive.checks.predictions.predict_all",
        lambda *given: predict_all(*given) + np.float32(next(noise)),
    )
    assert failed(verify_bundle(steering_bundle)) == ["determinism"]


@pytest.mark.parametrize("bias", [np.nan, np.inf])
def test_predictions_that_are_not_finite(steering_bundle: Path, copy_of: Copy, bias: float) -> None:
    report = verify_bundle(
        change(
            copy_of(steering_bundle),
            {"model.onnx": bundle_factory.model(1, bias=bias).SerializeToString()},
        )
    )
    assert {"parity", "output limits"} <= set(failed(report))


def test_differences_in_physical_units() -> None:
    zero, one = np.zeros((2, 1), np.float32), np.radians([[1.0], [-3.0]])
    np.testing.assert_allclose(differences("steering", zero, one), [1.0, 3.0], rtol=1e-6)
    path = np.zeros((1, 2, 2), np.float32)
    np.testing.assert_allclose(
        differences("waypoints", path, path + np.array([[0.0, 0.0], [0.03, 0.04]])),
        [5.0],
        rtol=1e-6,
    )
    parity = compare("steering", zero, np.array([[0.0], [np.nan]]))
    assert (parity.frames, parity.worst, parity.unit) == (2, np.inf, "deg")
    for other in (np.zeros((3, 1)), np.zeros((2, 1, 1)), np.zeros((0, 1))):
        with pytest.raises(InputError):
            differences("steering", zero, other)
