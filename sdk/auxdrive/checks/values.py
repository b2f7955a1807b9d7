"""Tensors as far as sizes go, and what the rules of the operators are written with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from auxdrive.checks.operators import Node
from auxdrive.types import AnyArray

MAX_KNOWN = 4096
"""Whole numbers in a vector that is known by value; indices of a 2,000-feature layer are the
largest that exports hold.
"""


@dataclass(frozen=True, slots=True)
class Value:
    """A tensor: its type and shape, and its values where they are known. `reached`: bits of the
    inputs that it may depend on.
    """

    dtype: str
    shape: tuple[int, ...]
    known: AnyArray | None = None
    reached: int = 0


class SizeError(ValueError):
    """A node whose inputs do not fit it."""


def known_numbers(value: Value | None, what: str, count: int | None = None) -> list[int]:
    """The numbers of a vector (or scalar) that must be known."""
    if value is None or value.known is None or len(value.shape) > 1:
        raise SizeError(f"its {what} does not follow from the size of the image")
    numbers = [int(number) for number in value.known.reshape(-1)]
    if count is not None and len(numbers) != count:
        raise SizeError(f"its {what} has {len(numbers)} numbers and not {count}")
    return numbers


def axis_of(axis: int, rank: int) -> int:
    """An axis, counted from the end where it is negative."""
    if not -rank <= axis < rank:
        raise SizeError(f"there is no axis {axis} of {rank}")
    return axis % rank


def broadcast(shapes: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The common shape of several, as NumPy and ONNX agree on it."""
    rank = max(len(shape) for shape in shapes)
    result = [1] * rank
    for shape in shapes:
        for place, size in enumerate(shape, rank - len(shape)):
            if size != 1 and result[place] not in (1, size):
                raise SizeError(f"the shapes {', '.join(map(str, shapes))} do not fit")
            result[place] = max(result[place], size)
    return tuple(result)


def small(value: AnyArray | None) -> AnyArray | None:
    """Known values, where they are few enough to be kept."""
    return value if value is not None and value.size <= MAX_KNOWN else None


def needed(value: Value | None, dtype: str | None = None, rank: int | None = None) -> Value:
    """An input that may not be left out, of that type and number of axes."""
    if value is None:
        raise SizeError("an input is left out that it needs")
    if dtype is not None and value.dtype != dtype:
        raise SizeError(f"an input is {value.dtype} and not {dtype}")
    if rank is not None and len(value.shape) != rank:
        raise SizeError(f"an input has the shape {value.shape} and not {rank} axes")
    return value


Outcome = tuple[list[Value], int]
Rule = Callable[[Node, Sequence[Value | None]], Outcome]


def one(dtype: str, shape: Sequence[int], known: AnyArray | None = None, work: int = 0) -> Outcome:
    """The outcome of a node with one output."""
    return [Value(dtype, tuple(int(size) for size in shape), small(known))], int(work)


def attribute(node: Node, name: str, default: Any) -> Any:
    """An attribute, or what it is where it is left out."""
    return node.attributes.get(name, default)
