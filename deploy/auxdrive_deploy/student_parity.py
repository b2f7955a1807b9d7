"""The exported graph compared with the trained student in torch, in degrees or centimetres.

Legend: N frames, F images that are seen at once, H, W rows and columns of the camera, E ego inputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from auxdrive.bundles import ego_among, images_among
from auxdrive.cards import TensorSpec
from auxdrive.loading import one_frame
from auxdrive.runtimes import DEFAULT_RUNTIME, open_session
from auxdrive.runtimes.frames import write_images
from auxdrive.types import Float32, UInt8


def run_graph(
    model: bytes,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    images: UInt8 | Sequence[UInt8],
    ego: Float32,
    runtime: str = DEFAULT_RUNTIME,
) -> dict[str, Float32]:
    """What a runtime gives for N frames, one at a time as in the vehicle, on one CPU thread: (N,
    *shape) of each output, by its name.

    Args:
        model: the graph's bytes.
        inputs: the images, then the ego inputs.
        outputs: all that the graph has.
        images: N of (H, W, 3) or (F, H, W, 3).
        ego: (N, E).
        runtime: name in `auxdrive.runtimes.RUNTIMES`.

    Raises:
        BundleError: the runtime refuses the graph, or the graph has other inputs or outputs.
        RuntimeUnavailable: the runtime is not available here.
    """
    session = open_session(runtime, model, one_frame(inputs), one_frame(outputs))
    layout, names = ego_among(inputs), images_among(inputs)
    given = {
        name: np.empty((len(images), *buffer.shape[1:]), np.float32)
        for name, buffer in session.outputs.items()
    }
    try:
        for index in range(len(images)):
            write_images(session.inputs, names, images[index])
            for name, columns in layout.columns.items():
                session.inputs[name][0] = ego[index, columns]
            session.run()
            for name, rows in given.items():
                rows[index] = session.outputs[name][0]
    finally:
        session.close()
    return given
