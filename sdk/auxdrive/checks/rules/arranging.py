"""The rules of operators that move, cut and join numbers, or compute shapes and indices."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from auxdrive.checks.operators import Node
from auxdrive.checks.values import (
    MAX_KNOWN,
    Inputs,
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


ARRANGING: Mapping[str, Rule] = {
    "Concat": _concat, "Expand": _expand, "Gather": _gather, "Range": _range, "Reshape": _reshape,
    "Shape": _shape, "Slice": _slice, "Split": _split, "Squeeze": _squeeze,
    "Transpose": _transpose, "Unsqueeze": _unsqueeze,
}  # fmt: skip
