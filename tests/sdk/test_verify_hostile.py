"""Bundles from hostile hands whose graphs may be read, with every hash made right: verify says no
with exit code 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive.checks.parity import compare
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import BundleError, RuntimeFailure
from auxdrive.predictor import Predictor
from forged_bundles import failed, forge, node, with_nodes
from onnx import numpy_helper

Copy = Callable[[Path], Path]
Run = Callable[..., tuple[int, str, str]]


def test_a_prediction_that_depends_on_nothing(steering_bundle: Path, copy_of: Copy) -> None:
    """The reference was rewritten with the constant, and the numbers in the card too: only asking
    the graph something else tells.
    """
    bundle = copy_of(steering_bundle)
    nothing = np.zeros((6, 1), np.float32)
    negative_control = nothing + 1
    np.save(bundle / "reference/outputs.npy", nothing)
    np.save(bundle / "reference/negative_control.npy", negative_control)
    parity = json.loads((bundle / "card.json").read_text())["parity"]
    parity |= {
        "measured": 0.0,
        "negative_control": compare("steering", nothing, negative_control).worst,
    }
    forge(
        bundle,
        with_nodes(node("Mul", ["pre", "nil"], ["steer_rad"]), nil=np.array(0, np.float32)),
        parity=parity,
    )
    report = verify_bundle(bundle)
    assert failed(report) == ["depends on image"]
    assert "does not depend on image" in next(
        check.detail for check in report.checks if not check.passed
    )


@pytest.mark.parametrize(
    ("row", "name"), [(slice(4, 5), "speed_mps"), (slice(5, 7), "target_ego_m")]
)
def test_an_input_that_the_graph_takes_and_does_not_depend_on(
    waypoint_bundle: Path, copy_of: Copy, row: slice, name: str
) -> None:
    """Its weights are nil: in the graph the input leads to the output, in numbers it does not."""
    bundle, model = copy_of(waypoint_bundle), bundle_factory.model(1, "waypoints")
    linear = next(tensor for tensor in model.graph.initializer if tensor.name == "linear")
    weights = numpy_helper.to_array(linear).copy()
    weights[row] = 0
    linear.CopyFrom(numpy_helper.from_array(weights, "linear"))
    images, ego = bundle_factory.frames("waypoints")
    outputs, negative_control = (
        bundle_factory.evaluate(model, images, ego),
        np.load(bundle / "reference/negative_control.npy"),
    )
    np.save(bundle / "reference/outputs.npy", outputs)
    parity = json.loads((bundle / "card.json").read_text())["parity"] | {
        "negative_control": compare("waypoints", outputs, negative_control).worst
    }
    assert failed(verify_bundle(forge(bundle, model, parity=parity))) == [f"depends on {name}"]


def test_a_prediction_that_is_not_finite_on_a_white_frame(
    steering_bundle: Path, copy_of: Copy
) -> None:
    """1 / (255 - mean of the image): right on each reference frame, infinite on all white."""
    mean = with_nodes(
        node("ReduceMean", ["image_f"], ["mean"], keepdims=0),
        node("Sub", ["full", "mean"], ["left"]),
        node("Div", ["small", "left"], ["share"]),
        node("Add", ["pre", "share"], ["steer_rad"]),
        full=np.array(255, np.float32),
        small=np.array(1e-3, np.float32),
    )
    report = verify_bundle(forge(copy_of(steering_bundle), mean))
    assert failed(report) == ["depends on image"]
    assert "not finite" in next(check.detail for check in report.checks if not check.passed)


def test_a_rate_of_next_to_nothing_is_a_fault_of_the_bundle(
    steering_bundle: Path, copy_of: Copy, run: Run
) -> None:
    bundle = forge(copy_of(steering_bundle), bundle_factory.model(1), rate_hz=5e-324)
    assert failed(verify_bundle(bundle)) == ["card and hashes"]
    assert run("verify", bundle)[0] == 1


def heavy(layers: int) -> onnx.ModelProto:
    """A prediction behind convolutions of a billion multiplications each; within what is read, and
    longer than any vehicle has.
    """
    nodes = [node("Expand", ["pre2", "wide"], ["e0"])]
    nodes += [
        node("Conv", [f"e{layer}", "filter"], [f"e{layer + 1}"], pads=[1, 1, 1, 1])
        for layer in range(layers)
    ]
    nodes += [
        node("ReduceMean", [f"e{layers}"], ["m"], keepdims=0),
        node("Add", ["pre", "m"], ["steer_rad"]),
    ]
    return with_nodes(
        node("Unsqueeze", ["pre", "at"], ["pre2"]),
        *nodes,
        at=np.array([2, 3]),
        wide=np.array([1, 64, 170, 170]),
        filter=np.zeros((64, 64, 3, 3), np.float32),
    )


def test_a_graph_that_takes_too_long_is_ended(
    steering_bundle: Path, copy_of: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = forge(copy_of(steering_bundle), heavy(20))
    monkeypatch.setattr("auxdrive.predictor.FIRST_RUN_S", 0.01)
    with pytest.raises(RuntimeFailure, match=r"not done with one frame after 0\.01 s"):
        Predictor.load(bundle)
    assert failed(verify_bundle(bundle)) == ["runs"]


def test_a_graph_of_more_work_than_is_read_is_not_even_loaded(
    steering_bundle: Path, copy_of: Copy
) -> None:
    bundle = forge(copy_of(steering_bundle), heavy(200))
    with pytest.raises(BundleError, match="needs more than 2e"):
        Predictor.load(bundle)


def test_more_reference_frames_than_anyone_needs(steering_bundle: Path, copy_of: Copy) -> None:
    parity = json.loads((steering_bundle / "card.json").read_text())["parity"] | {
        "frames": 1_000_000
    }
    assert failed(
        verify_bundle(forge(copy_of(steering_bundle), bundle_factory.model(1), parity=parity))
    ) == ["card and hashes"]
