"""Runtimes: what executes a verified graph. One table, from which `Predictor.load`, the command
line and `doctor` take their names.

A factory gets the graph's bytes, the tensors with their fixed shapes, a device and a number of
threads, and gives a `Session`. It raises `RuntimeUnavailable` when it cannot have exactly that; it
never chooses something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

from auxdrive.registry import Registry

# A command's help asks for the names alone: whatever takes time is imported where it is needed.
if TYPE_CHECKING:
    from auxdrive.cards import TensorSpec
    from auxdrive.types import AnyArray


class Session(Protocol):
    """A loaded graph with its buffers. The caller writes into `inputs`, calls `run`, and reads
    `outputs`: the same arrays each time, so that a call allocates nothing of an image's size.
    """

    @property
    def inputs(self) -> Mapping[str, AnyArray]:
        """Name -> buffer to write into."""

    @property
    def outputs(self) -> Mapping[str, AnyArray]:
        """Name -> buffer to read from."""

    @property
    def providers(self) -> tuple[str, ...]:
        """What executes it, in the runtime's own words; says after the fact that it is what was
        asked for.
        """

    def run(self, deadline_s: float | None = None) -> None:
        """Compute `outputs` from `inputs`; a run that is not done after `deadline_s` is ended and
        raises `RuntimeFailure`.
        """

    def close(self) -> None:
        """Release the graph; `run` may not be called any more."""


# (graph, inputs, outputs, device, threads) -> Session; shapes hold numbers alone.
RuntimeFactory: TypeAlias = (
    "Callable[[bytes, Sequence[TensorSpec], Sequence[TensorSpec], str, int], Session]"
)

RUNTIMES: Registry[RuntimeFactory] = Registry(
    "runtime",
    "auxdrive.runtimes",
    {"onnxruntime": "auxdrive.runtimes.onnx_runtime:open_onnx_runtime"},
    check=callable,
)
