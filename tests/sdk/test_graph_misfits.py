"""Graphs whose sizes, indices or types do not fit, or that are too much, are refused before
anything runs.
"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from auxdrive.errors import BundleError
from graphs_by_hand import F, Stored, facts_of, model, node
from onnx import TensorProto, helper

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
