"""The settings of a training as one pydantic model: the fields with their limits and descriptions,
and the rules between fields. `auxdrive_train.engine.config_files` reads and writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from auxdrive.cards import HistorySpec, Pixels, PreprocessingSpec, without_history
from auxdrive.data.division import CARVE_EVERY
from auxdrive.errors import UsageError
from auxdrive.mistakes import mistakes_of
from auxdrive.modalities import Modality
from auxdrive.registry import Registry
from auxdrive.strict import Strict, without_none
from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_serializer,
    model_serializer,
    model_validator,
)

from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.balance import BalanceConfig
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import is_finished
from auxdrive_train.models import BACKBONES
from auxdrive_train.tasks import TASKS
from auxdrive_train.trackers import TRACKERS


class Preprocessing(PreprocessingSpec):
    """Crop and size of the network's input; by default PilotNet's size."""

    size: tuple[Pixels, Pixels] = Field(
        default=(66, 200), description=PreprocessingSpec.model_fields["size"].description
    )


class JointMistake(NamedTuple):
    """A mistake that concerns several fields together.

    Attributes:
        fields: the fields that it concerns.
        text: the sentence for the user.
    """

    fields: tuple[str, ...]
    text: str


class JointMistakes(ValueError):
    """All mistakes that concern several fields together. pydantic hands it on as the cause of its
    own error.

    Args:
        found: the mistakes, at least one.
    """

    def __init__(self, found: Sequence[JointMistake]) -> None:
        super().__init__("\n".join(mistake.text for mistake in found))
        self.found = tuple(found)


def _listed(value: Any) -> Any:
    """Wrap a single path in a tuple."""
    return (value,) if isinstance(value, str | Path) else value


class TrainConfig(Strict):
    """Everything that decides what a run computes. The run's `config.yaml` holds all of it, and
    docs/settings.md is made from the descriptions here. The defaults here are those of tasks
    without a recipe.

    Raises:
        ConfigError: from `load_config` and `parse_config`, with every mistake.

    Examples:
        >>> from auxdrive_train import parse_config
        >>> config = parse_config({"data": "data", "task": "steering", "epochs": 3})
        >>> config.method, config.epochs, config.lr
        ('baseline', 3, 0.001)
    """

    data: Annotated[tuple[Path, ...], BeforeValidator(_listed)] = Field(
        min_length=1,
        description="the data set's directory, or a list of directories that are used as one set",
    )
    task: str = Field(default="steering", description="what the network predicts")
    method: str = Field(default="baseline", description="the training method")
    options: dict[str, Any] = Field(default={}, description="the method's own options")
    main: Modality = Field(default=Modality.RGB, description="what the student sees")
    aux: tuple[Modality, ...] = Field(
        default=(), description="auxiliary modalities: what only training sees"
    )
    backbone: str = Field(default="pilotnet", description="network of the encoders")
    weights: Path | None = Field(
        default=None,
        description="torchvision's weight file for a ResNet, or timm's for mobilenetv4, with which "
        "the main modality's encoders start",
    )
    init_from: Path | None = Field(
        default=None,
        description="another run, with whose weights every network that they fit starts",
    )
    quantize: Literal["int8"] | None = Field(
        default=None,
        description="int8: the student of `init_from` is fine-tuned as its int8 graph computes "
        "(docs/precision.md)",
    )
    preprocessing: Preprocessing = Field(
        default=Preprocessing(), description="what the network itself does to the image"
    )
    history: HistorySpec = Field(
        default=HistorySpec(), description="earlier images beside the current one, for motion"
    )
    dropout: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        description="share of the features before the head that training sets to zero at random",
    )
    epochs: int = Field(
        default=20,
        ge=1,
        description="epochs that the student trains; a teacher, or a network of one modality, "
        "trains as many",
    )
    batch_size: int = Field(
        default=64, ge=2, description="samples in one step, all processes together"
    )
    lr: float = Field(default=1e-3, gt=0, description="highest learning rate of AdamW")
    lr_final: float = Field(
        default=0.01, ge=0, le=1, description="learning rate at the end, as a share of lr"
    )
    warmup: float = Field(
        default=0.02,
        ge=0,
        lt=1,
        description="share of training in which the learning rate rises linearly to lr; after it, "
        "it falls along a cosine",
    )
    weight_decay: float = Field(default=1e-4, ge=0, description="weight decay of AdamW")
    clip_norm: float = Field(
        default=5.0, ge=0, description="gradients with a larger norm are scaled down to it; 0: none"
    )
    early_stop: int = Field(
        default=0,
        ge=0,
        description="a phase ends early after this many epochs without improvement; 0: never. It "
        "does not apply to SAMD, which has options.patience",
    )
    ema: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="decay of the moving average of the weights, e.g. 0.999; the averaged weights "
        "are validated, chosen and exported (docs/recipe.md); none: no average",
    )
    augment: AugmentConfig = Field(
        default=AugmentConfig(),
        description="random changes of training samples; 0 switches a change off",
    )
    balance: BalanceConfig = Field(
        default=BalanceConfig(),
        description="how often an epoch shows samples at rest and in turns, for tasks that predict "
        "a path, such as waypoints, and around mistakes of a student that drove",
    )
    seed: int = Field(
        default=0,
        ge=0,
        description="seed of all random numbers: weights, order, augmentation, dropout",
    )
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="where it trains")
    precision: Literal["32-true", "bf16-mixed"] = Field(
        default="32-true",
        description="32-true: float32; bf16-mixed: bfloat16 for the operators that it is safe for",
    )
    processes: int = Field(
        default=1, ge=1, description="training processes, which share each batch"
    )
    threads: int = Field(
        default=0,
        ge=0,
        description="CPU threads per process; 0: torch's default, at most the CPUs it may use",
    )
    prefetch: int = Field(default=2, ge=1, description="how many batches are read in advance")
    validation_every: int = Field(
        default=CARVE_EVERY,
        ge=2,
        description="if the data have no split 'val', one in this many training frames is held "
        "out for validation",
    )
    evaluate: tuple[str, ...] = Field(
        default=(),
        description="further splits of the data on which the result is measured after training",
    )
    track: tuple[str, ...] = Field(
        default=(), description="trackers, which record every epoch besides `metrics.jsonl`"
    )

    @field_serializer("data", when_used="json")
    def _one_is_no_list(self, data: tuple[Path, ...]) -> str | list[str]:
        return str(data[0]) if len(data) == 1 else [str(path) for path in data]

    @model_serializer(mode="wrap")
    def _without_unset(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written = without_none(without_none(handler(self), "quantize"), "ema")
        return without_history(written, self.history)

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> TrainConfig:
        mistakes = [*self._unknown_names()]
        if not is_finished(info):
            mistakes += [*self._method_mistakes(), *self._clashes(), *self._no_trackers()]
            mistakes += self._cannot_be_quantised()
        if mistakes:
            raise JointMistakes(mistakes)
        return self

    def _unknown_names(self) -> Iterator[JointMistake]:
        tables: dict[str, Registry[Any]] = {"task": TASKS, "backbone": BACKBONES}
        for field, table in tables.items():
            try:
                table[getattr(self, field)]
            except UsageError as error:
                yield JointMistake((field,), str(error))

    def _method_mistakes(self) -> Iterator[JointMistake]:
        """Whether the method exists, its own rules, and mistakes in its options."""
        try:
            method = METHODS[self.method]
        except UsageError as error:
            yield JointMistake(("method",), str(error))
            return
        try:
            options = method.options_type.model_validate(self.options)
        except ValidationError as error:
            for mistake in mistakes_of(error, method.options_type):
                yield JointMistake(("options", "method"), f"options.{mistake}")
            return
        for text in method.mistakes(self.aux, self.epochs, options):
            yield JointMistake(("method", "aux", "epochs", "options"), text)

    def _no_trackers(self) -> Iterator[JointMistake]:
        for name in self.track:
            if name not in TRACKERS:
                yield JointMistake(("track",), f"track: {TRACKERS.unknown(name)}")
        if len(set(self.track)) != len(self.track):
            yield JointMistake(("track",), "track: a tracker stands there twice")

    def _cannot_be_quantised(self) -> Iterator[JointMistake]:
        if self.quantize is None:
            return
        if self.init_from is None:
            text = (
                f"quantize: {self.quantize} fine-tunes a student that is trained already: give the "
                "run with --init-from RUN"
            )
            yield JointMistake(("quantize", "init_from"), text)
        if self.precision != "32-true":
            text = (
                f"quantize: whole numbers of 8 bits cannot be told apart in {self.precision}; use "
                "precision: 32-true"
            )
            yield JointMistake(("quantize", "precision"), text)
        if self.ema is not None:
            text = (
                f"quantize: the ranges of {self.quantize} are those of the weights that train, and "
                "ema would export others; leave ema out"
            )
            yield JointMistake(("quantize", "ema"), text)
        if self.main is not Modality.RGB:
            text = f"quantize: a bundle sees RGB alone, and the student sees {self.main}"
            yield JointMistake(("quantize", "main"), text)

    def _clashes(self) -> Iterator[JointMistake]:
        if self.main in self.aux:
            yield JointMistake(("main", "aux"), f"aux: {self.main} is the main modality already")
        if len(set(self.aux)) != len(self.aux):
            yield JointMistake(("aux",), "aux: a modality stands there twice")
        if self.weights is not None and not _takes_weights(self.backbone):
            fitting = " or ".join(b.name for b in BACKBONES.builtin if _takes_weights(b.name))
            yield JointMistake(
                ("weights", "backbone"),
                f"weights: weight files are for backbone {fitting}, not {self.backbone}",
            )
        if self.weights is not None and self.init_from is not None:
            text = "init_from: a run's weights and a weight file cannot both be the first ones"
            yield JointMistake(("weights", "init_from"), text)
        if self.history.frames > 1 and self.main is not Modality.RGB:
            text = (
                f"history: only the camera's images are remembered, and the student sees "
                f"{self.main}; leave history out, or use main: rgb"
            )
            yield JointMistake(("history", "main"), text)
        if self.batch_size % self.processes or self.batch_size < 2 * self.processes:
            text = (
                f"batch_size: {self.batch_size} cannot be shared out among {self.processes} "
                "processes, two or more samples to each"
            )
            yield JointMistake(("batch_size", "processes"), text)


def _takes_weights(backbone: str) -> bool:
    """Whether weight files can be loaded into a backbone. True also for a backbone that cannot be
    imported, which is reported as a mistake of its own.
    """
    try:
        return BACKBONES[backbone].load_weights is not None
    except UsageError:
        return True
