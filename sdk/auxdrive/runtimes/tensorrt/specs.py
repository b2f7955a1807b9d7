"""The rows of TensorRT's two packages in `auxdrive.runtimes.RUNTIMES`, and their options."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import Field, StrictBool

from auxdrive.cards import TensorSpec
from auxdrive.runtimes import RuntimeSpec
from auxdrive.strict import Strict

if TYPE_CHECKING:
    from auxdrive.runtimes.tensorrt.session import TensorRtSession


class TensorRtOptions(Strict):
    """The options of TensorRT that a user may set.

    Attributes:
        cuda_graph: whether a call is recorded once, with its copies, and replayed from then on.
        tf32: whether float32 is multiplied with 10 bits of mantissa, where the GPU can: faster, and
            the error of an output grows to about 0.1 %.
        engines: the folder in which engines are kept; None for the user's cache folder.
    """

    cuda_graph: StrictBool = Field(
        default=True,
        description="a call is recorded once, with its copies, and replayed from then on",
    )
    tf32: StrictBool = Field(
        default=False,
        description="multiply float32 with 10 bits of mantissa: faster and less exact, and "
        "`auxdrive verify` says whether the bundle's limit holds",
    )
    engines: str | None = Field(
        default=None,
        description="the folder in which engines are kept (default: the user's cache folder)",
    )


def _open(
    package: str,
    model: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    device: str,  # noqa: ARG001  # there is one, and the registry has checked it
    threads: int,  # noqa: ARG001  # the GPU computes
    options: TensorRtOptions,
) -> TensorRtSession:
    from auxdrive.runtimes.tensorrt.opening import open_tensorrt

    return open_tensorrt(package, model, inputs, outputs, options)


def _probe(package: str) -> dict[str, Any]:
    from auxdrive.runtimes.tensorrt.opening import probe

    return probe(package)


def _spec(package: str, extra: str, *distributions: str) -> RuntimeSpec:
    return RuntimeSpec(
        name=package,
        open=partial(_open, package),
        devices=("cuda",),
        package=package,
        extra=extra,
        probe=partial(_probe, package),
        options_type=TensorRtOptions,
        distributions=distributions,
    )


TENSORRT = _spec("tensorrt", "tensorrt", "tensorrt")
TENSORRT_RTX = _spec("tensorrt_rtx", "tensorrt-rtx", "tensorrt_rtx")
