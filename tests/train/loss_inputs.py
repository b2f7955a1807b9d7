"""What tests give to losses: outputs of networks that need not be there."""

from __future__ import annotations

import copy

import torch
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.losses.contract import Loss, LossSetup, make_loss
from auxdrive_train.models.maps import Widths
from auxdrive_train.models.networks import Output
from auxdrive_train.models.pilotnet import PilotNet
from auxdrive_train.models.resnet import ResNet
from auxdrive_train.tasks import make_task
from auxdrive_train.tasks.base import Task
from torch import Tensor

CARD = DatasetCard(
    name="t", rate_hz=4, modalities=(Modality.RGB,), camera=CameraSpec(width=90, height=70)
)
TASK: Task = make_task("steering", CARD)
SAMPLES = 20
# Maps of every name that a backbone has, narrow ones.
WIDTHS = Widths(
    6,
    {
        name: 4 + place
        for place, name in enumerate({**ResNet.map_channels, **PilotNet.map_channels})
    },
)


def batch_of(count: int, task: Task = TASK) -> Batch:
    """Samples without frames; their numbers are not those of the rows."""
    return Batch(
        {},
        {},
        torch.zeros(count, 0),
        torch.zeros(count, *task.label_shape),
        (torch.arange(count) + 3) % SAMPLES,
    )


def output(features_bd: Tensor, task: Task = TASK) -> Output:
    """The output of a network with these features. Prediction and maps are made of them, so that
    gradients reach them by whatever a loss compares.
    """
    count = len(features_bd)
    numbers = int(torch.tensor(task.label_shape).prod())
    repeats = -(-numbers // features_bd.shape[1])
    prediction = features_bd.repeat(1, repeats)[:, :numbers].reshape(count, *task.label_shape)
    maps = {}
    for place, (name, channels) in enumerate(WIDTHS.maps.items()):
        side = 2 + len(WIDTHS.maps) - place
        wave = torch.linspace(0.5, 1.5, channels * side * side, dtype=features_bd.dtype)
        pattern = wave.reshape(1, channels, side, side).to(features_bd.device)
        maps[name] = features_bd[:, :1, None, None] * pattern + features_bd[:, -1:, None, None]
    return Output(features_bd, prediction, maps)


def fresh(name: str, task: Task = TASK, student: int = 6, teacher: int = 6) -> Loss:
    """A loss between features of these widths, always the same, and its maps of `WIDTHS`."""
    torch.manual_seed(0)
    ours, theirs = (Widths(width, WIDTHS.maps) for width in (student, teacher))
    return make_loss(name, LossSetup(task, ours, theirs, samples=SAMPLES))


def cost(loss: Loss, student: Output, teacher: Output, batch: Batch) -> Tensor:
    """The loss, which remembers nothing of it afterwards and draws the same chance each time."""
    torch.manual_seed(1)
    kept = copy.deepcopy(dict(loss.named_buffers()))
    value: Tensor = loss(student, teacher, batch)
    for buffer_name, buffer in kept.items():
        holder, _, name = buffer_name.rpartition(".")
        setattr(loss.get_submodule(holder), name, buffer)
    return value
