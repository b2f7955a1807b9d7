"""Methods that fuse the features of all modalities late, and then give the student the fusion's RGB
encoder with a head of its own. They differ in how the fusion is trained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from pydantic import Field
from torch import nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.methods.contract import STUDENT, Method, Options
from auxdrive_train.methods.phases import Examples, Phase, PhaseRecord, Step, following
from auxdrive_train.models.fusion import LateFusionNetwork
from auxdrive_train.models.networks import Network, SingleNetwork

FUSED = "fused"


class FusedStudentOptions(Options):
    """Options of how the student comes out of the fusion."""

    probe_epochs: int = Field(
        default=10, ge=1, description="epochs that train the student's head alone"
    )
    tune_epochs: int = Field(
        default=0, ge=0, description="epochs that then train the whole student; 0: none"
    )


class FusedStudent(Method):
    """Phases: what a subclass begins with, the fusion, the probe (the student's head on the frozen
    encoder, which is how UMT/UME 2023 measures encoders), and fine-tuning if asked for.
    """

    options_type = FusedStudentOptions
    options: FusedStudentOptions

    def first_networks(self) -> dict[str, nn.Module]:
        """Networks that are trained before the fusion, by name; they are roles of their own."""
        return {}

    def first_phases(self) -> list[Phase]:
        """What trains them; each phase watches the network of one."""
        return []

    def further_modules(self) -> dict[str, nn.Module]:
        """What else there is, by name; it is not measured."""
        return {}

    @property
    def fusion_trains(self) -> tuple[str, ...]:
        """The names of all that the fusion's phase trains."""
        return (FUSED,)

    def begin_fusion(self, networks: nn.ModuleDict, examples: Examples) -> None:
        """What is done before the fusion's first step; it must be deterministic.

        Args:
            networks: by name.
            examples: gives training samples; see `Phase.begin`.
        """

    def fusion_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        """What a step of the fusion costs: by default the task's loss alone.

        Args:
            networks: by name.
            batch: the training samples, augmented.
        """
        return Step({"task": self.supervised(networks[FUSED](batch).prediction, batch)})

    def networks(self) -> nn.ModuleDict:
        """The first networks, the fusion, the student, and what else there is."""
        build = self.setup.build
        first = self.first_networks()
        fused = {FUSED: LateFusionNetwork(self.modalities, build)}
        student = {STUDENT: SingleNetwork(self.setup.main, build)}
        return nn.ModuleDict({**first, **fused, **student, **self.further_modules()})

    def next_phase(self, history: Sequence[PhaseRecord]) -> Phase | None:
        """The first phases, the fusion, the probe, and fine-tuning if asked for."""
        fused = Phase(
            FUSED,
            self.fusion_trains,
            self.setup.epochs,
            self.fusion_loss,
            watch=FUSED,
            begin=self.begin_fusion,
        )
        return following([*self.first_phases(), fused, *self._student_phases()], history)

    def _student_phases(self) -> list[Phase]:
        probe, tune = self.options.probe_epochs, self.options.tune_epochs
        phases = [
            Phase(
                "probe",
                (f"{STUDENT}.head",),
                probe,
                self._student_loss,
                watch=STUDENT,
                begin=self._take_encoder,
            )
        ]
        if tune:
            phases.append(
                Phase(
                    "fine-tuning",
                    (STUDENT,),
                    tune,
                    self._student_loss,
                    watch=STUDENT,
                    lr_span=(0.5, 1.0),
                )
            )
        return phases

    def _take_encoder(self, networks: nn.ModuleDict, examples: Examples) -> None:
        del examples
        fused = cast(LateFusionNetwork, networks[FUSED])
        student = cast(SingleNetwork, networks[STUDENT])
        student.encoder.load_state_dict(fused.encoders[self.setup.main.value].state_dict())

    def _student_loss(self, networks: nn.ModuleDict, batch: Batch) -> Step:
        return Step({"task": self.supervised(networks[STUDENT](batch).prediction, batch)})

    def roles(self, networks: nn.ModuleDict) -> Mapping[str, Network]:
        """The first networks, the fusion and the student, by their names."""
        names = (*(phase.watch for phase in self.first_phases()), FUSED, STUDENT)
        return {name: cast(Network, networks[name]) for name in names}
