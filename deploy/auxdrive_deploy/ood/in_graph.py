"""The out-of-distribution score as a part of a graph that is already written: what describes a
frame there, and another fitted score in its place. So a graph in another precision has a score that
is fitted to its own features.

Legend: N frames in batches of B, F images that are seen at once, V numbers that describe one, H, W
rows and columns of the camera.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
import onnx
from auxdrive.bundles import ego_among, images_among
from auxdrive.cards import OodSpec, TensorSpec
from auxdrive.runtimes.frames import write_images
from auxdrive.types import Float32, UInt8

from auxdrive_deploy.ood.measuring import Describe, OodFrames
from auxdrive_deploy.ood.score import OodScore
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.watching import SEEN, session_of

MEAN, WHITENING = "ood.mean", "ood.whitening"
"""The stored tensors of `auxdrive_deploy.ood.network.OodHead` in a graph."""


@dataclass(frozen=True)
class GraphScore:
    """A score that is fitted to what a graph computes.

    Attributes:
        model: the graph with this score.
        spec: what the card says of it.
        reference: its scores (N, 1) of the reference frames.
    """

    model: bytes
    spec: OodSpec
    reference: Float32


def fit_in(
    model: bytes, inputs: Sequence[TensorSpec], frames: OodFrames, reference: UInt8
) -> GraphScore:
    """Fit the score of a graph to its own features. The same arguments give the same bytes.

    Args:
        model: the graph's bytes; it gives a score, which is replaced.
        inputs: of the graph.
        frames: of the run.
        reference: the reference frames' images, uint8 (N, H, W, 3) or (N, F, H, W, 3).

    Raises:
        DataError: as `OodFrames.fit`.
    """
    with describing(model, inputs) as describe:
        fitted = frames.fit(describe)
        scores = fitted.scores_of(describe, reference)
    return GraphScore(with_score(model, fitted.score), fitted.spec, scores)


@contextmanager
def describing(model: bytes, inputs: Sequence[TensorSpec]) -> Iterator[Describe]:
    """Within the `with` block, what describes frames to the score of a graph, as it computes it in
    the default runtime.

    Args:
        model: the graph's bytes; it gives a score.
        inputs: of the graph.
    """
    graph = Graph(model)
    (difference,) = (node for node in graph.nodes if MEAN in node.input)
    described = next(name for name in difference.input if name != MEAN)
    session = session_of(model, {described: (1, len(graph.array(MEAN)))}, inputs)
    images = images_among(inputs)
    for name in ego_among(inputs).names:  # the score depends on images alone
        session.inputs[name][:] = 0

    def describe(batches: Iterable[UInt8]) -> Float32:
        rows = []
        for batch in batches:
            for image in batch:
                write_images(session.inputs, images, image)
                session.run()
                rows.append(session.outputs[f"{described}{SEEN}"][0].copy())
        return np.stack(rows)

    try:
        yield describe
    finally:
        session.close()


def with_score(model: bytes, score: OodScore) -> bytes:
    """The graph with another score in place of its own.

    Args:
        model: the graph's bytes; it gives a score.
        score: that is fitted to what describes a frame there.
    """
    proto = onnx.load_from_string(model)
    for stored in proto.graph.initializer:
        if stored.name in (MEAN, WHITENING):
            numbers = score.mean if stored.name == MEAN else score.whitening
            stored.CopyFrom(onnx.numpy_helper.from_array(numbers.astype(np.float32), stored.name))
    return cast(bytes, proto.SerializeToString(deterministic=True))
