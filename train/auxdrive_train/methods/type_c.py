"""type_c: the auxiliaries are predicted from the student's features as a second task, which is
dropped in the test (AML, section 4.1, architecture C).

Decoders make of the last map of the student's encoder what the auxiliaries' networks would be
given, at the map's size.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT
from auxdrive_train.methods.phases import Step
from auxdrive_train.methods.single_phase import SinglePhase
from auxdrive_train.methods.type_b import PredictedOptions
from auxdrive_train.models.networks import Network, SingleNetwork
from auxdrive_train.models.predicted import DECODERS, TARGETS, Decoders, Targets
from auxdrive_train.models.training_only import TrainingOnly


class TypeC(SinglePhase):
    """The student, and decoders of the auxiliaries beside it (AML, architecture C)."""

    name = "type_c"
    summary = "predicting the auxiliaries is a second task of the student in training"
    paper = "AML section 4.1, architecture C"
    options_type = PredictedOptions
    options: PredictedOptions
    phase = watch = STUDENT

    def networks(self) -> nn.ModuleDict:
        """The student."""
        return nn.ModuleDict({STUDENT: SingleNetwork(self.setup.main, self.setup.build)})

    def aids(self) -> Mapping[str, TrainingOnly]:
        """The decoders, and what the auxiliaries are compared with."""
        build, auxiliaries = self.setup.build, self.setup.auxiliaries
        maps = build.outline(self.setup.main).map_channels
        targets = Targets(auxiliaries, build)
        return {DECODERS: Decoders(auxiliaries, list(maps.values())[-1], targets), TARGETS: targets}

    @property
    def trains(self) -> tuple[str, ...]:
        """The student and the decoders."""
        return (STUDENT, DECODERS)

    def loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """The task's loss, and that of each predicted auxiliary.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        student, targets = cast(SingleNetwork, networks[STUDENT]), cast(Targets, networks[TARGETS])
        name = list(student.widths.maps)[-1]
        output = student(batch, (name,))
        losses = {"task": self.supervised(output.prediction, batch)}
        for modality in self.setup.auxiliaries:
            predicted = networks[DECODERS](output.maps[name], modality)
            lost = targets.lost(predicted, batch, modality)
            losses[f"predicted {modality}"] = self.options.auxiliary_weight * lost
        return Step(losses)

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The student."""
        return {STUDENT: cast(Network, networks[STUDENT])}
