"""Verification: a genuine bundle passes every check, and each kind of lie in its files fails the
check that is there for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import UsageError
from forged_bundles import change, failed
from onnx import TensorProto, helper

Copy = Callable[[Path], Path]
STEERING_CHECKS = [
    "card and hashes", "model.onnx: graph", "model.onnx: inputs and outputs",
    "model.onnx: RGB and declared ego only", "runs", "parity", "negative control",
    "recorded parity", "determinism", "depends on image", "output limits",
]  # fmt: skip


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
