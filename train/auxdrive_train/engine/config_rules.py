"""The rules between the fields of `TrainConfig`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from auxdrive.errors import UsageError
from auxdrive.mistakes import mistakes_of
from auxdrive.modalities import Modality
from auxdrive.registry import Registry
from pydantic import ValidationError

from auxdrive_train.methods import METHODS
from auxdrive_train.models import BACKBONES
from auxdrive_train.tasks import TASKS
from auxdrive_train.trackers import TRACKERS

if TYPE_CHECKING:
    from auxdrive_train.engine.config import TrainConfig


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


def joint_mistakes(config: TrainConfig, *, finished: bool) -> Iterator[JointMistake]:
    """All mistakes that concern several fields together.

    Args:
        config: whose fields are possible, each by itself.
        finished: whether a run with it is finished. Then only its names must still be known.
    """
    yield from _unknown_names(config)
    if finished:
        return
    yield from _method_mistakes(config)
    yield from _clashes(config)
    yield from _no_trackers(config)
    yield from _cannot_be_quantised(config)


def _unknown_names(config: TrainConfig) -> Iterator[JointMistake]:
    tables: dict[str, Registry[Any]] = {"task": TASKS, "backbone": BACKBONES}
    for field, table in tables.items():
        try:
            table[getattr(config, field)]
        except UsageError as error:
            yield JointMistake((field,), str(error))


def _method_mistakes(config: TrainConfig) -> Iterator[JointMistake]:
    """Whether the method exists, its own rules, and mistakes in its options."""
    try:
        method = METHODS[config.method]
    except UsageError as error:
        yield JointMistake(("method",), str(error))
        return
    try:
        options = method.options_type.model_validate(config.options)
    except ValidationError as error:
        for mistake in mistakes_of(error, method.options_type):
            yield JointMistake(("options", "method"), f"options.{mistake}")
        return
    for text in method.mistakes(config.aux, config.epochs, options):
        yield JointMistake(("method", "aux", "epochs", "options"), text)


def _no_trackers(config: TrainConfig) -> Iterator[JointMistake]:
    for name in config.track:
        if name not in TRACKERS:
            yield JointMistake(("track",), f"track: {TRACKERS.unknown(name)}")
    if len(set(config.track)) != len(config.track):
        yield JointMistake(("track",), "track: a tracker stands there twice")


def _cannot_be_quantised(config: TrainConfig) -> Iterator[JointMistake]:
    if config.quantize is None:
        return
    if config.init_from is None:
        text = (
            f"quantize: {config.quantize} fine-tunes a student that is trained already: give the "
            "run with --init-from RUN"
        )
        yield JointMistake(("quantize", "init_from"), text)
    if config.precision != "32-true":
        text = (
            f"quantize: whole numbers of 8 bits cannot be told apart in {config.precision}; use "
            "precision: 32-true"
        )
        yield JointMistake(("quantize", "precision"), text)
    if config.ema is not None:
        text = (
            f"quantize: the ranges of {config.quantize} are those of the weights that train, and "
            "ema would export others; leave ema out"
        )
        yield JointMistake(("quantize", "ema"), text)
    if config.main is not Modality.RGB:
        text = f"quantize: a bundle sees RGB alone, and the student sees {config.main}"
        yield JointMistake(("quantize", "main"), text)


def _clashes(config: TrainConfig) -> Iterator[JointMistake]:
    if config.main in config.aux:
        yield JointMistake(("main", "aux"), f"aux: {config.main} is the main modality already")
    if len(set(config.aux)) != len(config.aux):
        yield JointMistake(("aux",), "aux: a modality stands there twice")
    if config.weights is not None and not _takes_weights(config.backbone):
        fitting = " or ".join(b.name for b in BACKBONES.builtin if _takes_weights(b.name))
        yield JointMistake(
            ("weights", "backbone"),
            f"weights: weight files are for backbone {fitting}, not {config.backbone}",
        )
    if config.weights is not None and config.init_from is not None:
        text = "init_from: a run's weights and a weight file cannot both be the first ones"
        yield JointMistake(("weights", "init_from"), text)
    if config.history.frames > 1 and config.main is not Modality.RGB:
        text = (
            f"history: only the camera's images are remembered, and the student sees "
            f"{config.main}; leave history out, or use main: rgb"
        )
        yield JointMistake(("history", "main"), text)
    if config.momentum and config.optimizer != "sgd":
        text = f"momentum: {config.momentum:g} is of sgd; use optimizer: sgd, or leave it out"
        yield JointMistake(("momentum", "optimizer"), text)
    vectors = [each for each in (config.main, *config.aux) if each.is_vector]
    if vectors and config.augment.mirror:
        text = (
            f"augment.mirror: {config.augment.mirror:g}, and nobody can tell how "
            f"{', '.join(vectors)} would be in a mirrored scene; use augment.mirror: 0"
        )
        yield JointMistake(("augment", "main", "aux"), text)
    if config.batch_size % config.processes or config.batch_size < 2 * config.processes:
        text = (
            f"batch_size: {config.batch_size} cannot be shared out among {config.processes} "
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
