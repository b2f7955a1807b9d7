"""mfh: cross-modal distillation from a teacher that has modality-general features alone (Modality
Focusing Hypothesis, MFH; Xue et al. 2023, section 5 and Algorithm 1).

1. A network of the main modality and one of the auxiliary learn the task, and to have the same
features. 2. Each channel after the auxiliary's stem is permuted over samples; the distance of the
features that come of it from the main modality's is its salience. The teacher, which begins as the
auxiliary's network, learns on with the share r of channels nullified that have the smallest (or the
largest, or drawn ones); a regular teacher is trained alone in place of 1 and 2. 3. The student
learns by rho L_task + (1 - rho) L_kd, where L_kd is `Task.imitation`: of a regression the squared
error to the teacher's prediction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import torch
from auxdrive.modalities import Modality
from pydantic import Field
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT, TEACHER, Method, Options
from auxdrive_train.methods.phases import Examples, Phase, PhaseRecord, Step, following
from auxdrive_train.methods.salience import Kind, kept_channels, salience
from auxdrive_train.models.masked import MaskedEncoder
from auxdrive_train.models.networks import Network, SingleNetwork
from auxdrive_train.models.present import mean_where

ALIGNED, ALIGNED_AUXILIARY, SALIENCE = "aligned", "aligned_auxiliary", "salience"


class MFHOptions(Options):
    """Options of MFH."""

    teacher: Kind = Field(
        default="general",
        description="which channels the teacher keeps: the modality-general ones, the "
        "modality-specific ones, drawn ones, or all",
    )
    share: float = Field(
        default=0.5, ge=0, lt=1, description="r: share of the channels that are nullified"
    )
    rho: float = Field(
        default=0.5, ge=0, le=1, description="weight of the labels against the teacher"
    )
    temperature: float = Field(
        default=1.0, gt=0, description="T of the distillation, for tasks with probabilities"
    )
    align_weight: float = Field(
        default=1.0, ge=0, description="of the distance of both networks' features"
    )
    permutations: int = Field(
        default=3, ge=1, description="M: how often each channel is permuted for its salience"
    )


class Salience(nn.Module):
    """The salience of each channel, (C,), which a run stores."""

    channels: torch.Tensor

    def __init__(self, count: int) -> None:
        super().__init__()
        self.register_buffer("channels", torch.zeros(count))


class MFH(Method):
    """Two aligned networks, the teacher, the student (Xue et al. 2023)."""

    name = "mfh"
    summary = "a teacher on one auxiliary whose modality-general features alone teach the student"
    paper = "MFH (2023), Algorithm 1"
    most_auxiliaries = 1
    options_type = MFHOptions
    options: MFHOptions

    @property
    def auxiliary(self) -> Modality:
        """The one auxiliary."""
        return self.setup.auxiliaries[0]

    def networks(self) -> nn.ModuleDict:
        """The aligned networks, the teacher, the student, and the salience."""
        main, build = self.setup.main, self.setup.build
        if self._is_regular:
            teacher, student = (SingleNetwork(each, build) for each in (self.auxiliary, main))
            return nn.ModuleDict({TEACHER: teacher, STUDENT: student})
        encoder = build.encoder(self.auxiliary)
        return nn.ModuleDict(
            {
                ALIGNED: SingleNetwork(main, build),
                ALIGNED_AUXILIARY: SingleNetwork(self.auxiliary, build),
                TEACHER: SingleNetwork(self.auxiliary, build, MaskedEncoder(encoder)),
                STUDENT: SingleNetwork(main, build),
                SALIENCE: Salience(encoder.stem_channels),
            }
        )

    @property
    def _is_regular(self) -> bool:
        return self.options.teacher == "regular"

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The aligned networks, the teacher, the student."""
        epochs, both = self.setup.epochs, (ALIGNED, ALIGNED_AUXILIARY)
        aligned = Phase(ALIGNED, both, epochs, self._aligned_loss, watch=ALIGNED_AUXILIARY)
        begin = None if self._is_regular else self._nullify
        teacher = Phase(TEACHER, (TEACHER,), epochs, self._teacher_loss, watch=TEACHER, begin=begin)
        student = Phase(STUDENT, (STUDENT,), epochs, self._student_loss, watch=STUDENT)
        return following((aligned,) * (not self._is_regular) + (teacher, student), history)

    def _aligned_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        ours, theirs = networks[ALIGNED](batch), networks[ALIGNED_AUXILIARY](batch)
        distance = (ours.features - theirs.features).square().mean(dim=1)
        apart = mean_where(distance, batch.present[self.auxiliary])
        return Step(
            {
                "task": self.supervised(ours.prediction, batch),
                "auxiliary": self.supervised_where(theirs.prediction, batch, self.auxiliary),
                "apart": self.options.align_weight * apart,
            }
        )

    def _nullify(self, networks: nn.ModuleDict, examples: Examples) -> None:
        """Find the salience, and make the teacher of the auxiliary's network."""
        batch = examples(self.auxiliary)
        ours = cast(SingleNetwork, networks[ALIGNED]).eval()
        theirs = cast(SingleNetwork, networks[ALIGNED_AUXILIARY]).eval()
        with torch.no_grad():
            wanted = ours.encode(batch)
            maps = theirs.encoder.stem(theirs.input(batch.frames[self.auxiliary]))
        found = salience(maps, theirs.encoder.trunk, wanted, self.options.permutations)
        cast(Salience, networks[SALIENCE]).channels.copy_(found)
        teacher = cast(SingleNetwork, networks[TEACHER])
        encoder = cast(MaskedEncoder, teacher.encoder)
        encoder.whole.load_state_dict(theirs.encoder.state_dict())
        teacher.head.load_state_dict(theirs.head.state_dict())
        encoder.mask.copy_(kept_channels(found, self.options.teacher, self.options.share))

    def _teacher_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        prediction = networks[TEACHER](batch).prediction
        return Step({"task": self.supervised_where(prediction, batch, self.auxiliary)})

    def _student_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        rho, prediction = self.options.rho, networks[STUDENT](batch).prediction
        with torch.no_grad():
            taught = networks[TEACHER](batch).prediction
        having = batch.present[self.auxiliary]
        losses = {"task": rho * self.supervised(prediction, batch)}
        if bool(having.any()):
            ours, theirs = prediction[having], taught[having]
            distilled = self.task.imitation(ours, theirs, self.options.temperature).mean()
            losses["distil"] = (1 - rho) * distilled
        return Step(losses)

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student, the teacher, and the aligned networks."""
        names = (STUDENT, TEACHER, ALIGNED, ALIGNED_AUXILIARY)[: 2 if self._is_regular else 4]
        return {name: cast(Network, networks[name]) for name in names}
