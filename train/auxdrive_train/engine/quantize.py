"""Fine-tuning for int8 (`quantize`): which student is fake-quantised, and on which frames the
ranges of its maps are measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.errors import ConfigError
from torch import Tensor, nn

from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.methods.contract import STUDENT, Method
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.quantization.calibration import CALIBRATION_FRAMES, calibration_samples
from auxdrive_train.quantization.fake import FakeQuantizer
from auxdrive_train.quantization.tape import record

NAME = "fake_quantizer"
"""Of the module beside the networks."""
_AT_A_TIME = 8


@dataclass(frozen=True)
class Quantization:
    """The student that a run fine-tunes for a precision.

    Attributes:
        precision: its name.
        student: the network.
        name: of the student among the networks.
        quantizer: computes it in that precision.
        calibration: the frames that give the ranges.
        device: where the student is.
    """

    precision: str
    student: SingleNetwork
    name: str
    quantizer: FakeQuantizer
    calibration: SampleSet
    device: torch.device

    @property
    def told(self) -> str:
        """What is fine-tuned, in a sentence for the log."""
        return (
            f"fine-tuned for {self.precision}: {self.quantizer.layers} layers and "
            f"{len(self.quantizer.maps)} maps, ranges from {len(self.calibration)} frames; epochs "
            f"are judged as the graph in {self.precision} predicts"
        )

    def measure(self) -> None:
        """Measure the ranges for the student's weights as they are now."""
        self.quantizer.measure(self.student, self._batches)

    def _batches(self) -> Iterator[tuple[Tensor, Tensor]]:
        samples = self.calibration
        for first in range(0, len(samples), _AT_A_TIME):
            rows = np.arange(first, min(first + _AT_A_TIME, len(samples)), dtype=np.int64)
            batch = samples.gather(rows).to(self.device)
            yield batch.frames[self.student.modality], batch.ego_be


def quantization_of(
    config: TrainConfig,
    method: Method,
    networks: nn.ModuleDict,
    dataset: Dataset,
    device: torch.device,
) -> Quantization | None:
    """Make the student compute as in `config.quantize` while it is trained; what it takes for that
    is added to the networks. None where the config does not ask for it.

    Args:
        config: the run's settings.
        method: what is trained.
        networks: its networks, on the device.
        dataset: the data set.
        device: where the networks are.

    Raises:
        ConfigError: the method has no student that can be quantised.
    """
    if config.quantize is None:
        return None
    name, student = _student(config, method, networks)
    calibration = calibration_samples(
        dataset, config.validation_every, method.task, CALIBRATION_FRAMES, config.history
    )
    few = calibration.gather(np.arange(2, dtype=np.int64) % len(calibration)).to(device)
    tape = record(student, few.frames[config.main], few.ego_be)
    quantizer = FakeQuantizer(student, tape).to(device)
    networks[NAME] = quantizer
    return Quantization(config.quantize, student, name, quantizer, calibration, device)


def _student(
    config: TrainConfig, method: Method, networks: nn.ModuleDict
) -> tuple[str, SingleNetwork]:
    """The student and its name among the networks."""
    student = method.roles(networks).get(STUDENT)
    if not isinstance(student, SingleNetwork):
        raise ConfigError(
            f"quantize: method '{config.method}' trains no student that can be exported; fine-tune "
            "a run that has one with --method baseline"
        )
    name = next(key for key, each in networks.items() if each is student)
    for phase in method.phases_to_come([]) or ():
        if phase.watch == STUDENT and name not in phase.trains:
            raise ConfigError(
                f"quantize: method '{config.method}' cannot be fine-tuned for {config.quantize}: "
                f"its phase '{phase.name}' trains {', '.join(phase.trains)} and not the whole "
                f"student; fine-tune its student with --method baseline"
            )
    return name, student
