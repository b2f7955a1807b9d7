"""The rule of each operator: which shapes a node computes from the shapes of its inputs, and how
much work that is. https://onnx.ai/onnx/operators/

A rule takes a node and its inputs, and returns its outputs and its work in multiplications. It
refuses what ONNX allows but no export holds, which keeps it short. Legend: C channels, H, W rows
and columns.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from auxdrive.checks.operators import Node
from auxdrive.checks.values import (
    MAX_KNOWN,
    Outcome,
    Rule,
    SizeError,
    Value,
    attribute,
    axis_of,
    broadcast,
    known_numbers,
    needed,
    one,
)

Inputs = Sequence[Value | None]


def _same(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    x = needed(inputs[0], "float32")
    return one(x.dtype, x.shape)


def _cast(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (it is always to float32)
    return one("float32", needed(inputs[0]).shape)


def _arithmetic(node: Node, inputs: Inputs) -> Outcome:
    a, b = needed(inputs[0]), needed(inputs[1])
    if a.dtype != b.dtype or a.dtype not in ("float32", "int64"):
        raise SizeError(f"{a.dtype} and {b.dtype} are not calculated with")
    if a.dtype == "float32":
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


def _transpose(node: Node, inputs: Inputs) -> Outcome:
    x = needed(inputs[0])
    perm = attribute(node, "perm", tuple(range(len(x.shape)))[::-1])
    if sorted(perm) != list(range(len(x.shape))):
        raise SizeError(f"perm {perm[:9]} does not order {len(x.shape)} axes")
    return one(
        x.dtype,
        [x.shape[axis] for axis in perm],
        None if x.known is None else np.transpose(x.known, perm),
    )


def _reshape(node: Node, inputs: Inputs) -> Outcome:
    x = needed(inputs[0])
    wanted = known_numbers(inputs[1], "shape")
    if len(wanted) > 8 or min(wanted, default=1) < -1 or wanted.count(-1) > 1:
        raise SizeError(f"{wanted[:9]} is no shape")
    if not attribute(node, "allowzero", 0):
        if any(size == 0 and place >= len(x.shape) for place, size in enumerate(wanted)):
            raise SizeError(f"{wanted} takes over an axis that there is not")
        wanted = [x.shape[place] if size == 0 else size for place, size in enumerate(wanted)]
    count, rest = math.prod(x.shape), math.prod(size for size in wanted if size != -1)
    shape = [count // max(rest, 1) if size == -1 else size for size in wanted]
    if math.prod(shape) != count:
        raise SizeError(f"{x.shape} does not become {wanted}")
    return one(x.dtype, shape, None if x.known is None else x.known.reshape(shape))


def _slice(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    x = needed(inputs[0])
    starts = known_numbers(inputs[1], "first index")
    ends = known_numbers(inputs[2], "last index", len(starts))
    given = [*inputs[3:], None, None]
    axes = (
        [axis_of(axis, len(x.shape)) for axis in known_numbers(given[0], "axes", len(starts))]
        if given[0]
        else list(range(len(starts)))
    )
    steps = known_numbers(given[1], "steps", len(starts)) if given[1] else [1] * len(starts)
    if len(set(axes)) != len(axes) or len(axes) > len(x.shape) or min(steps, default=1) < 1:
        raise SizeError(f"it takes the axes {axes[:9]} of {len(x.shape)} in steps of {steps[:9]}")
    cut = [slice(None)] * len(x.shape)
    shape = list(x.shape)
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        cut[axis] = slice(start, end, step)
        shape[axis] = len(range(*cut[axis].indices(x.shape[axis])))
    return one(x.dtype, shape, None if x.known is None else x.known[tuple(cut)])


def _split(node: Node, inputs: Inputs) -> Outcome:
    x = needed(inputs[0])
    axis = axis_of(attribute(node, "axis", 0), len(x.shape))
    parts = node.attributes["num_outputs"]
    if parts != len(node.outputs) or x.shape[axis] % parts:
        raise SizeError(f"{x.shape[axis]} are split into {parts} for {len(node.outputs)} outputs")
    shape = [*x.shape]
    shape[axis] //= parts
    return [Value(x.dtype, tuple(shape)) for _ in range(parts)], 0


def _concat(node: Node, inputs: Inputs) -> Outcome:
    parts = [needed(value) for value in inputs]
    first = parts[0]
    axis = axis_of(node.attributes["axis"], len(first.shape))
    for part in parts[1:]:
        rest = [size for place, size in enumerate(part.shape) if place != axis]
        if (
            part.dtype != first.dtype
            or len(part.shape) != len(first.shape)
            or rest != [*first.shape[:axis], *first.shape[axis + 1 :]]
        ):
            raise SizeError(
                f"{first.dtype} {first.shape} and {part.dtype} {part.shape} are joined along axis "
                f"{axis}"
            )
    shape = [*first.shape]
    shape[axis] = sum(part.shape[axis] for part in parts)
    known = [part.known for part in parts if part.known is not None]
    return one(
        first.dtype,
        shape,
        np.concatenate(known, axis)
        if len(known) == len(parts) and math.prod(shape) <= MAX_KNOWN
        else None,
    )


def _shape(node: Node, inputs: Inputs) -> Outcome:
    shape = needed(inputs[0]).shape
    part = shape[attribute(node, "start", 0) : attribute(node, "end", len(shape))]
    return one("int64", [len(part)], np.array(part, np.int64))


def _squeeze(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    x = needed(inputs[0])
    if len(inputs) > 1 and inputs[1] is not None:
        axes = {axis_of(axis, len(x.shape)) for axis in known_numbers(inputs[1], "axes")}
    else:
        axes = {place for place, size in enumerate(x.shape) if size == 1}
    if any(x.shape[axis] != 1 for axis in axes):
        raise SizeError(f"the axes {sorted(axes)} of {x.shape} are not all 1")
    shape = [size for place, size in enumerate(x.shape) if place not in axes]
    return one(x.dtype, shape, None if x.known is None else x.known.reshape(shape))


def _unsqueeze(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    x = needed(inputs[0])
    numbers = known_numbers(inputs[1], "axes")
    rank = len(x.shape) + len(numbers)
    axes = {axis_of(axis, rank) for axis in numbers}
    if len(axes) != len(numbers):
        raise SizeError(f"it adds an axis twice: {numbers[:9]}")
    sizes = iter(x.shape)
    shape = [1 if place in axes else next(sizes) for place in range(rank)]
    return one(x.dtype, shape, None if x.known is None else x.known.reshape(shape))


def _gather(node: Node, inputs: Inputs) -> Outcome:
    x, indices = needed(inputs[0]), needed(inputs[1], "int64")
    axis = axis_of(attribute(node, "axis", 0), len(x.shape))
    if indices.known is None:
        raise SizeError("its indices do not follow from the size of the image")
    size = x.shape[axis]
    if int(indices.known.min()) < -size or int(indices.known.max()) >= size:
        raise SizeError(f"an index is out of range, there are {size}")
    shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
    known = x.known if x.known is not None and math.prod(shape) <= MAX_KNOWN else None
    return one(x.dtype, shape, None if known is None else np.take(known, indices.known, axis))


def _range(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    start, limit, delta = (known_numbers(value, "range", 1)[0] for value in inputs)
    if (
        any(needed(value).dtype != "int64" or needed(value).shape != () for value in inputs)
        or delta == 0
    ):
        raise SizeError(f"it counts from {start} to {limit} by {delta}")
    # len(range(...)) would raise OverflowError for counts beyond an index of this machine.
    count = max(0, -((start - limit) // delta))
    if not 0 < count <= MAX_KNOWN:
        raise SizeError(f"it counts {count} numbers; 1 to {MAX_KNOWN} are read")
    return one("int64", [count], np.array(range(start, limit, delta), np.int64))


def _expand(node: Node, inputs: Inputs) -> Outcome:  # noqa: ARG001 (one signature for every rule)
    x = needed(inputs[0])
    wanted = known_numbers(inputs[1], "shape")
    if len(wanted) > 8 or min(wanted, default=1) < 1:
        raise SizeError(f"{wanted[:9]} is no shape")
    shape = broadcast([x.shape, tuple(wanted)])
    known = x.known if x.known is not None and math.prod(shape) <= MAX_KNOWN else None
    return one(x.dtype, shape, None if known is None else np.broadcast_to(known, shape))


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
    x, weight = needed(inputs[0], "float32", 4), needed(inputs[1], "float32", 4)
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
        and needed(inputs[2], "float32").shape != (filters,)
    ):
        raise SizeError(f"its bias is not ({filters},)")
    rows_columns, _ = _window(node, x.shape[2:], tuple(kernel))
    shape = [x.shape[0], filters, *rows_columns]
    return one(x.dtype, shape, work=math.prod(shape) * channels * math.prod(kernel))


def _pool(node: Node, inputs: Inputs) -> Outcome:
    x = needed(inputs[0], "float32", 4)
    kernel = node.attributes["kernel_shape"]
    rows_columns, pads = _window(node, x.shape[2:], kernel)
    if any(2 * pad > kernel[place % 2] for place, pad in enumerate(pads)):
        raise SizeError(f"its window of {kernel} is padded {pads}")
    shape = [*x.shape[:2], *rows_columns]
    return one(x.dtype, shape, work=math.prod(shape) * math.prod(kernel))


def _matrix(value: Value, transposed: int) -> tuple[int, ...]:
    return value.shape[::-1] if transposed else value.shape


def _gemm(node: Node, inputs: Inputs) -> Outcome:
    a = _matrix(needed(inputs[0], "float32", 2), attribute(node, "transA", 0))
    b = _matrix(needed(inputs[1], "float32", 2), attribute(node, "transB", 0))
    shape = (a[0], b[1])
    if a[1] != b[0]:
        raise SizeError(f"{a} is not multiplied with {b}")
    if (
        len(inputs) > 2
        and inputs[2] is not None
        and broadcast([shape, needed(inputs[2], "float32").shape]) != shape
    ):
        raise SizeError(f"what is added has the shape {inputs[2].shape}, the product {shape}")
    return one("float32", shape, work=math.prod(shape) * a[1])


def _matmul(node: Node, inputs: Inputs) -> Outcome:
    given, result = (
        ("uint8", "int32") if node.operator == "MatMulInteger" else ("float32", "float32")
    )
    a, b = needed(inputs[0], given).shape, needed(inputs[1], given).shape
    if min(len(a), len(b)) < 2 or a[-1] != b[-2]:
        raise SizeError(f"{a} is not multiplied with {b}")
    shape = (*broadcast([a[:-2] or (1,), b[:-2] or (1,)])[: max(len(a), len(b)) - 2], a[-2], b[-1])
    return one(result, shape, work=math.prod(shape) * a[-1])


def _reduce(node: Node, inputs: Inputs) -> Outcome:
    x = needed(inputs[0])
    if x.dtype != "float32" and (x.dtype, node.operator) != ("int32", "ReduceSum"):
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


RULES: Mapping[str, Rule] = {
    "Add": _arithmetic, "AveragePool": _pool, "Cast": _cast, "Concat": _concat, "Conv": _conv,
    "Div": _arithmetic, "Elu": _same, "Expand": _expand, "Gather": _gather, "Gemm": _gemm,
    "MatMul": _matmul, "MatMulInteger": _matmul, "MaxPool": _pool, "Mul": _arithmetic,
    "Range": _range, "ReduceMean": _reduce, "ReduceSum": _reduce, "Relu": _same,
    "Reshape": _reshape, "Resize": _resize, "Shape": _shape, "Sigmoid": _same, "Slice": _slice,
    "Split": _split, "Squeeze": _squeeze, "Sub": _arithmetic, "Tanh": _same,
    "Transpose": _transpose, "Unsqueeze": _unsqueeze,
}  # fmt: skip
