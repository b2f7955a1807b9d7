"""A graph's inputs and outputs as a runtime reports them: held against the card's, and buffers for
them. Every runtime uses this.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auxdrive.cards import TensorSpec
from auxdrive.errors import BundleError
from auxdrive.types import AnyArray


@dataclass(frozen=True, slots=True)
class Reported:
    """An input or output of a loaded graph.

    Attributes:
        dtype: the name of its NumPy type; the runtime's own word where there is none.
        shape: None for an axis whose size the graph leaves open.
    """

    dtype: str
    shape: tuple[int | None, ...]

    def fits(self, spec: TensorSpec) -> bool:
        """Whether a buffer of the spec's type and shape can stand for it."""
        return (
            self.dtype == spec.dtype
            and len(self.shape) == len(spec.shape)
            and all(
                axis is None or axis == size
                for axis, size in zip(self.shape, spec.shape, strict=True)
            )
        )

    def __str__(self) -> str:
        return (
            f"{self.dtype} [{', '.join('?' if axis is None else str(axis) for axis in self.shape)}]"
        )


def check_signature(kind: str, found: Mapping[str, Reported], wanted: Sequence[TensorSpec]) -> None:
    """Hold a graph's inputs or outputs against those of the card.

    Args:
        kind: "input" or "output", for messages.
        found: of the graph, by name.
        wanted: of the card; all axes of their shapes are numbers.

    Raises:
        BundleError: names, types or shapes differ.
    """
    names, expected = sorted(found), sorted(spec.name for spec in wanted)
    if names != expected:
        raise BundleError(
            f"the graph's {kind}s are {names}, the card's {expected}; export the bundle again"
        )
    for spec in wanted:
        if not found[spec.name].fits(spec):
            raise BundleError(
                f"the graph's {kind} '{spec.name}' is {found[spec.name]}, the card's {spec.dtype} "
                f"{list(spec.shape)}; export the bundle again"
            )


def buffers(specs: Sequence[TensorSpec]) -> dict[str, AnyArray]:
    """An array of zeros for each input or output, by name. All axes must be numbers."""
    return {spec.name: np.zeros([int(axis) for axis in spec.shape], spec.dtype) for spec in specs}
