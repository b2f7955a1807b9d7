"""The contract of a distillation loss.

A loss compares what a student gives for a batch with what its teacher gives. It may declare

- maps of both networks that it compares, by name (`maps`): a method asks both networks for them;
- parts that it trains, as any module does: parameters, and buffers for what it remembers;
- that it remembers something of each sample, by the sample's number (`remembers_samples`).

The engine makes it, moves it, trains its parts in the phases that train with it, and stores and
resumes it with the run's networks. It is never exported: what a run hands over holds none of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from auxdrive.errors import ConfigError, unknown_name
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.losses import LOSSES
from auxdrive_train.models.maps import Widths
from auxdrive_train.models.networks import Output
from auxdrive_train.tasks.base import Task


@dataclass(frozen=True)
class LossSetup:
    """What a loss is told when it is made.

    Attributes:
        task: what both networks predict.
        student: how wide the student's features and maps are.
        teacher: how wide the teacher's are.
        samples: how many training samples there are; `batch.index` numbers them from 0.
    """

    task: Task
    student: Widths
    teacher: Widths
    samples: int


class Loss(nn.Module, ABC):
    """Base of the distillation losses. Subclasses live in one file each and are listed in
    `auxdrive_train.losses.LOSSES`.

    Chance is drawn from torch's own generator, which the engine sets before each step, so that a
    resumed run draws the same.

    Attributes:
        paper: where it comes from.
        beta: its usual weight, after the README of RepDistiller (Tian et al. 2020), which makes the
            losses' magnitudes comparable.
        zero_for_equals: whether it costs nothing where student and teacher are equal.
        remembers_samples: whether it keeps something of each sample, at the sample's number in
            `batch.index`. Such a run trains in one process.
        maps: names of the maps that it compares; both networks must have them.

    Example:
        >>> class Closer(Loss):
        ...     paper, beta = "nobody's", 1.0
        ...
        ...     def compare(self, student, teacher, batch):
        ...         return (student.features - teacher.features).abs().mean()
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
        """The loss, a scalar. Outputs are float32 or float64, the teacher's without gradients."""

    def forward(self, student: Output, teacher: Output, batch: Batch) -> Tensor:
        """The loss, a scalar whose gradient reaches the student and the loss's own parts alone.

        It is computed in float32 or better whatever the precision of training: relations between
        samples are differences of near numbers, which bfloat16 with its 8 bits does not tell apart.
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
    """A fresh loss by its name.

    Raises:
        UsageError: there is no such loss, or the package that brings it is broken.
        ConfigError: it compares a map that one of the networks does not have.
    """
    entry = LOSSES[name]
    _refuse_missing_maps(name, entry.maps, setup)  # before it looks for their widths
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


def without_losses(networks: nn.ModuleDict) -> nn.ModuleDict:
    """A run's networks without its losses: what is measured, handed over and driven."""
    return nn.ModuleDict(
        {name: module for name, module in networks.items() if not isinstance(module, Loss)}
    )
