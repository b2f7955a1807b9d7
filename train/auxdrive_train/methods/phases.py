"""Phases of a training, and what is remembered of those that have ended."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from auxdrive.modalities import Modality
from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic.dataclasses import dataclass as pydantic_dataclass
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch

Examples = Callable[[Modality], Batch]
"""Given a modality, returns at least one training sample that has it, evenly spread over the
recording, not augmented, and the same at every call.
"""


@dataclass(frozen=True)
class Step:
    """What one training step costs.

    Attributes:
        losses: scalars with gradients, by name; the engine minimises their sum.
        logged: further numbers for the log; they are not optimised.

    Examples:
        >>> import torch
        >>> from auxdrive_train import Step
        >>> step = Step({"task": torch.tensor(0.5), "distil": torch.tensor(0.25)}, {"wins": 0.4})
        >>> sum(step.losses.values()).item()
        0.75
    """

    losses: Mapping[str, Tensor]
    logged: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Phase:
    """A stretch of training in which the same networks are trained with the same loss.

    Attributes:
        name: unique within the run, e.g. "round 3: student".
        trains: names of the networks and losses that are updated. All others are frozen and in
            evaluation mode.
        epochs: how many epochs it lasts; early stopping may end it sooner.
        loss: called with (networks, batch), returns a `Step`. The method's losses are among the
            networks, by name.
        watch: the role that is validated after each epoch. Its metric chooses the best epoch and
            stops the phase early. This role is reported and driven with the weights it has when the
            phase ends (the last such phase, if several watch it). The student is the exception: it
            is reported and driven with the weights of the run's best epoch.
        begin: called once before the first step, e.g. for SAMD's reset, to start a probe afresh, or
            to measure a scale. It must be deterministic.
        keep: "best" or "last": whether the phase ends with the weights of its best or of its last
            epoch.
        optimizer: phases with the same non-empty name share one optimiser and its state; "" gives
            the phase a fresh one.
        lr_span: which part of the learning-rate schedule the phase covers, as (start, end) in 0..1.

    Examples:
        >>> from auxdrive_train import STUDENT, Phase, Step
        >>> def loss(networks, batch):
        ...     error = networks[STUDENT](batch).prediction - batch.label
        ...     return Step({"task": error.abs().mean()})
        >>> phase = Phase("student", trains=(STUDENT,), epochs=20, loss=loss, watch=STUDENT)
        >>> phase.keep
        'best'
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


# JSON has no NaN: a metric that is not a number is stored as null.
Metric = Annotated[float, BeforeValidator(_or_nan), PlainSerializer(_or_none, when_used="json")]


@pydantic_dataclass(frozen=True, config=ConfigDict(extra="forbid"))
class PhaseRecord:
    """What is remembered of a finished phase.

    Attributes:
        name: the phase's.
        epochs: how many it took.
        watch: the role that was validated.
        best: the best validation value of the task's primary metric.
        last: its value after the last epoch.

    Examples:
        >>> from auxdrive_train import PhaseRecord
        >>> PhaseRecord("round 1: teacher", epochs=5, watch="teacher", best=0.8, last=0.9).best
        0.8
    """

    name: str
    epochs: Annotated[int, Field(ge=0, le=2**53)]
    watch: str
    best: Metric
    last: Metric


def following(phases: Sequence[Phase], history: Sequence[PhaseRecord]) -> Phase | None:
    """The phase of a fixed list that follows those that have ended; None after the last.

    Args:
        phases: all of them, in their order.
        history: the first ones, ended.
    """
    return phases[len(history)] if len(history) < len(phases) else None


def no_longer_improves(
    values: Sequence[float], higher_is_better: bool, patience: int, min_delta: float
) -> bool:
    """Whether the best of the last `patience` values is better than the best before them by no more
    than `min_delta`.

    Args:
        values: a metric after each round, oldest first.
        higher_is_better: which direction is an improvement.
        patience: how many values count as recent; 0 never stops.
        min_delta: how much better a value must be to count.
    """
    if patience <= 0 or len(values) <= patience:
        return False
    signed = np.asarray(values, dtype=np.float64) * (1 if higher_is_better else -1)
    return bool(signed[-patience:].max() <= signed[:-patience].max() + min_delta)
