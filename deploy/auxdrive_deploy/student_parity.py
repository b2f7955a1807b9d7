"""The exported graph compared with the trained student in torch, in degrees or centimetres.

Legend: N frames, H, W rows and columns of the camera, E ego inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from auxdrive.bundles import IMAGE_INPUT
from auxdrive.cards import TensorSpec
from auxdrive.ego import EgoLayout
from auxdrive.runtimes import DEFAULT_RUNTIME, open_session
from auxdrive.types import Float32, UInt8


def run_graph(
    model: bytes,
    inputs: Sequence[TensorSpec],
    output: TensorSpec,
    images: UInt8 | Sequence[UInt8],
    ego: Float32,
    runtime: str = DEFAULT_RUNTIME,
) -> Float32:
    """What a runtime predicts for N frames, one at a time as in the vehicle, on one CPU thread: (N,
    *output).

    Args:
        model: the graph's bytes.
        inputs: the image, then the ego inputs.
        output: the prediction.
        images: N of (H, W, 3).
        ego: (N, E).
        runtime: name in `auxdrive.runtimes.RUNTIMES`.

    Raises:
        BundleError: the runtime refuses the graph, or the graph has other inputs or outputs.
        RuntimeUnavailable: the runtime is not available here.
    """
    session = open_session(runtime, model, one_frame(inputs), one_frame([output]))
    buffer = session.outputs[output.name]
    layout = EgoLayout(spec.name for spec in inputs if spec.name != IMAGE_INPUT)
    predictions = np.empty((len(images), *buffer.shape[1:]), np.float32)
    try:
        for index in range(len(images)):
            session.inputs[IMAGE_INPUT][0] = images[index]
            for name, columns in layout.columns.items():
                session.inputs[name][0] = ego[index, columns]
            session.run()
            predictions[index] = buffer[0]
    finally:
        session.close()
    return predictions


def one_frame(specs: Sequence[TensorSpec]) -> tuple[TensorSpec, ...]:
    """Inputs or outputs with a single frame on their first axis."""
    return tuple(spec.model_copy(update={"shape": (1, *spec.shape[1:])}) for spec in specs)
