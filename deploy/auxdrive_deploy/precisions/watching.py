"""The maps within a graph, frame by frame.

Legend: H, W rows and columns of the camera, E ego inputs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

import onnx
from auxdrive.bundles import ego_among, images_among
from auxdrive.cards import TensorSpec
from auxdrive.loading import one_frame
from auxdrive.runtimes import DEFAULT_RUNTIME, Session, open_session
from auxdrive.runtimes.frames import write_images
from auxdrive.types import AnyArray

from auxdrive_deploy.precisions.frames import Frames

SEEN = "_seen"
"""What the name of a value ends in where it is shown."""


def watched(
    model: bytes,
    shapes: Mapping[str, tuple[int, ...]],
    inputs: Sequence[TensorSpec],
    frames: Frames,
) -> Iterator[dict[str, AnyArray]]:
    """What a graph computes for each frame, by the names of its values, as float32. The arrays are
    the same for all frames: use them before the next frame.

    Args:
        model: the graph's bytes, ONNX.
        shapes: of the values to watch, for one frame, by name.
        inputs: of the graph.
        frames: that it is given.

    Raises:
        BundleError: the runtime refuses the graph.
    """
    layout, names = ego_among(inputs), images_among(inputs)
    session = session_of(model, shapes, inputs)
    try:
        for image, ego in zip(frames.images, frames.ego, strict=True):
            write_images(session.inputs, names, image)
            for name, columns in layout.columns.items():
                session.inputs[name][0] = ego[columns]
            session.run()
            yield {name: session.outputs[f"{name}{SEEN}"] for name in shapes}
    finally:
        session.close()


def session_of(
    model: bytes, shapes: Mapping[str, tuple[int, ...]], inputs: Sequence[TensorSpec]
) -> Session:
    """A session for one frame at a time that gives values from within a graph, as float32 and under
    their names with `SEEN` at the end.

    Args:
        model: the graph's bytes, ONNX.
        shapes: of the values, for one frame, by name.
        inputs: of the graph.

    Raises:
        BundleError: the runtime refuses the graph.
    """
    outputs = [
        TensorSpec(name=f"{name}{SEEN}", shape=shape, dtype="float32", unit="")
        for name, shape in shapes.items()
    ]
    return open_session(DEFAULT_RUNTIME, _shown(model, shapes), one_frame(inputs), outputs)


def _shown(model: bytes, shapes: Mapping[str, tuple[int, ...]]) -> bytes:
    """The graph for one frame, with these values as its outputs."""
    proto = onnx.load_from_string(model)
    for given in proto.graph.input:
        given.type.tensor_type.shape.dim[0].dim_value = 1
    del proto.graph.output[:]
    del proto.graph.value_info[:]
    for name, shape in shapes.items():
        seen = f"{name}{SEEN}"
        proto.graph.node.append(
            onnx.helper.make_node("Cast", [name], [seen], to=onnx.TensorProto.FLOAT)
        )
        proto.graph.output.append(
            onnx.helper.make_tensor_value_info(seen, onnx.TensorProto.FLOAT, shape)
        )
    return cast(bytes, proto.SerializeToString(deterministic=True))
