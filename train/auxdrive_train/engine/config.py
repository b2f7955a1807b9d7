"""The settings of a training as one pydantic model: the fields with their limits and descriptions.
`config_rules` beside it holds the rules between fields, `config_files` reads and writes it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from auxdrive.cards import HistorySpec, Pixels, PreprocessingSpec, without_history
from auxdrive.data.division import CARVE_EVERY
from auxdrive.modalities import Modality
from auxdrive.strict import Strict, without_empty
from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    field_serializer,
    model_serializer,
    model_validator,
)

from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.balance import BalanceConfig
from auxdrive_train.engine.config_rules import JointMistakes, joint_mistakes
from auxdrive_train.methods.contract import is_finished
from auxdrive_train.models.build import DEFAULT_HIDDEN


class Preprocessing(PreprocessingSpec):
    """Crop and size of the network's input; by default PilotNet's size."""

    size: tuple[Pixels, Pixels] = Field(
        default=(66, 200), description=PreprocessingSpec.model_fields["size"].description
    )


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
    hidden: tuple[Annotated[int, Field(ge=1, le=100_000)], ...] = Field(
        default=DEFAULT_HIDDEN,
        max_length=20,
        description="widths of the layers that encode a vector, whatever the backbone is; none: "
        "the head takes its numbers as they are",
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
    optimizer: Literal["adamw", "sgd"] = Field(
        default="adamw", description="adamw, or plain gradient descent, sgd"
    )
    momentum: float = Field(default=0.0, ge=0, lt=1, description="of sgd")
    lr: float = Field(default=1e-3, gt=0, description="highest learning rate")
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
    weight_decay: float = Field(default=1e-4, ge=0, description="weight decay of the optimizer")
    clip_norm: float = Field(
        default=5.0, ge=0, description="gradients with a larger norm are scaled down to it; 0: none"
    )
    early_stop: int = Field(
        default=0,
        ge=0,
        description="a phase ends early after this many epochs without improvement; 0: never. It "
        "does not apply to SAMD, which has options.patience",
    )
    choose: Literal["best", "last"] = Field(
        default="best",
        description="which weights a phase ends with, and the run: those of the epoch that was "
        "best in the validation, or of the last one",
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
        written = without_empty(handler(self), "quantize", "ema")
        if not any(each.is_vector for each in (self.main, *self.aux)):
            written.pop("hidden")
        for name in ("optimizer", "momentum", "choose"):
            if written[name] == type(self).model_fields[name].default:
                written.pop(name)
        return without_history(written, self.history)

    @model_validator(mode="after")
    def _consistent(self, info: ValidationInfo) -> TrainConfig:
        mistakes = list(joint_mistakes(self, finished=is_finished(info)))
        if mistakes:
            raise JointMistakes(mistakes)
        return self
