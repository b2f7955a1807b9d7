"""Verification: a genuine bundle passes every check, and each kind of lie fails the check that is
there for it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive.checks.parity import compare, differences, predict_all
from auxdrive.checks.verify import VerifyReport, verify_bundle
from auxdrive.errors import InputError, UsageError
from auxdrive.tasks import TASKS
from onnx import TensorProto, helper

Copy = Callable[[Path], Path]
STEERING_CHECKS = [
    "card and hashes", "model.onnx: graph", "model.onnx: inputs and outputs",
    "model.onnx: RGB and declared ego only", "runs", "parity", "negative control",
    "recorded parity", "determinism", "depends on image", "output limits",
]  # fmt: skip


def change(bundle: Path, files: dict[str, bytes | np.ndarray] | None = None, **parity: Any) -> Path:
    """Replace files, with the right hashes in the card, and numbers of the card's parity."""
    card = json.loads((bundle / "card.json").read_text())
    for name, content in (files or {}).items():
        if isinstance(content, bytes):
            (bundle / name).write_bytes(content)
        else:
            np.save(bundle / name, content, allow_pickle=False)
        card["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    card["parity"] |= parity
    (bundle / "card.json").write_text(json.dumps(card))
    return bundle


def failed(report: VerifyReport) -> list[str]:
    assert report.passed == (not [check for check in report.checks if not check.passed])
    return [check.name for check in report.checks if not check.passed]


@pytest.mark.parametrize("task", ["steering", "waypoints"])
def test_a_genuine_bundle_passes(request: pytest.FixtureRequest, task: str) -> None:
    report = verify_bundle(
        request.getfixturevalue("steering_bundle" if task == "steering" else "waypoint_bundle")
    )
    assert failed(report) == []
    extra = [] if task == "steering" else ["depends on speed_mps", "depends on target_ego_m"]
    assert [check.name for check in report.checks] == [
        *STEERING_CHECKS[:-1],
        *extra,
        STEERING_CHECKS[-1],
    ]
    parity = next(check for check in report.checks if check.name == "parity")
    assert parity.value is not None
    assert parity.limit is not None
    assert 0 <= parity.value < parity.limit
    assert parity.unit == ("deg" if task == "steering" else "cm")
    json.dumps(report.as_json())


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no bundle"):
        verify_bundle(tmp_path)


def test_wrong_hash(steering_bundle: Path, copy_of: Copy) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / "README.md").write_text("other")
    report = verify_bundle(bundle)
    assert failed(report) == ["card and hashes"]
    assert "README.md" in report.checks[0].detail
    assert len(report.checks) == 1


def model_with(extra: Callable[[onnx.ModelProto], None]) -> bytes:
    model = bundle_factory.model(1)
    extra(model)
    return bytes(model.SerializeToString())


def hidden_lidar(model: onnx.ModelProto) -> None:
    """An undeclared input, mixed into the prediction with weight zero."""
    model.graph.input.append(
        helper.make_tensor_value_info("lidar", TensorProto.FLOAT, ("batch", 1))
    )
    last = model.graph.node[-1]
    last.output[0] = "camera_only"
    model.graph.node.append(helper.make_node("Add", ["camera_only", "lidar"], ["steer_rad"]))


def unused_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("depth", TensorProto.FLOAT, (1,)))


def blind(model: onnx.ModelProto) -> None:
    """Predicts a constant whatever the camera sees."""
    del model.graph.node[:]
    model.graph.node.append(helper.make_node("Tanh", ["bias2"], ["steer_rad"]))
    model.graph.initializer.append(
        onnx.numpy_helper.from_array(np.zeros((1, 1), np.float32), "bias2")
    )


def other_type(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def other_size(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 48


def custom(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Steal", ["image"], ["x"], domain="evil"))


def external(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].data_location = TensorProto.EXTERNAL


@pytest.mark.parametrize(
    ("lie", "checks"),
    [
        (hidden_lidar, ["inputs and outputs", "RGB and declared ego only"]),
        (unused_input, ["inputs and outputs"]),
        (blind, ["RGB and declared ego only"]),
        (other_type, ["inputs and outputs"]),
        (other_size, ["inputs and outputs"]),
        (custom, ["graph"]),
        (external, ["graph"]),
    ],
)
def test_graphs_that_are_not_what_they_say(
    steering_bundle: Path, copy_of: Copy, lie: Callable[[onnx.ModelProto], None], checks: list[str]
) -> None:
    report = verify_bundle(change(copy_of(steering_bundle), {"model.onnx": model_with(lie)}))
    assert failed(report) == [f"model.onnx: {name}" for name in checks]
    assert report.checks[-1].name.startswith("model.onnx"), (
        "a graph that is refused must not be run"
    )


def test_variants_are_looked_at_too(steering_bundle: Path, copy_of: Copy) -> None:
    report = verify_bundle(
        change(copy_of(steering_bundle), {"model.int8.onnx": model_with(custom)})
    )
    assert failed(report) == ["model.int8.onnx: graph"]


def test_no_onnx_at_all(steering_bundle: Path, copy_of: Copy) -> None:
    assert failed(
        verify_bundle(change(copy_of(steering_bundle), {"model.onnx": b"\x00" * 64}))
    ) == ["model.onnx: graph"]


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
    assert TASKS["waypoints"].size([[3.0, 4.0], [6.0, 8.0]], (0.5, 2.0)) == pytest.approx(10.0)
    assert TASKS["steering"].size([-0.3], ()) == pytest.approx(math.degrees(0.3))


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


def test_a_declared_input_that_nothing_depends_on(waypoint_bundle: Path, copy_of: Copy) -> None:
    model = bundle_factory.model(1, "waypoints")
    concat = next(node for node in model.graph.node if node.op_type == "Concat")
    concat.input[1] = "still"
    model.graph.initializer.append(
        onnx.numpy_helper.from_array(np.zeros((1, 1), np.float32), "still")
    )
    report = verify_bundle(
        change(copy_of(waypoint_bundle), {"model.onnx": model.SerializeToString()})
    )
    assert failed(report) == ["model.onnx: RGB and declared ego only"]
    assert "declared and not used: speed_mps" in report.checks[3].detail


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
