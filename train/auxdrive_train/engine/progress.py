"""Where a run stands: everything beside tensors that a resume needs. It is read back strictly: what
no run could have written is damage.
"""

from __future__ import annotations

from typing import Annotated, Self

from auxdrive.strict import Strict
from pydantic import Field, model_validator

from auxdrive_train.methods.contract import Metric, PhaseRecord

Count = Annotated[int, Field(ge=0, le=2**53)]


class Progress(Strict, frozen=False, allow_inf_nan=True):
    """Where a run stands.

    Attributes:
        phase, epoch: finished phases, and finished epochs of the phase under way. step: optimiser
            steps since the start.
        history: the finished phases. watched: the watched role's metric after each epoch of the
            phase under way.
        clipped, phase_steps: of the phase under way, the steps whose gradient was clipped, and all.
            said_clipped: that the user was told.
        best: the run's best value of the primary role, with the phase and epoch it came from.
        log_bytes: length of `metrics.jsonl` at this point; a resume cuts off what came later.
            finished: nothing is left to train.
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
