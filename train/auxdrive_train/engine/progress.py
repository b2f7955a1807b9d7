"""How far a run is: everything except tensors that a resume needs. It is validated when it is read:
values that no run could have written mean damage.
"""

from __future__ import annotations

from typing import Annotated, Self

from auxdrive.strict import Strict
from pydantic import Field, model_validator

from auxdrive_train.methods.phases import Metric, PhaseRecord

Count = Annotated[int, Field(ge=0, le=2**53)]


class Progress(Strict, frozen=False, allow_inf_nan=True):
    """How far a run is.

    Attributes:
        phase: number of finished phases.
        epoch: number of finished epochs of the current phase.
        step: optimiser steps since the start of the run.
        history: the finished phases.
        watched: the watched role's metric after each epoch of the current phase.
        clipped: steps of the current phase whose gradient was clipped.
        phase_steps: all steps of the current phase.
        said_clipped: whether the user was told that most steps are clipped.
        best: the primary role's best value of the task's metric.
        best_phase: the phase that it was reached in.
        best_epoch: the epoch of that phase, counted from 1.
        log_bytes: length of `metrics.jsonl`; on a resume, what was written later is cut off.
        trained_s: seconds of training so far.
        finished: whether training is done.
    """

    phase: Count = 0
    epoch: Count = 0
    step: Count = 0
    history: list[PhaseRecord] = Field(default=[])
    watched: list[Metric] = Field(default=[])
    clipped: Count = 0
    phase_steps: Count = 0
    said_clipped: bool = False
    best: Metric | None = None
    best_phase: str = ""
    best_epoch: Count = 0
    log_bytes: Count = 0
    trained_s: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    finished: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.history) != self.phase:
            raise ValueError(
                f"{self.phase} phases are finished, and {len(self.history)} are recorded"
            )
        if len(self.watched) != self.epoch:
            raise ValueError(
                f"{self.epoch} epochs are finished, and {len(self.watched)} were validated"
            )
        if self.clipped > self.phase_steps:
            raise ValueError(f"{self.clipped} of {self.phase_steps} steps were clipped")
        return self
