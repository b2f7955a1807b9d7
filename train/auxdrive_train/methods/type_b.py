"""type_b: the auxiliaries are predicted from the main modality, and both are used (AML, section
4.1, architecture B). In the test the predicted ones are there, too.

A stem of its own looks at the image, a decoder for each auxiliary makes of it what the auxiliary's
network would be given, and stems and projections add that to the image's maps as the teacher of
type D adds the recorded one. All of it learns at once: the task, and to predict the auxiliaries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from pydantic import Field
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT, Options
from auxdrive_train.methods.phases import Step
from auxdrive_train.methods.single_phase import SinglePhase
from auxdrive_train.models.networks import Network, SingleNetwork
from auxdrive_train.models.predicted import TARGETS, PredictingEncoder, Targets
from auxdrive_train.models.training_only import TrainingOnly


class PredictedOptions(Options):
    """Options of a method that predicts auxiliaries."""

    auxiliary_weight: float = Field(
        default=1.0, ge=0, description="of the loss of each predicted auxiliary against the task's"
    )


class TypeB(SinglePhase):
    """One network that predicts the auxiliaries and uses them (AML, architecture B)."""

    name = "type_b"
    summary = "the student predicts the auxiliaries from RGB and uses both"
    paper = "AML section 4.1, architecture B"
    options_type = PredictedOptions
    options: PredictedOptions
    phase = watch = STUDENT

    def networks(self) -> nn.ModuleDict:
        """The student."""
        main, build = self.setup.main, self.setup.build
        encoder = PredictingEncoder(main, self.setup.auxiliaries, build)
        return nn.ModuleDict({STUDENT: SingleNetwork(main, build, encoder)})

    def aids(self) -> Mapping[str, TrainingOnly]:
        """What the auxiliaries are compared with."""
        return {TARGETS: Targets(self.setup.auxiliaries, self.setup.build)}

    @property
    def trains(self) -> tuple[str, ...]:
        """The student."""
        return (STUDENT,)

    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss, and that of each predicted auxiliary.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        student, targets = cast(SingleNetwork, networks[STUDENT]), cast(Targets, networks[TARGETS])
        encoder = cast(PredictingEncoder, student.encoder)
        images = student.input(batch.frames[self.setup.main])
        predicted = encoder.predicted(images)
        features = encoder.trunk(encoder.merged(images, predicted))
        losses = {"task": self.supervised(student.head(features, batch.ego_be), batch)}
        for modality, each in predicted.items():
            lost = targets.lost(each, batch, modality)
            losses[f"predicted {modality}"] = self.options.auxiliary_weight * lost
        return Step(losses)

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student."""
        return {STUDENT: cast(Network, networks[STUDENT])}
