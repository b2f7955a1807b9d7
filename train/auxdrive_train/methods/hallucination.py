"""hallucination: beside the RGB network a second one learns to have, from RGB, the features that an
auxiliary's network has, and both run in the test (modality hallucination, Hoffman et al. 2016).

First each auxiliary's network trains alone. Then it is frozen, and the RGB stream and a stream for
each auxiliary, which begins with that one's weights where they fit, train together: by the task's
loss of their mean prediction, by that of each stream's own, and by the hallucination loss, the mean
squared difference of sigmoid(features) from the auxiliary's (equation 1). The paper compares one
chosen layer and sums; here it is the features, and the mean, with a weight of its own. Its joint
losses of RGB with the true depth are left out: they do not train the student.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, cast

import torch
from auxdrive.modalities import Modality
from pydantic import Field
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT, Options
from auxdrive_train.methods.phases import Examples, Phase, PhaseRecord, Step, following
from auxdrive_train.methods.unimodal import WithUniModal, take_fitting
from auxdrive_train.models.networks import Network, SingleNetwork
from auxdrive_train.models.present import mean_where
from auxdrive_train.models.streams import MeanOfHeads, Streams, side_by_side


class HallucinationOptions(Options):
    """Options of hallucination."""

    hallucination_weight: float = Field(
        default=10.0, ge=0, description="of the distance from the auxiliary's features"
    )


class Hallucination(WithUniModal):
    """The auxiliaries' networks, then the student of several streams (Hoffman et al. 2016)."""

    name = "hallucination"
    summary = "beside the RGB stream, streams that imitate the auxiliaries' features from RGB"
    paper = "Hoffman et al. 2016"
    options_type: ClassVar[type[HallucinationOptions]] = HallucinationOptions
    options: HallucinationOptions

    @property
    def alone(self) -> tuple[Modality, ...]:
        """The auxiliaries."""
        return self.setup.auxiliaries

    def networks(self) -> nn.ModuleDict:
        """The auxiliaries' networks, and the student."""
        main, build = self.setup.main, self.setup.build
        streams = [build.encoder(main) for _ in self.modalities]
        widths = [each.feature_dim for each in streams]
        heads = MeanOfHeads([build.head(width) for width in widths], widths)
        student = SingleNetwork(main, build, Streams(streams), heads)
        return nn.ModuleDict({**self.unimodal_networks(), STUDENT: student})

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The auxiliaries' networks one by one, then the student."""
        student = Phase(
            STUDENT,
            (STUDENT,),
            self.setup.epochs,
            self.student_loss,
            watch=STUDENT,
            begin=self.begin_student,
        )
        return following([*self.unimodal_phases(), student], history)

    def begin_student(self, networks: nn.ModuleDict, examples: Examples) -> None:
        """Each stream takes the weights of its modality's own network that fit, if there is one.

        Args:
            networks: by name.
            examples: are not needed.
        """
        del examples
        student = cast(SingleNetwork, networks[STUDENT])
        streams, heads = cast(Streams, student.encoder), cast(MeanOfHeads, student.head)
        for modality in self.alone:
            place, teacher = self.modalities.index(modality), self.own(networks, modality)
            take_fitting(streams.streams[place], teacher.encoder)
            take_fitting(heads.heads[place], teacher.head)

    def student_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss of the mean and of each stream, and each hallucination loss.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        student = cast(SingleNetwork, networks[STUDENT])
        heads = cast(MeanOfHeads, student.head)
        features = student.encode(batch)
        each = heads.each(features, batch.ego_be)
        losses = {"task": self.supervised(torch.stack(each).mean(dim=0), batch)}
        for modality, own in zip(self.modalities, each, strict=True):
            losses[f"own {modality}"] = self.supervised(own, batch)
        parts = side_by_side(features, heads.widths)[1:]
        for modality, part in zip(self.alone, parts, strict=True):
            gap = hallucinated(part, self.wanted(networks, batch, modality))
            weight = self.options.hallucination_weight
            losses[f"hallucinated {modality}"] = weight * mean_where(gap, batch.present[modality])
        return Step(losses)

    def wanted(self, networks: nn.ModuleDict, batch: Batch, modality: Modality) -> Tensor:
        """The auxiliary's features, (B, D), without gradients.

        Args:
            networks: by name.
            batch: the samples.
            modality: the auxiliary.
        """
        with torch.no_grad():
            return self.own(networks, modality).encode(batch)

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student, and the auxiliaries' networks."""
        names = (STUDENT, *(self.named(m) for m in self.alone))
        return {name: cast(Network, networks[name]) for name in names}


def hallucinated(ours_bd: Tensor, theirs_bd: Tensor) -> Tensor:
    """The hallucination loss of each sample, (B,) (Hoffman et al. 2016, equation 1, as a mean).

    Args:
        ours_bd: features (B, D) of the stream.
        theirs_bd: features (B, D) of the auxiliary's network.
    """
    return (torch.sigmoid(ours_bd) - torch.sigmoid(theirs_bd)).square().mean(dim=1)
