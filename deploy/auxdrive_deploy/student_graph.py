"""The student as an ONNX graph: it takes the camera's image and returns physical units. Nothing in
the file tells of the machine that made it.

Legend: N frames, F images that are seen at once, H, W rows and columns of the camera, E ego inputs,
T waypoints.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import onnx
import torch
from auxdrive.bundles import OOD_OUTPUT, image_inputs
from auxdrive.checks.operators import OPSET
from auxdrive.errors import BundleError, UsageError
from auxdrive.modalities import Modality
from auxdrive.types import Float32, UInt8
from auxdrive_train.engine.load import Run
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.tasks.base import Task
from torch import Tensor, nn

from auxdrive_deploy.byte_shrink import translations
from auxdrive_deploy.ood.network import OodHead, described
from auxdrive_deploy.ood.score import OodScore

CHUNK_BYTES = 32 << 20
"""Reference frames go through torch in chunks of about this many bytes of uint8: a whole set of
720p frames as float32 would fill a laptop's memory.
"""


def student_of(run: Run, networks: nn.ModuleDict | None = None) -> SingleNetwork:
    """The network that a run exports: its role 'student', one encoder and head on RGB.

    Args:
        run: the trained run.
        networks: other weights for the run's networks; by default its own.

    Raises:
        UsageError: the run has no student, or its student sees something other than RGB alone.
    """
    roles = run.roles if networks is None else run.method.roles(networks)
    if STUDENT not in roles:
        raise UsageError(
            f"{run.directory}: method '{run.config.method}' trains no student (it has "
            f"{', '.join(sorted(roles))}), and a bundle holds one. "
            "Export a run of another method, e.g. samd"
        )
    student = roles[STUDENT]
    if not isinstance(student, SingleNetwork):
        seen = ", ".join(student.modalities)
        raise UsageError(
            f"{run.directory}: the student of method '{run.config.method}' sees {seen}; a bundle "
            "sees RGB alone"
        )
    if student.modality is not Modality.RGB:
        raise UsageError(
            f"{run.directory}: the student sees {student.modality}, and a bundle sees the camera's "
            "RGB image alone. Train with --main rgb"
        )
    return student


class ExportedStudent(nn.Module):
    """What the graph computes: from uint8 images and the task's ego inputs to the task's prediction
    in physical units and, where there is one, the out-of-distribution score.

    Args:
        network: the student, on RGB.
        task: what it predicts; names the ego inputs and their order.
        score: the fitted out-of-distribution score; None for a graph without one.
    """

    def __init__(self, network: SingleNetwork, task: Task, score: OodScore | None = None) -> None:
        super().__init__()
        self.network = network
        self.task = task
        self.ood = None if score is None else OodHead(score)

    def forward(self, image: Tensor, *ego: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Predictions (N, *label_shape), and scores (N, 1).

        Args:
            image: uint8 (N, H, W, 3).
            *ego: float32, shaped as `task.ego.specs`; before them the F - 1 earlier images,
                likewise uint8. (torch names what it exports by this parameter: another name gives
                other bytes.)
        """
        earlier = self.network.input.frames - 1
        images = (image, *ego[:earlier]) if earlier else image
        ego = ego[earlier:]
        ego_be = torch.cat(ego, dim=1) if ego else torch.zeros((image.shape[0], 0))
        if self.ood is None:
            return self.network.predict(images, ego_be)
        features, vectors = described(self.network, images)
        return self.network.head(features, ego_be), self.ood(vectors)


def student_outputs(network: SingleNetwork, images: UInt8, ego: Float32) -> Float32:
    """What torch predicts for N frames, in evaluation mode on the CPU, (N, *label_shape).

    Args:
        network: the student.
        images: (N, H, W, 3) or (N, F, H, W, 3).
        ego: (N, E).
    """
    step = max(1, CHUNK_BYTES // images[0].nbytes)
    network.eval()
    with torch.no_grad():
        parts = [
            network.predict(
                torch.from_numpy(images[first : first + step]),
                torch.from_numpy(ego[first : first + step]),
            )
            .float()
            .numpy()
            for first in range(0, len(images), step)
        ]
    return np.concatenate(parts)


def to_onnx(
    network: SingleNetwork,
    task: Task,
    height: int,
    width: int,
    cast_first: bool = False,
    score: OodScore | None = None,
) -> bytes:
    """The student as a serialized ONNX model; the number of frames is free.

    The same weights give the same bytes. The file holds the weights, but no source paths and stack
    traces, which torch would write into it.

    Args:
        network: the student.
        task: what it predicts.
        height: rows of the images.
        width: columns of the images.
        cast_first: cast the whole image to float before anything else, as TensorRT needs it (see
            `auxdrive_deploy.byte_shrink`).
        score: the fitted out-of-distribution score; None for a graph without one.

    Raises:
        BundleError: the exporter's graph is not valid ONNX.
    """
    student = ExportedStudent(network, task, score).eval()
    scores = [] if score is None else [OOD_OUTPUT.name]
    # Two frames, since torch takes an axis of size one for a constant.
    names = image_inputs(network.input.frames)
    images = [torch.zeros((2, height, width, 3), dtype=torch.uint8) for _ in names]
    ego = [torch.zeros((2, each.size)) for each in task.ego.inputs]
    batch = {0: torch.export.Dim("batch", min=1)}
    beside = tuple(batch for _ in (*images[1:], *ego))
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            student,
            (*images, *ego),
            input_names=[*names, *task.ego.names],
            output_names=[task.output.name, *scores],
            dynamic_shapes=(batch, beside) if beside else (batch,),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
            custom_translation_table=dict(translations(cast_first)),
        )
    assert program is not None  # only the old exporter returns None
    model = program.model_proto
    scrub(model)
    model.graph.name = STUDENT
    try:
        onnx.checker.check_model(model, full_check=True)
    except onnx.checker.ValidationError as error:
        raise BundleError(
            f"torch {torch.__version__} exported a graph that is not valid ONNX: {error}"
        ) from error
    return cast(bytes, model.SerializeToString(deterministic=True))


def scrub(message: Any) -> None:
    """Remove every documentation string and metadata entry from an ONNX message and its parts:
    torch's exporter writes stack traces with paths of this machine there.
    """
    for field, value in message.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for part in _parts(value):
                scrub(part)


def _parts(value: Any) -> Iterator[Any]:
    if hasattr(value, "ListFields"):
        yield value
    else:
        yield from value


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the messages that torch's exporter always prints and that do not concern the user,
    and no others.
    """
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)  # hides "torchvision is not installed": it is not needed
    try:
        with warnings.catch_warnings():
            # All inputs share the free axis and its name, as they should.
            warnings.filterwarnings(
                "ignore", message=r"# The axis name: batch will not be used", category=UserWarning
            )
            # torch itself uses a class that it has deprecated.
            warnings.filterwarnings(
                "ignore",
                message=r"`isinstance\(treespec, LeafSpec\)` is deprecated",
                category=FutureWarning,
            )
            yield
    finally:
        registration.setLevel(level)
