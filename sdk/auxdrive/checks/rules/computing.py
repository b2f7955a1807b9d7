"""The rules of operators that compute new numbers from images, maps and features.

Legend: C channels, H, W rows and columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from auxdrive.checks.operators import ADDS_BYTES, Node
from auxdrive.checks.values import (
    FLOATS,
    MAX_KNOWN,
    Inputs,
    Outcome,
    Rule,
    SizeError,
    Value,
    attribute,
    axis_of,
    broadcast,
    floating,
    known_numbers,
    needed,
    one,
)


def _same(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    x = floating(inputs[0])
    return one(x.dtype, x.shape)


def _softmax(node: Node, inputs: Inputs) -> Outcome:
    axis_of(attribute(node, "axis", -1), len(needed(inputs[0]).shape))
    return _same(node, inputs)


def _cast(node: Node, inputs: Inputs) -> Outcome:
    return one("float32" if node.attributes["to"] == 1 else "float16", needed(inputs[0]).shape)


def _arithmetic(node: Node, inputs: Inputs) -> Outcome:
    a, b = needed(inputs[0]), needed(inputs[1])
    if a.dtype != b.dtype or a.dtype not in (*FLOATS, "int64"):
        raise SizeError(f"{a.dtype} and {b.dtype} are not calculated with")
    if a.dtype in FLOATS:
        return one(a.dtype, broadcast([a.shape, b.shape]))
    if a.known is None or b.known is None or node.operator == "Div":
        raise SizeError("whole numbers are calculated with only where they are shapes or indices")
    shape = broadcast([a.shape, b.shape])
    if math.prod(shape) > MAX_KNOWN:
        raise SizeError(f"{math.prod(shape)} shapes and indices, more than {MAX_KNOWN}")
    function = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply}[node.operator]
    with np.errstate(
        over="ignore"
    ):  # numbers wrap around as in runtimes; one that is then no valid index is refused at its use
        return one(a.dtype, shape, function(a.known, b.known))


def _window(
    node: Node, size: Sequence[int], kernel: tuple[int, ...]
) -> tuple[list[int], tuple[int, ...]]:
    """The result of moving a window over an image.

    Args:
        node: whose attributes give strides, dilations and pads.
        size: (H, W) of the image.
        kernel: rows and columns of the window.

    Returns:
        Rows and columns of the result, and the pads: top, left, bottom, right.
    """
    strides, dilations = attribute(node, "strides", (1, 1)), attribute(node, "dilations", (1, 1))
    pads = attribute(node, "pads", (0, 0, 0, 0))
    if [len(kernel), len(strides), len(dilations), len(pads)] != [2, 2, 2, 4]:
        raise SizeError("its window has not two axes")
    if (
        min(*kernel, *strides, *dilations) < 1
        or max(*kernel, *strides, *dilations, *pads) > 1 << 20
        or min(pads) < 0
    ):
        raise SizeError(
            f"its window of {kernel} by {strides}, spread {dilations} and padded {pads}, is none"
        )
    result = []
    for place in (0, 1):
        extent = (kernel[place] - 1) * dilations[place] + 1
        padded = size[place] + pads[place] + pads[place + 2]
        if extent > padded or max(pads[place], pads[place + 2]) >= max(extent, 2):
            raise SizeError(f"its window of {kernel}, padded {pads}, does not fit {tuple(size)}")
        result.append((padded - extent) // strides[place] + 1)
    return result, pads


def _conv(node: Node, inputs: Inputs) -> Outcome:
    x = floating(inputs[0], rank=4)
    weight = floating(inputs[1], x.dtype, 4)
    group, (filters, channels, *kernel) = attribute(node, "group", 1), weight.shape
    if attribute(node, "kernel_shape", tuple(kernel)) != tuple(kernel):
        raise SizeError(
            f"its kernel is {tuple(kernel)}, and it says {node.attributes['kernel_shape'][:9]}"
        )
    if group < 1 or filters % group or x.shape[1] != channels * group:
        raise SizeError(f"{x.shape[1]} channels in {group} groups meet weights of {weight.shape}")
    if (
        len(inputs) > 2
        and inputs[2] is not None
        and floating(inputs[2], x.dtype).shape != (filters,)
    ):
        raise SizeError(f"its bias is not ({filters},)")
    rows_columns, _ = _window(node, x.shape[2:], tuple(kernel))
    shape = [x.shape[0], filters, *rows_columns]
    return one(x.dtype, shape, work=math.prod(shape) * channels * math.prod(kernel))


def _pool(node: Node, inputs: Inputs) -> Outcome:
    x = floating(inputs[0], rank=4)
    kernel = node.attributes["kernel_shape"]
    rows_columns, pads = _window(node, x.shape[2:], kernel)
    if any(2 * pad > kernel[place % 2] for place, pad in enumerate(pads)):
        raise SizeError(f"its window of {kernel} is padded {pads}")
    shape = [*x.shape[:2], *rows_columns]
    return one(x.dtype, shape, work=math.prod(shape) * math.prod(kernel))


def _matrix(value: Value, transposed: int) -> tuple[int, ...]:
    return value.shape[::-1] if transposed else value.shape


def _gemm(node: Node, inputs: Inputs) -> Outcome:
    dtype = floating(inputs[0]).dtype
    a = _matrix(floating(inputs[0], rank=2), attribute(node, "transA", 0))
    b = _matrix(floating(inputs[1], dtype, 2), attribute(node, "transB", 0))
    shape = (a[0], b[1])
    if a[1] != b[0]:
        raise SizeError(f"{a} is not multiplied with {b}")
    if (
        len(inputs) > 2
        and inputs[2] is not None
        and broadcast([shape, floating(inputs[2], dtype).shape]) != shape
    ):
        raise SizeError(f"what is added has the shape {inputs[2].shape}, the product {shape}")
    return one(dtype, shape, work=math.prod(shape) * a[1])


def _matmul(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    left = floating(inputs[0])
    return _product(left, needed(inputs[1], left.dtype), left.dtype)


def _matmul_integer(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature)
    one_of = needed(inputs[1])
    if one_of.dtype not in ("uint8", "int8"):
        raise SizeError(f"an input is {one_of.dtype} and neither uint8 nor int8")
    return _product(needed(inputs[0], "uint8"), one_of, "int32")


def _product(left: Value, right: Value, result: str) -> Outcome:
    a, b = left.shape, right.shape
    if min(len(a), len(b)) < 2 or a[-1] != b[-2]:
        raise SizeError(f"{a} is not multiplied with {b}")
    shape = (*broadcast([a[:-2] or (1,), b[:-2] or (1,)])[: max(len(a), len(b)) - 2], a[-2], b[-1])
    return one(result, shape, work=math.prod(shape) * a[-1])


def _reduce(node: Node, inputs: Inputs) -> Outcome:
    x = needed(inputs[0])
    if x.dtype not in FLOATS and (x.dtype, node.operator) != ("int32", "ReduceSum"):
        raise SizeError(f"an input is {x.dtype}")
    axes = set(range(len(x.shape)))
    if len(inputs) > 1 and inputs[1] is not None:
        numbers = known_numbers(inputs[1], "axes")
        axes = {axis_of(axis, len(x.shape)) for axis in numbers}
        if len(axes) != len(numbers):
            raise SizeError(f"it names an axis twice: {numbers[:9]}")
    keep = attribute(node, "keepdims", 1)
    shape = [
        1 if place in axes else size
        for place, size in enumerate(x.shape)
        if keep or place not in axes
    ]
    return one(x.dtype, shape, work=math.prod(x.shape))


def _resize(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (its attributes change no size)
    x = needed(inputs[0], "float32", 4)
    if inputs[1] is not None or inputs[2] is not None:
        raise SizeError("it is told a region or factors; exports tell sizes")
    sizes = known_numbers(inputs[3], "size", 4)
    if tuple(sizes[:2]) != x.shape[:2] or min(sizes) < 1:
        raise SizeError(f"{x.shape} does not become {sizes}")
    return one(x.dtype, sizes, work=4 * math.prod(sizes))


def _quantise(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    x = needed(inputs[0], "float32")
    needed(inputs[1], "float32", 0)  # one scale and one zero point for the whole map: weights are
    needed(inputs[2], "int8", 0)  # stored as whole numbers
    return one("int8", x.shape, work=math.prod(x.shape))


def _dequantise(node: Node, inputs: Inputs) -> Outcome:
    x, scale = needed(inputs[0], "int8"), needed(inputs[1], "float32")
    if scale.shape:
        axis = axis_of(attribute(node, "axis", 1), len(x.shape))
        if scale.shape != (x.shape[axis],):
            raise SizeError(f"its scale is {scale.shape}, along axis {axis} of {x.shape}")
    if len(inputs) > 2 and inputs[2] is not None and needed(inputs[2], "int8").shape != scale.shape:
        raise SizeError(f"its zero point is {inputs[2].shape}, its scale {scale.shape}")
    return one("float32", x.shape, work=math.prod(x.shape))


COMPUTING: Mapping[str, Rule] = {
    "Add": _arithmetic, "AveragePool": _pool, "Cast": _cast, "Conv": _conv,
    "DequantizeLinear": _dequantise, "Div": _arithmetic, "Elu": _same, "Gemm": _gemm,
    "MatMul": _matmul, ADDS_BYTES: _matmul_integer, "MaxPool": _pool, "Mul": _arithmetic,
    "QuantizeLinear": _quantise, "ReduceMean": _reduce, "ReduceSum": _reduce, "Relu": _same,
    "Resize": _resize, "Sigmoid": _same, "Softmax": _softmax, "Sqrt": _same,
    "Sub": _arithmetic, "Tanh": _same,
}  # fmt: skip
