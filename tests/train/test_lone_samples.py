"""A batch in which one sample alone has a modality: it has no batch statistics, and is learned from
like any other.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.data.dataset import Dataset
from auxdrive.modalities import Modality
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Setup
from auxdrive_train.methods.phases import PhaseRecord
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.tasks import make_task
from torch import nn

# The second of these episodes lacks depth: samples 24 and on.
EPISODES = ("train-1", "train-2")
LONE = np.array([3, 24, 30, 40], dtype=np.int64)


def samples_for(task: str, data: Path) -> SampleSet:
    dataset = Dataset.open(data)
    return SampleSet.open(
        dataset, EPISODES, make_task(task, dataset.card), (Modality.RGB, Modality.DEPTH)
    )


@pytest.fixture
def samples(stripe_data: Path) -> SampleSet:
    return samples_for("steering", stripe_data)


def build_of(samples: SampleSet, backbone: str) -> Build:
    return Build(
        backbone,
        PreprocessingSpec(size=(64, 80) if backbone.startswith("pilot") else (32, 32)),
        samples.task,
        dropout=0.0,
    )


def statistics(network: nn.Module, part: str) -> dict[str, torch.Tensor]:
    """Those of a modality's parts; what a student calls by its name it has predicted from RGB."""
    return {
        name: buffer.clone()
        for name, buffer in network.named_buffers()
        if part in name
        and ("running" in name or "batches" in name)
        and not (part and name.startswith("student."))
    }


@pytest.mark.parametrize("backbone", ["resnet18", "pilotnet_bn"])
@pytest.mark.parametrize(
    "name", sorted(name for name in METHODS if METHODS[name].needs_auxiliaries)
)
def test_every_phase_learns_from_a_lone_sample_and_takes_no_statistics_from_it(
    name: str, backbone: str, stripe_data: Path
) -> None:
    """ResNet-18 at 32x32 ends in maps of one pixel: there a lone sample used to be a traceback."""
    entry = METHODS[name]
    samples = samples_for(
        "classification" if entry.needs_probabilities else "steering", stripe_data
    )
    options = entry.options_type.model_validate({"epochs_per_round": 1} if name == "samd" else {})
    method = entry(Setup(Modality.RGB, (Modality.DEPTH,), build_of(samples, backbone), 1), options)
    torch.manual_seed(0)
    networks = method.trained_modules(samples=100).train()
    batch = samples.gather(LONE)
    assert int(batch.present[Modality.DEPTH].sum()) == 1
    before, rgb_before = statistics(networks, "depth"), statistics(networks, "")
    history: list[PhaseRecord] = []
    while (phase := method.next_phase(history)) is not None:
        networks.zero_grad(set_to_none=True)
        total = torch.stack(list(phase.loss(networks, batch).losses.values())).sum()
        assert torch.isfinite(total)
        total.backward()
        history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, 0.0, 0.0))
    after = statistics(networks, "depth")
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert any(
        not torch.equal(value, statistics(networks, "")[key]) for key, value in rgb_before.items()
    )


def test_a_lone_sample_is_encoded_as_in_evaluation_and_its_gradient_arrives(
    samples: SampleSet,
) -> None:
    torch.manual_seed(1)
    network = SingleNetwork(Modality.DEPTH, build_of(samples, "resnet18")).train()
    batch = samples.gather(LONE)
    features = network.encode(batch)
    features.square().sum().backward()
    assert all(
        parameter.grad is not None and bool(parameter.grad.abs().sum() > 0)
        for parameter in network.encoder.parameters()
    )
    assert network.encoder.bn1.training
    torch.testing.assert_close(network.eval().encode(batch), features)
    assert (features[1:] == 0).all()


@pytest.mark.thorough
def test_a_run_whose_modality_is_rare_trains_to_its_end(stripe_data: Path, tmp_path: Path) -> None:
    """Batches of two, of which one or none has depth, as often as not."""
    values = {
        "data": str(stripe_data), "method": "umt", "aux": ["depth"], "backbone": "resnet18",
        "epochs": 1, "batch_size": 2, "threads": 1, "preprocessing": {"size": [32, 32]},
        "options": {"probe_epochs": 1},
    }  # fmt: skip
    result = train(parse_config(values), tmp_path / "run")
    assert set(result.metrics["val"]) == {"student", "fused", "unimodal_rgb", "unimodal_depth"}
