"""The student as an ONNX graph: the camera's image in, physical units out, nothing of this
machine in the file.

Legend: N frames, H, W rows and columns of the camera, E ego inputs, T waypoints.
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
from auxdrive.bundles import IMAGE_INPUT
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

CHUNK_BYTES = 32 << 20
"""Reference frames go through torch in chunks of about this many bytes of uint8: whole 720p sets as
float32 would fill a laptop.
"""


def student_of(run: Run, networks: nn.ModuleDict | None = None) -> SingleNetwork:
    """The network that a run hands over, of the role 'student': one encoder and head on RGB.

    Args:
        run: the trained run.
        networks: other weights of the run's architecture; its own by default.

    Raises:
        UsageError: the run trains no student, or one that sees something else than RGB alone.
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
    """What the graph computes: uint8 images (N, H, W, 3) and the task's ego inputs -> the task's
    prediction in physical units.
    """

    def __init__(self, network: SingleNetwork, task: Task) -> None:
        super().__init__()
        self.network = network
        self.task = task

    def forward(self, image: Tensor, *ego: Tensor) -> Tensor:
        """image uint8 (N, H, W, 3), ego float32 as `task.ego.specs` -> (N, *label_shape)."""
        ego_be = torch.cat(ego, dim=1) if ego else torch.zeros((image.shape[0], 0))
        return self.network.predict(image, ego_be)


def student_outputs(network: SingleNetwork, images: UInt8, ego: Float32) -> Float32:
    """What torch says of N frames, in evaluation mode on the CPU: images (N, H, W, 3), ego (N, E)
    -> (N, *label_shape).
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
    network: SingleNetwork, task: Task, height: int, width: int, cast_first: bool = False
) -> bytes:
    """The student as a serialized ONNX model for images of height x width; the number of frames
    is a free axis.

    The same weights give the same bytes. Weights lie in the file; source paths and traces, which
    torch writes into it, do not.

    Args:
        cast_first: make the whole image float before all else, as TensorRT needs it (see
            `auxdrive_deploy.byte_shrink`).

    Raises:
        BundleError: the exporter's graph is not valid ONNX.
    """
    student = ExportedStudent(network, task).eval()
    # Two frames: torch takes an axis of one for a constant.
    images = torch.zeros((2, height, width, 3), dtype=torch.uint8)
    ego = [torch.zeros((2, each.size)) for each in task.ego.inputs]
    batch = {0: torch.export.Dim("batch", min=1)}
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(
            student,
            (images, *ego),
            input_names=[IMAGE_INPUT, *task.ego.names],
            output_names=[task.output.name],
            dynamic_shapes=(batch, tuple(batch for _ in ego)) if ego else (batch,),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
            custom_translation_table=dict(translations(cast_first)),
        )
    assert program is not None  # only the old exporter returns nothing
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
    """Remove every documentation string and metadata entry of an ONNX message and all that it
    holds: torch's exporter writes stack traces with paths of this machine there.
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
    """Silence what torch's exporter always says and what is no concern of its caller, and nothing
    else.
    """
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)  # "torchvision is not installed", which nothing here needs
    try:
        with warnings.catch_warnings():
            # All inputs share the free axis, and it has one name.
            warnings.filterwarnings(
                "ignore", message=r"# The axis name: batch will not be used", category=UserWarning
            )
            # torch's own use of a deprecated class of its own.
            warnings.filterwarnings(
                "ignore",
                message=r"`isinstance\(treespec, LeafSpec\)` is deprecated",
                category=FutureWarning,
            )
            yield
    finally:
        registration.setLevel(level)
