"""The contract between a training method and the engine.

A method is a description, not a loop. It says

- which networks there are (`networks`), and which losses of `auxdrive_train.losses` stand between
  two of them (`losses`),
- what to train next, given what has been trained (`next_phase`): rounds of teacher and student,
  frozen teachers and then a fusion and then a probe, or several networks at once are all lists of
  phases,
- what one step costs (`Phase.loss`),
- in which roles its networks are measured (`roles`); the student sees the main modality alone and
  is exported.

Everything else is the engine's: optimisers, schedules, validation, early stopping, checkpoints and
an exact resume. A method keeps no state of its own: all that it knows is in its networks and in the
history of finished phases, and both are in every checkpoint.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, cast

import numpy as np
from auxdrive.errors import ConfigError
from auxdrive.modalities import Modality
from auxdrive.strict import Strict
from auxdrive.types import AnyArray
from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo
from pydantic.dataclasses import dataclass as pydantic_dataclass
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.losses.contract import LossSetup, make_loss
from auxdrive_train.models.networks import Build, Network

STUDENT = "student"
TEACHER = "teacher"
# No run has so many phases: a method that goes on for longer has no end that could be told.
_MOST_PHASES = 10_000
_ALWAYS_BETTER = 1e12


Examples = Callable[[Modality], Batch]
"""Some training samples that have a modality, not augmented, evenly spread over the recording,
always the same; one at least.
"""


FINISHED: Mapping[str, Any] = {"finished": True}
"""The context in which pydantic validates the config of a run that is used and not trained: what
only training needs is not looked up.
"""


def is_finished(info: ValidationInfo) -> bool:
    """Whether a validator looks at a run that is used and not trained."""
    return bool(info.context and info.context.get("finished"))


class Options(Strict):
    """Base of a method's own options (`options:` in the config)."""


@dataclass(frozen=True)
class Step:
    """One step's cost. The engine minimises the sum of `losses` (scalars with gradients); `logged`
    is written down.
    """

    losses: Mapping[str, Tensor]
    logged: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Phase:
    """A stretch of training.

    Attributes:
        name: unique within the run, e.g. "round 3: student".
        trains: names of the networks, and of the losses, that are updated. All others are frozen
            and in evaluation mode.
        epochs: at most so many.
        loss: (networks, batch) -> Step; the method's losses stand among the networks, by name.
        watch: the role whose validation metric stops the phase early and chooses its best epoch. It
            is reported and driven as it stands at this phase's end (of several phases, the last);
            the student as it stood after the run's best epoch.
        begin: called once before the first step (SAMD's reset, a probe's fresh start, a scale that
            is measured); must be deterministic.
        keep: whether the phase ends with the weights of its best or of its last epoch.
        optimizer: phases of the same non-empty name go on with the same optimiser state; "" starts
            afresh.
        lr_span: the part of the learning-rate schedule that the phase covers.
    """

    name: str
    trains: tuple[str, ...]
    epochs: int
    loss: Callable[[nn.ModuleDict, Batch], Step]
    watch: str
    begin: Callable[[nn.ModuleDict, Examples], None] | None = None
    keep: Literal["best", "last"] = "best"
    optimizer: str = ""
    lr_span: tuple[float, float] = (0.0, 1.0)


def _or_nan(value: object) -> object:
    return math.nan if value is None else value


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None


# JSON has no NaN: a metric that is no number is null there.
Metric = Annotated[float, BeforeValidator(_or_nan), PlainSerializer(_or_none, when_used="json")]


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PhaseRecord:
    """A finished phase: how long it ran and the watched role's best and last validation metric (in
    the task's primary metric).
    """

    name: str
    epochs: Annotated[int, Field(ge=0, le=2**53)]
    watch: str
    best: Metric
    last: Metric


@dataclass(frozen=True)
class Distillation:
    """A loss of `auxdrive_train.losses` between two networks of a method.

    Attributes:
        loss: its name there.
        student: name of the network that learns.
        teacher: name of the network that it learns from.
    """

    loss: str
    student: str
    teacher: str


@dataclass(frozen=True)
class Setup:
    """What a method is told of the run: modalities, how to build networks, and the epochs that its
    student may train.
    """

    main: Modality
    auxiliaries: tuple[Modality, ...]
    build: Build
    epochs: int


class Method(ABC):
    """Base of the methods. Subclasses live in one file each and are listed in `methods.METHODS`."""

    name: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    needs_auxiliaries: ClassVar[bool] = True
    options_type: ClassVar[type[Options]] = Options

    def __init__(self, setup: Setup, options: Options) -> None:
        mistakes = self.mistakes(setup.auxiliaries, setup.epochs, options)
        if mistakes:
            raise ConfigError("\n".join(mistakes))
        self.setup = setup
        self.options = options
        self.task = setup.build.task

    @classmethod
    def mistakes(cls, auxiliaries: Sequence[Modality], epochs: int, options: Options) -> list[str]:
        """What the method finds wrong with a setup, one sentence each. Subclasses add their own
        rules.
        """
        del epochs, options
        if cls.needs_auxiliaries and not auxiliaries:
            return [
                f"method '{cls.name}' needs at least one auxiliary modality: --aux depth,lidar,..."
            ]
        if not cls.needs_auxiliaries and auxiliaries:
            return [
                f"method '{cls.name}' uses no auxiliary modality; leave --aux out, or choose "
                "another method"
            ]
        return []

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Every modality that training reads, the main one first."""
        return (self.setup.main, *self.setup.auxiliaries)

    @abstractmethod
    def networks(self) -> nn.ModuleDict:
        """Fresh networks. Called once, under the run's seed."""

    def losses(self) -> Mapping[str, Distillation]:
        """The losses between its networks, by the name under which they stand among these; whatever
        they train and remember is then the run's. Asked for in training alone.
        """
        return {}

    def trained_modules(self, samples: int) -> nn.ModuleDict:
        """Fresh networks and losses: all that training moves, updates and stores.

        Args:
            samples: how many training samples there are.

        Raises:
            UsageError: there is no such loss.
            ConfigError: a loss does not fit its networks.
        """
        networks = self.networks()
        for name, each in self.losses().items():
            student, teacher = (cast(Network, networks[of]) for of in (each.student, each.teacher))
            setup = LossSetup(self.task, student.widths, teacher.widths, samples)
            networks[name] = make_loss(each.loss, setup)
        return networks

    @abstractmethod
    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The phase after these, or None when training is done. A pure function of the history."""

    def phases_to_come(self, history: Sequence[PhaseRecord]) -> list[Phase] | None:
        """All phases after these, where none is left out or ends early: as if the metric went on
        improving. None where that has no end.
        """
        sign = 1.0 if self.task.higher_is_better else -1.0
        imagined, coming = list(history), list[Phase]()
        while (phase := self.next_phase(imagined)) is not None:
            if len(coming) == _MOST_PHASES:
                return None
            coming.append(phase)
            value = sign * _ALWAYS_BETTER * len(coming)
            imagined.append(PhaseRecord(phase.name, phase.epochs, phase.watch, value, value))
        return coming

    @abstractmethod
    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The networks that are measured on the validation set, by role."""

    def check(self, networks: nn.ModuleDict, batch: Batch) -> None:  # noqa: B027 - a hook; most methods have nothing to check
        """Refuse a construction that cannot work, before training starts (given a few samples)."""

    def report(
        self, predictions: Mapping[str, AnyArray], label: AnyArray, counted: Mapping[str, AnyArray]
    ) -> dict[str, float]:
        """Metrics over all roles at once (e.g. an oracle).

        predictions and label are (N, *label_shape); counted: by role bool (N,), the samples that
        have what it sees.
        """
        del predictions, label, counted
        return {}

    def per_sample(self, prediction: Tensor, label: Tensor) -> Tensor:
        """Task loss (B,) of physical predictions and labels, both (B, *label_shape)."""
        return self.task.loss_per_sample(prediction / self.task.scale, label / self.task.scale)

    def supervised(self, prediction: Tensor, batch: Batch) -> Tensor:
        """Mean task loss of predictions (B, *label_shape) over the batch, a scalar."""
        return self.per_sample(prediction, batch.label).mean()

    def supervised_where(self, prediction: Tensor, batch: Batch, modality: Modality) -> Tensor:
        """Mean task loss of predictions (B, *label_shape) over the samples that have the modality,
        a scalar; zero when none has.
        """
        present = batch.present[modality].to(prediction.dtype)
        return (self.per_sample(prediction, batch.label) * present).sum() / present.sum().clamp(
            min=1
        )


def no_longer_improves(
    values: Sequence[float], higher_is_better: bool, patience: int, min_delta: float
) -> bool:
    """Whether the best of the last `patience` values beats the best before them by no more than
    `min_delta`.
    """
    if patience <= 0 or len(values) <= patience:
        return False
    signed = np.asarray(values, dtype=np.float64) * (1 if higher_is_better else -1)
    return bool(signed[-patience:].max() <= signed[:-patience].max() + min_delta)
