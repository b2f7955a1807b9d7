"""The operators that an exported graph may hold, and what a node of each may look like.

They are those that exports write for auxdrive's networks in every precision; a test exports every
backbone with every task and compares. A network that needs another operator needs a row here and a
rule in `rules`. No other operator is run in a vehicle. https://onnx.ai/onnx/operators/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

OPSET = 20
"""The version of ONNX's operators that is exported. No other version is read, since operators
change their meaning between versions.
"""
ADDS_BYTES = "MatMulInteger"
"""The operator that adds up the bytes of a big image: whole numbers in graphs of every precision.
"""


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a graph.

    Attributes:
        operator: that it computes.
        inputs: names of values; "" for an input that is left out.
        outputs: names of values.
        attributes: int, float, str or tuple of int, by name.
    """

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Operator:
    """What a node of an operator may look like.

    Attributes:
        inputs: the least and the largest number of inputs.
        attributes: for each attribute its type, or all values that exports use.
        outputs: the least and the largest number of outputs.
        needed: attributes that must not be left out.
    """

    inputs: tuple[int, int]
    attributes: Mapping[str, type | tuple[Any, ...]]
    outputs: tuple[int, int] = (1, 1)
    needed: tuple[str, ...] = ()


_WINDOW: dict[str, type | tuple[Any, ...]] = {
    "auto_pad": ("NOTSET",), "kernel_shape": tuple, "strides": tuple, "pads": tuple,
    "dilations": tuple,
}  # fmt: skip
_POOL = _WINDOW | {"ceil_mode": (0,)}

OPERATORS: Mapping[str, Operator] = {
    "Add": Operator((2, 2), {}),
    "AveragePool": Operator(
        (1, 1), _POOL | {"count_include_pad": (0, 1)}, needed=("kernel_shape",)
    ),
    # to float32, and in fp16 graphs to float16
    "Cast": Operator((1, 1), {"to": (1, 10), "saturate": (1,)}, needed=("to",)),
    "Concat": Operator((1, 64), {"axis": int}, needed=("axis",)),
    "Conv": Operator((2, 3), _WINDOW | {"group": int}),
    # of weights of int8 graphs along their outputs' axis, of maps as a whole
    "DequantizeLinear": Operator((2, 3), {"axis": (0, 1)}),
    "Div": Operator((2, 2), {}),
    "Elu": Operator((1, 1), {"alpha": float}),
    "Expand": Operator((2, 2), {}),
    "Gather": Operator((2, 2), {"axis": int}),
    "Gemm": Operator((2, 3), {"alpha": float, "beta": float, "transA": (0, 1), "transB": (0, 1)}),
    # torch's exporter writes MatMul for a linear layer over more than two axes, which networks of
    # other packages may have.
    "MatMul": Operator((2, 2), {}),
    ADDS_BYTES: Operator((2, 2), {}),
    "MaxPool": Operator((1, 1), _POOL | {"storage_order": (0,)}, needed=("kernel_shape",)),
    "Mul": Operator((2, 2), {}),
    "QuantizeLinear": Operator((3, 3), {}),
    "Range": Operator((3, 3), {}),
    "ReduceMean": Operator((1, 2), {"keepdims": (0, 1), "noop_with_empty_axes": (0,)}),
    "ReduceSum": Operator((2, 2), {"keepdims": (0, 1), "noop_with_empty_axes": (0,)}),
    "Relu": Operator((1, 1), {}),
    "Reshape": Operator((2, 2), {"allowzero": (0, 1)}),
    "Resize": Operator(
        (4, 4),
        {
            "antialias": (0,), "coordinate_transformation_mode": ("half_pixel",),
            "cubic_coeff_a": float, "exclude_outside": (0,), "extrapolation_value": float,
            "keep_aspect_ratio_policy": ("stretch",), "mode": ("linear", "nearest"),
            "nearest_mode": ("floor", "round_prefer_floor"),
        },
    ),
    "Shape": Operator((1, 1), {"start": int, "end": int}),
    "Sigmoid": Operator((1, 1), {}),
    "Slice": Operator((3, 5), {}),
    "Sqrt": Operator((1, 1), {}),  # the length of features, for the out-of-distribution score
    "Softmax": Operator((1, 1), {"axis": int}),
    "Split": Operator(
        (1, 1), {"axis": int, "num_outputs": int}, outputs=(1, 64), needed=("num_outputs",)
    ),
    "Squeeze": Operator((1, 2), {}),
    "Sub": Operator((2, 2), {}),
    "Tanh": Operator((1, 1), {}),
    "Transpose": Operator((1, 1), {"perm": tuple}),
    "Unsqueeze": Operator((2, 2), {}),
}  # fmt: skip


def mistake_in(node: Node) -> str | None:
    """What is wrong with a node, regardless of all others; None where nothing is."""
    operator = OPERATORS.get(node.operator)
    if operator is None:
        return f"the operator '{node.operator[:60]}' is none of those that exports use"
    if not operator.inputs[0] <= len(node.inputs) <= operator.inputs[1]:
        return f"{node.operator} has {len(node.inputs)} inputs"
    if not operator.outputs[0] <= len(node.outputs) <= operator.outputs[1] or not all(node.outputs):
        return f"{node.operator} has the outputs {node.outputs[:3]}"
    if left_out := [name for name in operator.needed if name not in node.attributes]:
        return f"{node.operator} lacks {left_out[0]}"
    for name, value in node.attributes.items():
        allowed = operator.attributes.get(name)
        if allowed is None:
            return f"{node.operator} has the attribute '{name}', which no export writes"
        fits = (
            isinstance(value, allowed)
            if isinstance(allowed, type)
            else isinstance(value, type(allowed[0])) and value in allowed
        )
        if not fits:
            return f"{node.operator} has {name} = {str(value)[:60]}, which no export writes"
    return None
