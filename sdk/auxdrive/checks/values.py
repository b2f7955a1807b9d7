"""Tensors without their numbers, as `sizes` follows them, and helpers for the rules in `rules`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auxdrive.checks.operators import Node
from auxdrive.types import AnyArray

MAX_KNOWN = 4096
"""The most whole numbers in a tensor whose values are kept. The largest in exports are the indices
of a layer with 2,000 features.
"""


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor.

    Attributes:
        dtype: of its numbers.
        shape: for one frame.
        known: its numbers where they follow from sizes alone, else None.
        reached: one bit for each input of the graph, set where the tensor may depend on it.
    """

    dtype: str
    shape: tuple[int, ...]
    known: AnyArray | None = None
    reached: int = 0


class SizeError(ValueError):
    """A node cannot compute with its inputs."""


def known_numbers(value: Value | None, what: str, count: int | None = None) -> list[int]:
    """The numbers of a vector or scalar, which must be known.

    Args:
        value: the tensor; None where it is left out.
        what: its name in messages.
        count: how many numbers there must be; None for any.

    Raises:
        SizeError: they are not known, or not so many.
    """
    if value is None or value.known is None or len(value.shape) > 1:
        raise SizeError(f"its {what} does not follow from the size of the image")
    numbers = [int(number) for number in value.known.reshape(-1)]
    if count is not None and len(numbers) != count:
        raise SizeError(f"its {what} has {len(numbers)} numbers and not {count}")
    return numbers


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from the front.

    Args:
        axis: counted from the end where it is negative.
        rank: how many axes there are.

    Raises:
        SizeError: there is no such axis.
    """
    if not -rank <= axis < rank:
        raise SizeError(f"there is no axis {axis} of {rank}")
    return axis % rank


def broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape to which several shapes broadcast, by the rule of NumPy and ONNX."""
    rank = max(len(shape) for shape in shapes)
    result = [1] * rank
    for shape in shapes:
        for place, size in enumerate(shape, rank - len(shape)):
            if size != 1 and result[place] not in (1, size):
                raise SizeError(f"the shapes {', '.join(map(str, shapes))} do not fit")
            result[place] = max(result[place], size)
    return tuple(result)


def small(value: AnyArray | None) -> AnyArray | None:
    """The numbers themselves if they are few enough to be kept, else None."""
    return value if value is not None and value.size <= MAX_KNOWN else None


def needed(value: Value | None, dtype: str | None = None, rank: int | None = None) -> Value:
    """An input that must not be left out.

    Args:
        value: the tensor; None where it is left out.
        dtype: that it must have; None for any.
        rank: how many axes it must have; None for any.

    Raises:
        SizeError: it is left out or another.
    """
    if value is None:
        raise SizeError("an input is left out that it needs")
    if dtype is not None and value.dtype != dtype:
        raise SizeError(f"an input is {value.dtype} and not {dtype}")
    if rank is not None and len(value.shape) != rank:
        raise SizeError(f"an input has the shape {value.shape} and not {rank} axes")
    return value


FLOATS = ("float32", "float16")
"""The types of maps and features. A node takes one of them at a time."""


def floating(value: Value | None, dtype: str | None = None, rank: int | None = None) -> Value:
    """An input of floating-point numbers, which must not be left out.

    Args:
        value: the tensor; None where it is left out.
        dtype: that it must have; None for each of `FLOATS`.
        rank: how many axes it must have; None for any.

    Raises:
        SizeError: it is left out or another.
    """
    found = needed(value, dtype, rank)
    if found.dtype not in FLOATS:
        raise SizeError(f"an input is {found.dtype} and not {' or '.join(FLOATS)}")
    return found


Inputs = Sequence[Value | None]
Outcome = tuple[list[Value], int]
Rule = Callable[[Node, Inputs], Outcome]


def one(dtype: str, shape: Sequence[int], known: AnyArray | None = None, work: int = 0) -> Outcome:
    """The outcome of a node with one output.

    Args:
        dtype: of the output.
        shape: of the output.
        known: its numbers where they are known.
        work: of the node in multiplications.
    """
    return [Value(dtype, tuple(int(size) for size in shape), small(known))], int(work)


def attribute(node: Node, name: str, default: Any) -> Any:
    """An attribute of a node, or its default where it is left out.

    Args:
        node: of the graph.
        name: of the attribute, as ONNX calls it.
        default: ONNX's own for this operator.
    """
    return node.attributes.get(name, default)
