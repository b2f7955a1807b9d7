"""Sizes, indices and work follow from the size of the image, and are known and bounded before
anything runs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import onnx
import pytest
from auxdrive.checks.graph_reader import GraphFacts, read_graph
from auxdrive.checks.operators import OPERATORS
from auxdrive.checks.rules import RULES
from auxdrive.errors import BundleError
from onnx import TensorProto, helper, numpy_helper

Stored = dict[str, Any]
X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 6, 8, 10))
IMAGE = helper.make_tensor_value_info("image", TensorProto.UINT8, ("batch", 6))


def model(nodes: list[onnx.NodeProto], stored: Stored, output: str = "y") -> onnx.ModelProto:
    """Nodes on x float32 (batch, 6, 8, 10) and image uint8 (batch, 6); the output has any shape."""
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in stored.items()]
    kind = TensorProto.INT32 if nodes[-1].op_type == "MatMulInteger" else TensorProto.FLOAT
    anything = helper.make_tensor_value_info(output, kind, None)
    graph = helper.make_graph(nodes, "g", [X, IMAGE], [anything], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def facts_of(made: onnx.ModelProto, shape: tuple[int | str, ...]) -> GraphFacts:
    """The facts of a model whose output is declared with that shape."""
    made.graph.output[0].CopyFrom(
        helper.make_tensor_value_info("y", made.graph.output[0].type.tensor_type.elem_type, shape)
    )
    return read_graph(made.SerializeToString())


def node(operator: str, *inputs: str, **attributes: Any) -> list[onnx.NodeProto]:
    return [helper.make_node(operator, list(inputs), ["y"], **attributes)]


F = np.float32
WORKING: list[tuple[list[onnx.NodeProto], Stored]] = [
    (
        node("Conv", "x", "w", strides=[2, 3], pads=[1, 0, 1, 2], dilations=[1, 2]),
        {"w": np.zeros((4, 6, 3, 2), F)},
    ),
    (
        node("Conv", "x", "w", "b", group=2, kernel_shape=[8, 10]),
        {"w": np.zeros((4, 3, 8, 10), F), "b": np.zeros(4, F)},
    ),
    (
        node(
            "AveragePool",
            "x",
            kernel_shape=[3, 3],
            strides=[2, 2],
            pads=[1, 1, 1, 1],
            count_include_pad=1,
        ),
        {},
    ),
    (node("MaxPool", "x", kernel_shape=[2, 3], strides=[3, 2], dilations=[2, 1]), {}),
    (
        node(
            "Resize", "x", "", "", "s", mode="linear", coordinate_transformation_mode="half_pixel"
        ),
        {"s": np.array([1, 6, 3, 25])},
    ),
    (node("ReduceMean", "x", "a"), {"a": np.array([-1, 1])}),
    (node("ReduceMean", "x", "a", keepdims=0), {"a": np.array([2, 3])}),
    (node("ReduceMean", "x", keepdims=0), {}),
    (node("Transpose", "x", perm=[0, 2, 3, 1]), {}),
    (node("Reshape", "x", "s"), {"s": np.array([0, -1, 20])}),
    (node("Reshape", "x", "s", allowzero=1), {"s": np.array([480])}),
    (
        node("Slice", "x", "f", "l", "a", "p"),
        {
            "f": np.array([-7, 1]),
            "l": np.array([99, -2]),
            "a": np.array([2, -1]),
            "p": np.array([2, 3]),
        },
    ),
    (node("Slice", "x", "f", "l"), {"f": np.array([0]), "l": np.array([1 << 62])}),
    (node("Concat", "x", "x", "w", axis=-1), {"w": np.zeros((1, 6, 8, 1), F)}),
    (node("Expand", "w", "s"), {"w": np.zeros((3, 1), F), "s": np.array([2, 1, 4])}),
    (node("Gather", "x", "i", axis=1), {"i": np.array([[0, -6], [5, 1]])}),
    (node("Squeeze", "x", "a"), {"a": np.array([0])}),
    (node("Squeeze", "x"), {}),
    (node("Unsqueeze", "x", "a"), {"a": np.array([0, -1])}),
    (node("MatMul", "x", "w"), {"w": np.zeros((6, 10, 3), F)}),
    (node("MatMulInteger", "b", "b"), {"b": np.zeros((3, 5, 5), np.uint8)}),
    (
        node("MatMulInteger", "b", "c"),
        {"b": np.zeros((3, 5, 4), np.uint8), "c": np.zeros((4, 2), np.int8)},
    ),
    (node("ReduceSum", "x", "a", keepdims=0), {"a": np.array([1, -1])}),
    (node("MatMul", "w", "w"), {"w": np.zeros((5, 5), F)}),
    (
        [helper.make_node("Reshape", ["x", "s"], ["r"]), *node("Gemm", "r", "w", "b", transB=1)],
        {"s": np.array([1, 480]), "w": np.zeros((7, 480), F), "b": np.zeros(7, F)},
    ),
    ([helper.make_node("Split", ["x"], ["y", "z"], axis=1, num_outputs=2)], {}),
    (node("Elu", "x", alpha=0.5), {}),
    (node("Softmax", "x", axis=1), {}),
    (node("Sqrt", "x"), {}),
    (
        [
            helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
            *node("DequantizeLinear", "q", "scale", "zero"),
        ],
        {"scale": np.array(0.1, F), "zero": np.array(0, np.int8)},
    ),
    (
        node("DequantizeLinear", "w", "scales", axis=0),
        {"w": np.zeros((4, 6), np.int8), "scales": np.ones(4, F)},
    ),
    (
        [
            helper.make_node("Cast", ["x"], ["half"], to=TensorProto.FLOAT16),
            helper.make_node("Conv", ["half", "w"], ["map"]),
            helper.make_node("Relu", ["map"], ["cut"]),
            *node("Cast", "cut", to=TensorProto.FLOAT),
        ],
        {"w": np.zeros((2, 6, 3, 3), np.float16)},
    ),
    (node("Add", "x", "w"), {"w": np.zeros((8, 1), F)}),
    (
        [
            helper.make_node("Shape", ["x"], ["s"], start=1),
            helper.make_node("Gather", ["s", "i"], ["n"]),
            helper.make_node("Range", ["o", "n", "p"], ["r"]),
            helper.make_node("Mul", ["r", "p"], ["m"]),
            *node("Gather", "x", "m", axis=2),
        ],
        {"i": np.array(1), "o": np.array(0), "p": np.array(1)},
    ),
]


@pytest.mark.parametrize(
    ("nodes", "stored"), WORKING, ids=[nodes[-1].op_type for nodes, _ in WORKING]
)
def test_shapes_are_those_of_onnx(nodes: list[onnx.NodeProto], stored: Stored) -> None:
    made = model(nodes, stored)
    for each in made.graph.input:
        each.type.tensor_type.shape.dim[0].dim_value = 1
    inferred = onnx.shape_inference.infer_shapes(made, strict_mode=True, data_prop=True)
    # Where onnx gives up (a range), the axis stays free.
    shape = tuple(
        axis.dim_value or "free" for axis in inferred.graph.output[0].type.tensor_type.shape.dim
    )
    facts = facts_of(made, shape)
    assert len(facts.shapes["y"]) == len(shape)
    assert all(
        theirs in ("free", mine) for mine, theirs in zip(facts.shapes["y"], shape, strict=True)
    )
    assert 0 < facts.work < 1e7


def test_there_is_a_rule_for_every_operator_and_a_case_for_every_rule() -> None:
    assert RULES.keys() == OPERATORS.keys()
    tried = {each.op_type for nodes, _ in WORKING for each in nodes} | {
        "Cast",
        "Relu",
        "Sigmoid",
        "Tanh",
        "Sub",
        "Div",
    }
    assert tried == OPERATORS.keys()


def test_int8_that_adds_up_bytes_is_no_precision_unless_something_else_takes_it_too() -> None:
    adds_up = node("MatMulInteger", "b", "ones")
    stored: Stored = {"b": np.zeros((3, 5, 4), np.uint8), "ones": np.ones((4, 2), np.int8)}
    assert "int8" not in facts_of(model(adds_up, stored), (3, 5, 2)).types
    taken = [helper.make_node("DequantizeLinear", ["ones", "s"], ["weights"]), *adds_up]
    stored["s"] = np.array(1, F)
    assert "int8" in facts_of(model(taken, stored), (3, 5, 2)).types


HUGE = np.array([1 << 15, 1 << 15])
REFUSED: list[tuple[str, list[onnx.NodeProto], Stored]] = [
    ("there is no axis 4 of 4", node("Softmax", "x", axis=4), {}),
    ("larger than anything", node("Expand", "w", "s"), {"w": np.zeros((1, 1), F), "s": HUGE}),
    (
        "larger than anything",
        node("Resize", "x", "", "", "s"),
        {"s": np.array([1, 6, 1 << 14, 1 << 14])},
    ),
    ("is none", node("MaxPool", "x", kernel_shape=[1 << 40, 1]), {}),
    (
        r"needs more than 2e\+10 multiplications by itself",
        [helper.make_node("Expand", ["x0", "s"], ["u"]), *node("Conv", "u", "w")],
        {
            "x0": np.zeros((1, 1, 1, 1), F),
            "s": np.array([1, 256, 1000, 1000]),
            "w": np.zeros((256, 256, 2, 2), F),
        },
    ),
    ("out of range, there are 6", node("Gather", "x", "i", axis=1), {"i": np.array([6])}),
    ("out of range", node("Gather", "x", "i", axis=1), {"i": np.array([-7])}),
    ("not calculated with", node("Mul", "image", "image"), {}),
    ("an input is uint8 and not int64", node("Gather", "x", "image"), {}),
    ("comes from nowhere", node("Gather", "x", "later"), {}),
    ("is none", node("Conv", "x", "w", strides=[0, 1]), {"w": np.zeros((4, 6, 3, 3), F)}),
    ("is none", node("AveragePool", "x", kernel_shape=[0, 1]), {}),
    ("is none", node("Conv", "x", "w", dilations=[0, 0]), {"w": np.zeros((4, 6, 3, 3), F)}),
    ("does not fit", node("Conv", "x", "w"), {"w": np.zeros((4, 6, 9, 3), F)}),
    ("groups", node("Conv", "x", "w", group=0), {"w": np.zeros((4, 6, 3, 3), F)}),
    ("groups", node("Conv", "x", "w"), {"w": np.zeros((4, 5, 3, 3), F)}),
    ("it says", node("Conv", "x", "w", kernel_shape=[2, 2]), {"w": np.zeros((4, 6, 3, 3), F)}),
    ("not two axes", node("Conv", "x", "w", pads=[1, 1]), {"w": np.zeros((4, 6, 3, 3), F)}),
    ("does not become", node("Reshape", "x", "s"), {"s": np.array([7, -1])}),
    ("is no shape", node("Reshape", "x", "s"), {"s": np.array([-1, -1])}),
    ("takes over an axis", node("Reshape", "x", "s"), {"s": np.array([1, 6, 8, 10, 0])}),
    ("is empty", node("Slice", "x", "f", "f"), {"f": np.array([3])}),
    (
        "in steps of",
        node("Slice", "x", "f", "l", "f", "p"),
        {"f": np.array([0]), "l": np.array([3]), "p": np.array([-1])},
    ),
    (
        "are split into 4",
        [helper.make_node("Split", ["x"], ["y", "a", "b", "c"], axis=1, num_outputs=4)],
        {},
    ),
    ("do not fit", node("Add", "x", "w"), {"w": np.zeros((7, 1), F)}),
    ("are joined", node("Concat", "x", "w", axis=1), {"w": np.zeros((1, 6, 8, 9), F)}),
    ("no axis 4", node("Concat", "x", "x", axis=4), {}),
    ("does not order", node("Transpose", "x", perm=[0, 0, 1, 2]), {}),
    ("is not multiplied", node("MatMul", "x", "w"), {"w": np.zeros((9, 3), F)}),
    (
        "counts 1000000 numbers",
        node("Range", "o", "n", "p"),
        {"o": np.array(0), "n": np.array(10**6), "p": np.array(1)},
    ),
    (
        "counts 18446744073709551615 numbers",  # more than a Python range can count
        node("Range", "o", "n", "p"),
        {"o": np.array(-(2**63)), "n": np.array(2**63 - 1), "p": np.array(1)},
    ),
    ("by 0", node("Range", "o", "n", "p"), {"o": np.array(0), "n": np.array(9), "p": np.array(0)}),
    ("whole numbers are", node("Div", "o", "o"), {"o": np.array(0)}),
    (
        "region or factors",
        node("Resize", "x", "", "f", "s"),
        {"f": np.ones(4, F), "s": np.array([1, 6, 3, 3])},
    ),
    (
        "an input is uint8 and not int8",
        node("QuantizeLinear", "x", "s", "z"),
        {"s": np.array(1, F), "z": np.array(0, np.uint8)},
    ),
    (
        "and not 0 axes",  # a map has one scale
        node("QuantizeLinear", "x", "s", "z"),
        {"s": np.ones(6, F), "z": np.zeros(6, np.int8)},
    ),
    ("QuantizeLinear has 2 inputs", node("QuantizeLinear", "x", "s"), {"s": np.array(1, F)}),
    ("not float32", node("QuantizeLinear", "s", "s", "z"), {"s": np.array(1), "z": np.array(0)}),
    (
        r"its scale is \(6,\), along axis 0",
        node("DequantizeLinear", "w", "s", axis=0),
        {"w": np.zeros((4, 6), np.int8), "s": np.ones(6, F)},
    ),
    (
        "its zero point is",
        node("DequantizeLinear", "w", "s", "z", axis=0),
        {"w": np.zeros((4, 6), np.int8), "s": np.ones(4, F), "z": np.array(0, np.int8)},
    ),
    (
        "which no export writes",
        node("DequantizeLinear", "w", "s", axis=2),
        {"w": np.zeros((4, 6, 2), np.int8), "s": np.ones(2, F)},
    ),
    ("and not int8", node("DequantizeLinear", "image", "s"), {"s": np.array(1, F)}),
    ("and not float32 or float16", node("Relu", "w"), {"w": np.zeros(3, np.int8)}),
    ("are not calculated with", node("Add", "x", "w"), {"w": np.zeros(10, np.float16)}),
    ("and not float32", node("Conv", "x", "w"), {"w": np.zeros((1, 6, 1, 1), np.float16)}),
    ("lacks num_outputs", [helper.make_node("Split", ["x"], ["y"])], {}),
    ("has 3 inputs", node("Add", "x", "x", "x"), {}),
]


@pytest.mark.parametrize(
    ("reason", "nodes", "stored"),
    REFUSED,
    ids=[f"{nodes[-1].op_type}: {reason}" for reason, nodes, _ in REFUSED],
)
def test_what_does_not_fit_or_is_too_much(
    reason: str, nodes: list[onnx.NodeProto], stored: Stored
) -> None:
    with pytest.raises(BundleError, match=reason):
        facts_of(model(nodes, stored), (1,))


def test_an_index_that_the_image_decides_is_refused() -> None:
    """Whole numbers made from an image could be out of range on one image in a million: none can
    be made.
    """
    for to in (TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL):
        nodes = [helper.make_node("Cast", ["x"], ["i"], to=to), *node("Gather", "x", "i", axis=1)]
        with pytest.raises(BundleError, match=f"to = {to}"):
            facts_of(model(nodes, {}), (1,))


def test_work_adds_up_over_nodes() -> None:
    """Five thousand nodes of a modest size each are too much together; each is followed once."""
    names = ["x", *(f"v{index}" for index in range(3000)), "y"]
    nodes = [helper.make_node("Conv", [a, "w"], [b], pads=[1, 1, 1, 1]) for a, b in pairwise(names)]
    stored = {"w": np.zeros((6, 6, 3, 3), F)}
    assert facts_of(model(nodes, stored), (1, 6, 8, 10)).work == pytest.approx(
        3001 * (480 * 54 + 480)
    )
    wide = [helper.make_node("Expand", ["one", "shape"], ["big"])]
    wide += [helper.make_node("Relu", ["big"], [f"r{index}"]) for index in range(20)] + node(
        "Relu", "r0"
    )
    with pytest.raises(BundleError, match="larger than anything"):
        facts_of(
            model(wide, {"one": np.zeros((1, 1), F), "shape": np.array([1 << 13, 1 << 13])}),
            (1 << 13, 1 << 13),
        )
