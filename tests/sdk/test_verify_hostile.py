"""Bundles from hostile hands, with every hash made right: verify says no with exit code 1, and
nothing else comes out of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive import cli
from auxdrive.checks.parity import compare
from auxdrive.checks.verify import VerifyReport, verify_bundle
from auxdrive.errors import BundleError, RuntimeFailure
from auxdrive.predictor import Predictor
from onnx import TensorProto, helper, numpy_helper
from protobuf import message

Copy = Callable[[Path], Path]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`auxdrive ...` in this process: exit code, and what stands on standard output and error,
    native code's words included.
    """

    def command(*words: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr("sys.argv", ["auxdrive", *map(str, words)])
        try:
            cli.main()
        except SystemExit as end:
            return (int(end.code or 0), *capfd.readouterr())
        return (0, *capfd.readouterr())

    return command


def forge(bundle: Path, model: onnx.ModelProto | bytes, **changes: Any) -> Path:
    """Put a model into a bundle, and whatever else, with the right hashes."""
    data = model if isinstance(model, bytes) else model.SerializeToString()
    (bundle / "model.onnx").write_bytes(data)
    card = json.loads((bundle / "card.json").read_text()) | changes
    for name in card["files"]:
        card["files"][name] = hashlib.sha256((bundle / name).read_bytes()).hexdigest()
    (bundle / "card.json").write_text(json.dumps(card))
    return bundle


def failed(report: VerifyReport) -> list[str]:
    return [check.name for check in report.checks if not check.passed]


def with_nodes(*nodes: onnx.NodeProto, **stored: np.ndarray) -> onnx.ModelProto:
    """The genuine model, with nodes between its output (now "pre") and steer_rad."""
    model = bundle_factory.model(1)
    model.graph.node[-1].output[0] = "pre"
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in stored.items()
    )
    return model


node = helper.make_node


def reads_a_file_outside() -> onnx.ModelProto:
    """A function whose attribute has a default tensor, whose data lies in a file of the working
    directory.
    """
    model = with_nodes(node("F", ["pre"], ["steer_rad"], domain="mine"))
    body = [
        node("Constant", [], ["k"]),
        node("Sum", ["a", "k"], ["s"]),
        node("ReduceMax", ["s"], ["b"], keepdims=1),
    ]
    body[0].attribute.add(name="value", type=onnx.AttributeProto.TENSOR, ref_attr_name="val")
    function = helper.make_function("mine", "F", ["a"], ["b"], body, [helper.make_opsetid("", 20)])
    default = function.attribute_proto.add(name="val", type=onnx.AttributeProto.TENSOR)
    default.t.CopyFrom(
        TensorProto(
            dims=[5000, 1],
            data_type=TensorProto.FLOAT,
            name="secret",
            data_location=TensorProto.EXTERNAL,
        )
    )
    default.t.external_data.add(key="location", value="w.bin")
    model.functions.append(function)
    model.opset_import.append(helper.make_opsetid("mine", 1))
    return model


def hidden_contrib() -> bytes:
    """com.microsoft::FusedMatMul, whose domain a later field of the wrong wire type hides from a
    reader that takes what it knows.
    """
    model = bundle_factory.model(1)
    model.graph.node[-2].op_type, model.graph.node[-2].domain = "FusedMatMul", "com.microsoft"
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    matmul = model.graph.node[-2].SerializeToString()
    graph = model.graph.SerializeToString()
    hidden = graph.replace(
        bytes([0x0A, len(matmul)]) + matmul, bytes([0x0A, len(matmul) + 2]) + matmul + b"\x38\x01"
    )
    assert len(hidden) == len(graph) + 2
    rest = onnx.ModelProto(ir_version=10, opset_import=model.opset_import).SerializeToString()
    return bytes(rest) + message(7, hidden)


def bright(*nodes: onnx.NodeProto, **stored: np.ndarray) -> onnx.ModelProto:
    """`n` is 0 on ordinary frames and large on a white one."""
    return with_nodes(
        node("ReduceMin", ["image_f"], ["darkest"], keepdims=0),
        node("Greater", ["darkest", "threshold"], ["white"]),
        node("Cast", ["white"], ["number"], to=TensorProto.INT64),
        node("Mul", ["number", "many"], ["n"]),
        *nodes,
        threshold=np.array(200, np.float32),
        many=np.array(1 << 40, np.int64),
        **stored,
    )


def loops_on_bright_frames() -> onnx.ModelProto:
    values = [
        helper.make_tensor_value_info(name, kind, [])
        for name, kind in (("i", TensorProto.INT64), ("c", TensorProto.BOOL))
    ]
    carried = helper.make_tensor_value_info("v", TensorProto.FLOAT, None)
    after = [
        helper.make_tensor_value_info("c2", TensorProto.BOOL, []),
        helper.make_tensor_value_info("v2", TensorProto.FLOAT, None),
    ]
    steps = [node("Identity", ["c"], ["c2"]), node("Identity", ["v"], ["v2"])]
    body = helper.make_graph(steps, "body", [*values, carried], after)
    return bright(node("Loop", ["n", "yes", "pre"], ["steer_rad"], body=body), yes=np.array(True))


def fails_on_bright_frames() -> onnx.ModelProto:
    return bright(
        node("Unsqueeze", ["n", "zero"], ["i"]),
        node("Gather", ["pre", "i"], ["steer_rad"], axis=1),
        zero=np.array([0]),
    )


def gathers_out_of_range() -> onnx.ModelProto:
    nodes = [
        node("Shape", ["image"], ["s"]),
        node("Gather", ["s", "k"], ["g"]),
        node("Gather", ["pre", "g"], ["steer_rad"], axis=1),
    ]
    return with_nodes(*nodes, k=np.array([1]))


def function_bomb() -> onnx.ModelProto:
    model = with_nodes(node("F23", ["pre"], ["steer_rad"], domain="mine"))
    for level in range(24):
        inner, domain = (f"F{level - 1}", "mine") if level else ("Neg", "")
        body = [node(inner, ["a"], ["m"], domain=domain), node(inner, ["m"], ["b"], domain=domain)]
        opsets = [helper.make_opsetid("", 20), helper.make_opsetid("mine", 1)]
        model.functions.append(
            helper.make_function("mine", f"F{level}", ["a"], ["b"], body, opsets)
        )
    model.opset_import.append(helper.make_opsetid("mine", 1))
    return model


def many_outputs() -> onnx.ModelProto:
    """Each output is reached through all those before it: quadratic work for whoever walks from
    each.
    """
    model = with_nodes(node("Relu", ["pre"], ["steer_rad"]))
    names = ["pre", *(f"c{index}" for index in range(4000))]
    model.graph.node.extend(node("Tanh", [a], [b]) for a, b in pairwise(names))
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1]) for name in names[1:]
    )
    return model


def bad_utf8() -> bytes:
    """ONNX Runtime's own complaint about such a name goes to standard output."""
    model = bundle_factory.model(1)
    model.graph.node[-1].name = "QzzQ"
    return bytes(model.SerializeToString()).replace(b"QzzQ", b"Q\xff\xfeQ")


@pytest.mark.parametrize(
    "make",
    [
        reads_a_file_outside,
        hidden_contrib,
        loops_on_bright_frames,
        fails_on_bright_frames,
        gathers_out_of_range,
        function_bomb,
        many_outputs,
        bad_utf8,
    ],
)
def test_hostile_graphs(
    steering_bundle: Path,
    copy_of: Copy,
    make: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
    run: Run,
) -> None:
    bundle = forge(copy_of(steering_bundle), make())
    (bundle.parent / "w.bin").write_bytes(np.zeros(5000, np.float32).tobytes())
    monkeypatch.chdir(bundle.parent)
    assert failed(verify_bundle(bundle)) == ["model.onnx: graph"]
    with pytest.raises(BundleError, match=r"model\.onnx"):
        Predictor.load(bundle)
    code, out, _ = run("verify", bundle, "--json")
    assert code == 1
    assert json.loads(out)["passed"] is False  # JSON and nothing before it


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


def test_verify_says_what_it_proves_and_holds_to_one_card(
    steering_bundle: Path, copy_of: Copy, run: Run
) -> None:
    digest = hashlib.sha256((steering_bundle / "card.json").read_bytes()).hexdigest()
    code, out, _ = run("verify", steering_bundle)
    assert code == 0
    assert f"SHA-256 of the card: {digest}" in out
    assert "not who wrote it" in out
    code, out, _ = run("verify", steering_bundle, "--expect-sha256", digest.upper())
    assert code == 0
    assert "the bundle whose card has the expected SHA-256" in out
    report = json.loads(run("verify", steering_bundle, "--json")[1])
    assert (report["card_sha256"], report["passed"]) == (digest, True)
    forged = forge(copy_of(steering_bundle), bundle_factory.model(1), name="forged")
    assert run("verify", forged)[0] == 0  # consistent with itself
    code, out, _ = run("verify", forged, "--expect-sha256", digest, "--json")
    assert code == 1
    assert "another bundle than expected" in json.loads(out)["checks"][0]["detail"]


@pytest.mark.parametrize(
    "wrong", [["--expect-sha256", "12"], ["--runtime", "nothing"], ["--device", "toaster"]]
)
def test_what_is_the_users_mistake(
    steering_bundle: Path, copy_of: Copy, run: Run, wrong: list[str]
) -> None:
    """Exit code 2, and not that of a failed check; also where the bundle is damaged, for an option
    that could be checked.
    """
    assert run("verify", steering_bundle, *wrong)[0] == 2
    bundle = copy_of(steering_bundle)
    (bundle / "README.md").write_text("changed")
    assert run("verify", bundle, *wrong)[0] == (1 if "--device" in wrong else 2)
    assert run("verify", bundle.parent / "nothing")[0] == 2


def test_what_was_passed_over_is_said(steering_bundle: Path, copy_of: Copy, run: Run) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / "reference/.DS_Store").write_bytes(b"\0")
    code, _, err = run("verify", bundle)
    assert code == 0
    assert "passed over and not read: reference/.DS_Store" in err
    assert verify_bundle(bundle).as_json()["passed_over"] == ("reference/.DS_Store",)
