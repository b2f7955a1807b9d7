"""Sizes, indices and work follow from the size of the image, and are known and bounded before
anything runs.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnx
import pytest
from auxdrive.checks.operators import OPERATORS
from auxdrive.checks.rules import RULES
from auxdrive.errors import BundleError
from graphs_by_hand import F, Stored, facts_of, model, node
from onnx import TensorProto, helper

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
