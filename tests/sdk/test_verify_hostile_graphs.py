"""Graphs from hostile hands, with every hash made right: verify says no with exit code 1 before a
runtime sees them, and nothing else comes out of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import onnx
import pytest
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import BundleError
from auxdrive.predictor import Predictor
from forged_bundles import failed, forge, node, with_nodes
from onnx import TensorProto, helper
from protobuf import message

Copy = Callable[[Path], Path]
Run = Callable[..., tuple[int, str, str]]


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
