"""The contract of a distillation loss.

A loss compares what student and teacher output for a batch. It may declare

- intermediate maps of both networks that it compares, by name (`maps`); the method then asks both
  networks for them;
- parts of its own that are trained, as parameters, and what it remembers, as buffers, like any
  module;
- that it remembers something for each sample, by the sample's number (`remembers_samples`).

The engine makes the loss, moves it to the device, trains its parts in the phases that list it, and
stores and resumes it with the run's networks. It is never exported: a bundle holds none of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from auxdrive.errors import ConfigError, unknown_name
from torch import Tensor

from auxdrive_train.data.batch import Batch
from auxdrive_train.losses import LOSSES
from auxdrive_train.models.maps import Widths
from auxdrive_train.models.networks import Output
from auxdrive_train.models.training_only import TrainingOnly
from auxdrive_train.tasks.base import Task


@dataclass(frozen=True)
class LossSetup:
    """What a loss is given when it is made.

    Attributes:
        task: what both networks predict.
        student: how wide the student's features and maps are.
        teacher: how wide the teacher's are.
        samples: number of training samples; `batch.index` numbers them from 0.

    Examples:
        >>> from auxdrive_train import LossSetup
        >>> from auxdrive_train.models.maps import Widths
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> setup = LossSetup(SteeringTask(), Widths(100), Widths(512), samples=1000)
        >>> setup.teacher.features
        512
    """

    task: Task
    student: Widths
    teacher: Widths
    samples: int


class Loss(TrainingOnly, ABC):
    """Base class of the distillation losses. Each has a file of its own and a row in
    `auxdrive_train.losses.LOSSES`.

    A loss that needs random numbers draws them from torch's global generator, which the engine
    seeds before each step, so that a resumed run draws the same ones.

    Attributes:
        paper: where the loss comes from.
        beta: its usual weight. The values follow the README of RepDistiller (Tian et al. 2020) and
            bring the losses to comparable size.
        zero_for_equals: whether the loss is zero when student and teacher output the same.
        remembers_samples: whether it stores something for each sample, by `batch.index`. A run with
            such a loss trains in one process.
        maps: names of the intermediate maps that it compares; both networks must have them. They
            may be set in `__init__`, from `setup.student.maps` and `setup.teacher.maps`.

    Args:
        setup: task, widths and number of samples.

    Examples:
        >>> import torch
        >>> from auxdrive_train import Loss, LossSetup, Output
        >>> from auxdrive_train.models.maps import Widths
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> class Closer(Loss):
        ...     paper, beta = "nobody's", 1.0
        ...
        ...     def compare(self, student, teacher, batch):
        ...         return (student.features - teacher.features).abs().mean()
        >>> closer = Closer(LossSetup(SteeringTask(), Widths(4), Widths(4), samples=10))
        >>> student = Output(features=torch.zeros(2, 4), prediction=torch.zeros(2, 1))
        >>> teacher = Output(features=torch.ones(2, 4), prediction=torch.zeros(2, 1))
        >>> closer(student, teacher, batch=None)
        tensor(1.)
    """

    paper: ClassVar[str]
    beta: ClassVar[float]
    zero_for_equals: ClassVar[bool] = True
    remembers_samples: ClassVar[bool] = False
    maps: tuple[str, ...] = ()

    def __init__(self, setup: LossSetup) -> None:
        super().__init__()
        self.setup = setup

    @abstractmethod
    def compare(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """The loss, a scalar. Subclasses define it.

        Args:
            student: the student's output for the batch, float32 or float64.
            teacher: the teacher's output, likewise, without gradients.
            batch: the samples.
        """

    def forward(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """The loss, a scalar. Gradients reach only the student and the loss's own parts.

        It is computed in float32 or float64 whatever the precision of training: relations between
        samples are differences of nearly equal numbers, which bfloat16 with its 8 bits cannot tell
        apart.

        Args:
            student: the student's output for the batch, with the maps that `maps` names.
            teacher: the teacher's output, likewise.
            batch: the samples.
        """
        with torch.autocast(student.features.device.type, enabled=False):
            return self.compare(
                _each(student, _precise), _each(teacher, lambda t: _precise(t).detach()), batch
            )


def _precise(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def _each(output: Output, change: Callable[[Tensor], Tensor]) -> Output:
    return Output(
        change(output.features),
        change(output.prediction),
        {name: change(maps) for name, maps in output.maps.items()},
    )


def make_loss(name: str, setup: LossSetup) -> Loss:
    """A fresh loss by its name in `LOSSES`.

    Args:
        name: the loss's name.
        setup: task, widths and number of samples.

    Raises:
        UsageError: there is no such loss, or the package that brings it is broken.
        ConfigError: the loss compares a map that one of the networks does not have.

    Examples:
        >>> from auxdrive_train import LossSetup, make_loss
        >>> from auxdrive_train.models.maps import Widths
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> setup = LossSetup(SteeringTask(), Widths(100), Widths(512), samples=1000)
        >>> make_loss("hint", setup).regressor
        Linear(in_features=100, out_features=512, bias=True)
    """
    entry = LOSSES[name]
    _refuse_missing_maps(name, entry.maps, setup)  # before its __init__ asks for their widths
    loss = entry(setup)
    _refuse_missing_maps(name, loss.maps, setup)
    return loss


def _refuse_missing_maps(name: str, maps: tuple[str, ...], setup: LossSetup) -> None:
    for role, widths in (("student", setup.student), ("teacher", setup.teacher)):
        for wanted in maps:
            if wanted not in widths.maps:
                raise ConfigError(
                    f"the loss '{name}' does not fit the {role}: "
                    f"{unknown_name('map', wanted, widths.maps)}. Choose another loss or backbone"
                )
