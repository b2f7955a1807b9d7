"""What a phase of a method minimises, for tests: methods with small networks, five samples, and the
losses of a phase after its gradients have been computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import torch
from auxdrive.cards import CameraSpec, DatasetCard, PreprocessingSpec
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Method, Setup
from auxdrive_train.methods.phases import Phase, PhaseRecord
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import Output
from auxdrive_train.tasks import make_task
from torch import nn

CARD = DatasetCard(
    name="t", rate_hz=4, modalities=(Modality.RGB,), camera=CameraSpec(width=90, height=70)
)
AUX = (Modality.DEPTH, Modality.EDGE)
SCALE = math.radians(10.0)
ABSENT = 1
"""The sample that lacks depth."""


def method(name: str, **options: object) -> Method:
    entry = METHODS[name]
    build = Build(
        "pilotnet", PreprocessingSpec(size=(66, 80)), make_task("steering", CARD), dropout=0.0
    )
    return entry(Setup(Modality.RGB, AUX, build, 2), entry.options_type.model_validate(options))


def networks_of(made: Method) -> nn.ModuleDict:
    """Fresh networks; projections are random, so that a teacher sees its auxiliaries."""
    torch.manual_seed(5)
    networks = made.trained_modules(samples=5)
    for name, parameter in networks.named_parameters():
        if "projections" in name:
            nn.init.normal_(parameter, std=0.3)
    return networks.eval()


def five_samples() -> Batch:
    """Samples with RGB, depth and edge, of which one lacks depth."""
    rng = np.random.default_rng(0)
    frames = {
        Modality.RGB: torch.from_numpy(rng.integers(0, 256, (5, 70, 90, 3), dtype=np.uint8)),
        Modality.DEPTH: torch.from_numpy(rng.integers(100, 9000, (5, 70, 90)).astype(np.uint16)),
        Modality.EDGE: torch.from_numpy(rng.integers(0, 256, (5, 70, 90), dtype=np.uint8)),
    }
    present = {modality: torch.ones(5, dtype=torch.bool) for modality in frames}
    present[Modality.DEPTH][ABSENT] = False
    return Batch(
        frames,
        present,
        torch.zeros(5, 0),
        torch.from_numpy(rng.normal(0, 0.2, (5, 1)).astype(np.float32)),
        torch.arange(5),
    )


def planned(made: Method) -> Iterator[Phase]:
    """The phases of a run that never ends early."""
    history: list[PhaseRecord] = []
    while (phase := made.next_phase(history)) is not None:
        yield phase
        history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, 0.0, 0.0))


def phase_of(made: Method, name: str) -> Phase:
    return next(phase for phase in planned(made) if phase.name == name)


def values(phase: Phase, networks: nn.ModuleDict, batch: Batch) -> dict[str, float]:
    """The losses by name, after their gradients have been computed (afresh)."""
    networks.zero_grad(set_to_none=True)
    losses = phase.loss(networks, batch).losses
    torch.stack(list(losses.values())).sum().backward()  # type: ignore[no-untyped-call]
    return {name: loss.item() for name, loss in losses.items()}


def outputs_of(network: nn.Module, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
    """Features and predictions in float64."""
    with torch.no_grad():
        output: Output = network(batch)
    return output.features.double().numpy(), output.prediction.double().numpy()


def task_twin(prediction: np.ndarray, batch: Batch) -> np.ndarray:
    """(B,): AML's squared error in units of 10 degrees."""
    return np.asarray((((prediction - batch.label.double().numpy()) / SCALE) ** 2).mean(axis=1))


def has_gradient(network: nn.Module) -> bool:
    return any(
        parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        for parameter in network.parameters()
    )
