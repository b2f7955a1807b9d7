"""The contract between a training method and the engine.

A method describes the training; it does not run it. It says

- which networks there are (`networks`), and which losses of `auxdrive_train.losses` compare two of
  them (`losses`),
- what to train next, given the phases that have ended (`next_phase`). Rounds of teacher and
  student; frozen teachers, then a fusion, then a probe; several networks at once: each of these is
  a list of phases,
- what one step costs (`Phase.loss`; phases are in `auxdrive_train.methods.phases`),
- under which names its networks are measured (`roles`). The role "student" sees the main modality
  alone and is exported.

The engine does everything else: optimisers, schedules, validation, early stopping, checkpoints and
an exact resume. A method keeps no state of its own. All it needs is in its networks and in the list
of finished phases, and every checkpoint holds both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from auxdrive.errors import ConfigError
from auxdrive.modalities import Modality
from auxdrive.strict import Strict
from auxdrive.types import AnyArray
from pydantic import ValidationInfo
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.losses.contract import LossSetup, make_loss
from auxdrive_train.methods.phases import Phase, PhaseRecord
from auxdrive_train.methods.supervision import Supervision
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import Network
from auxdrive_train.models.training_only import TrainingOnly

STUDENT = "student"
TEACHER = "teacher"
# More phases than any run has: a method that plans more is taken to have no end.
_MOST_PHASES = 10_000
_ALWAYS_BETTER = 1e12


FINISHED: Mapping[str, Any] = {"finished": True}
"""Context for pydantic when it validates the config of a finished run, which is used and no longer
trained: the names that only training needs, such as the method's, are then not looked up.
"""


def is_finished(info: ValidationInfo) -> bool:
    """Whether the config that is validated belongs to a finished run; see `FINISHED`."""
    return bool(info.context and info.context.get("finished"))


class Options(Strict):
    """Base class of a method's own options (`options:` in the config).

    Examples:
        >>> from auxdrive_train import Options
        >>> from pydantic import Field
        >>> class MimicOptions(Options):
        ...     weight: float = Field(default=1.0, ge=0, description="weight of the loss")
        >>> MimicOptions(weight=2.0).weight
        2.0
    """


@dataclass(frozen=True)
class Distillation:
    """A loss of `auxdrive_train.losses` that compares two networks of a method.

    Attributes:
        loss: the loss's name in `LOSSES`.
        student: name of the network that learns.
        teacher: name of the network that it learns from.

    Examples:
        >>> from auxdrive_train import STUDENT, TEACHER, Distillation
        >>> Distillation("hint", STUDENT, TEACHER).loss
        'hint'
    """

    loss: str
    student: str
    teacher: str


@dataclass(frozen=True)
class Setup:
    """What a method is given when it is made.

    Attributes:
        main: the modality that the student sees.
        auxiliaries: the modalities that training sees besides.
        build: makes encoders and heads.
        epochs: how many epochs the student trains.

    Examples:
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import Build, Setup
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("pilotnet", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> Setup(Modality.RGB, (Modality.DEPTH,), build, epochs=20).auxiliaries
        (<Modality.DEPTH: 'depth'>,)
    """

    main: Modality
    auxiliaries: tuple[Modality, ...]
    build: Build
    epochs: int


class Method(Supervision, ABC):
    """Base class of the training methods. Each has a file of its own and a row in
    `auxdrive_train.methods.METHODS`.

    Attributes:
        name: the method's name in `METHODS`.
        summary: one line for people.
        paper: where the method comes from.
        needs_auxiliaries: whether it trains with auxiliary modalities.
        most_auxiliaries: how many of them it can train with; None for any number.
        needs_probabilities: whether it is for tasks alone whose predictions are probabilities.
        options_type: the type of its own options.
        task: what is predicted.

    Args:
        setup: modalities, epochs, and how networks are built.
        options: of `options_type`.

    Raises:
        ConfigError: the method cannot be trained with this setup; all mistakes are named.

    Examples:
        A method with a single phase derives from `SinglePhase`, or from `SingleNetworkMethod` if it
        has a single network:

        >>> from auxdrive_train import STUDENT, SingleNetwork
        >>> from auxdrive_train.methods.single_phase import SingleNetworkMethod
        >>> class Plain(SingleNetworkMethod):
        ...     name, summary, paper = "plain", "the main modality alone", ""
        ...     needs_auxiliaries = False
        ...     phase = watch = STUDENT
        ...
        ...     def network(self):
        ...         return SingleNetwork(self.setup.main, self.setup.build)
        >>> Plain.mistakes((), epochs=20, options=Plain.options_type())
        []
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    paper: ClassVar[str]
    needs_auxiliaries: ClassVar[bool] = True
    most_auxiliaries: ClassVar[int | None] = None
    needs_probabilities: ClassVar[bool] = False
    options_type: ClassVar[type[Options]] = Options

    def __init__(self, setup: Setup, options: Options) -> None:
        mistakes = self.mistakes(setup.auxiliaries, setup.epochs, options)
        task = setup.build.task
        if self.needs_probabilities and not task.has_probabilities:
            mistakes.append(
                f"method '{self.name}' is for probabilities, and a {task.name} model predicts none;"
                " choose another method, or --task classification"
            )
        if mistakes:
            raise ConfigError("\n".join(mistakes))
        self.setup = setup
        self.options = options
        self.task = task

    @classmethod
    def mistakes(cls, auxiliaries: Sequence[Modality], epochs: int, options: Options) -> list[str]:
        """What keeps the method from being trained with a setup, one sentence per mistake.
        Subclasses add their own rules.

        Args:
            auxiliaries: the auxiliary modalities that were asked for.
            epochs: how many epochs the student is to train.
            options: the method's own options.
        """
        del epochs, options
        if cls.needs_auxiliaries and not auxiliaries:
            return [
                f"method '{cls.name}' needs at least one auxiliary modality: --aux depth,lidar,..."
            ]
        if cls.most_auxiliaries is not None and len(auxiliaries) > cls.most_auxiliaries:
            return [
                f"method '{cls.name}' takes at most {cls.most_auxiliaries} of the auxiliary "
                f"modalities, and {len(auxiliaries)} were given: {', '.join(auxiliaries)}"
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
        """Networks with fresh weights, by name. The engine calls it once, after seeding torch."""

    def aids(self) -> Mapping[str, TrainingOnly]:
        """What else only training needs, by name: it is trained, stored and resumed with the
        networks, and a finished run does without it. The engine makes it after the networks.
        """
        return {}

    def losses(self) -> Mapping[str, Distillation]:
        """The losses between two of its networks, by name.

        The engine adds them to the networks under these names, so that whatever they train or
        remember is stored and resumed with the run. It asks for them only when it trains.
        """
        return {}

    def trained_modules(self, samples: int) -> nn.ModuleDict:
        """Fresh networks, aids and losses by name: everything that training moves, updates and
        stores.

        Args:
            samples: number of training samples.

        Raises:
            UsageError: there is no loss of that name.
            ConfigError: a loss does not fit its networks.
        """
        networks = self.networks()
        networks.update(self.aids())
        for name, each in self.losses().items():
            student, teacher = (cast(Network, networks[of]) for of in (each.student, each.teacher))
            setup = LossSetup(self.task, student.widths, teacher.widths, samples)
            networks[name] = make_loss(each.loss, setup)
        return networks

    @abstractmethod
    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The phase that follows the finished phases `history`; None when training is done. It
        depends on the history alone.
        """

    def phases_to_come(self, history: Sequence[PhaseRecord]) -> list[Phase] | None:
        """All phases that follow the finished phases `history` if none is left out or ends early,
        as if the metric kept improving. None for a method that has no end.
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
        """The networks that are measured and can be driven, by role."""

    def check(self, networks: nn.ModuleDict, batch: Batch) -> None:
        """Check the networks on a few samples before training starts.

        Args:
            networks: the method's networks and losses, by name. They must be left as they were.
            batch: a few samples of the validation part, those with the most modalities.

        Raises:
            ConfigError: the method cannot work with these networks.
        """

    def report(
        self, predictions: Mapping[str, AnyArray], label: AnyArray, counted: Mapping[str, AnyArray]
    ) -> dict[str, float]:
        """Metrics that need the predictions of all roles at once, such as DMCL's oracle.

        Args:
            predictions: by role, (N, *label_shape) in physical units.
            label: (N, *label_shape) in physical units.
            counted: by role, bool (N,): the samples that the role is measured on. For a network of
                a single modality, those are the samples that have it.
        """
        del predictions, label, counted
        return {}
