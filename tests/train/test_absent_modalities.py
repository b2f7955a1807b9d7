"""A modality that an episode lacks: it is masked, touches no batch statistics, and nobody is
measured on it.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.cards import DatasetCard, PreprocessingSpec
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.evaluate import counted, measure
from auxdrive_train.engine.train import train
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Setup
from auxdrive_train.methods.phases import PhaseRecord
from auxdrive_train.models.build import Build
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.models.present import of_present
from auxdrive_train.tasks import make_task
from torch import nn

EPISODES = ("train-1", "train-2", "train-3")  # the second lacks depth


@pytest.fixture
def samples(stripe_data: Path) -> SampleSet:
    dataset = Dataset.open(stripe_data)
    return SampleSet.open(
        dataset, EPISODES, make_task("steering", dataset.card), (Modality.RGB, Modality.DEPTH)
    )


def build(card: DatasetCard) -> Build:
    return Build(
        "pilotnet_bn", PreprocessingSpec(size=(64, 80)), make_task("steering", card), dropout=0.0
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8, torch.uint16])
def test_only_present_samples_are_encoded(dtype: torch.dtype) -> None:
    norm = nn.BatchNorm2d(1, momentum=1.0)
    frames = torch.arange(4 * 6).reshape(4, 2, 3).to(dtype)
    seen: list[int] = []

    def encode(chosen: torch.Tensor) -> torch.Tensor:
        seen.append(len(chosen))
        return norm(chosen.to(torch.float32).unsqueeze(1))

    present = torch.tensor([True, False, True, False])
    encoded = of_present(norm, encode, frames, present)
    kept = frames.to(torch.float32)[present]
    assert seen == [2]
    assert float(norm.running_mean) == pytest.approx(float(kept.mean()))
    assert (encoded[1] == 0).all()
    assert (encoded[3] == 0).all()
    torch.testing.assert_close(encoded[present], norm.eval()(kept.unsqueeze(1)), atol=0.3, rtol=0.3)


def test_a_batch_without_the_modality_leaves_the_statistics_and_the_mode_alone() -> None:
    norm = nn.BatchNorm2d(1)
    before = norm.running_mean.clone()
    encoded = of_present(
        norm,
        lambda chosen: norm(chosen.unsqueeze(1)),
        torch.ones(3, 4, 5),
        torch.zeros(3, dtype=torch.bool),
    )
    assert encoded.shape == (3, 1, 4, 5)
    assert (encoded == 0).all()
    assert torch.equal(norm.running_mean, before)
    assert norm.training


@pytest.mark.parametrize("name", ["samd", "umt", "dmcl", "kd", "teacher"])
def test_absent_frames_reach_neither_statistics_nor_losses(name: str, samples: SampleSet) -> None:
    """Whatever stands in the absent frames, one training step of every phase gives the same losses,
    gradients and statistics.
    """
    entry = METHODS[name]
    options = entry.options_type(**({"epochs_per_round": 1} if name == "samd" else {}))
    method = entry(Setup(Modality.RGB, (Modality.DEPTH,), build(samples.card), 1), options)
    batch = samples.gather(np.array([0, 1, 2, 30, 31, 32, 60, 61], dtype=np.int64))
    absent = ~batch.present[Modality.DEPTH]
    assert 0 < int(absent.sum()) < batch.size
    garbage = batch.frames[Modality.DEPTH].to(torch.int32)
    garbage[absent] = 12345
    other = Batch(
        {**batch.frames, Modality.DEPTH: garbage.to(torch.uint16)},
        batch.present,
        batch.ego_be,
        batch.label,
        batch.index,
    )
    outcomes = []
    for given in (batch, other):
        torch.manual_seed(0)
        networks = method.trained_modules(samples=100).train()
        history: list[PhaseRecord] = []
        gradients = []
        while (phase := method.next_phase(history)) is not None:
            networks.eval()
            for part in phase.trains:
                networks.get_submodule(part).train()
            torch.stack(list(phase.loss(networks, given).losses.values())).sum().backward()
            gradients += [p.grad.clone() for p in networks.parameters() if p.grad is not None]
            history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, 0.0, 0.0))
        outcomes.append([*gradients, *(buffer.clone() for buffer in networks.buffers())])
    assert len(outcomes[0]) == len(outcomes[1])
    for mine, theirs in zip(*outcomes, strict=True):
        assert torch.equal(mine, theirs)


def test_a_network_of_one_modality_is_measured_where_it_is(samples: SampleSet) -> None:
    card = samples.card
    depth, rgb = (
        SingleNetwork(Modality.DEPTH, build(card)),
        SingleNetwork(Modality.RGB, build(card)),
    )
    lacking = np.array([EPISODES[e] == "train-2" for e in samples.episode_of])
    assert (counted(depth, samples) == ~lacking).all()
    assert counted(rgb, samples).all()
    # Right wherever depth is, and far off where it is not: perfect on depth, and not on RGB.
    predictions = np.where(
        lacking.reshape(-1, *[1] * (samples.label.ndim - 1)), 99.0, samples.label
    ).astype(np.float32)
    measured = measure(
        {"depth": depth, "rgb": rgb},
        {"depth": predictions, "rgb": predictions},
        samples,
        card.steering,
    )
    assert measured["depth"]["r2"] == pytest.approx(1.0)
    assert measured["rgb"]["r2"] < 0


def test_the_oracle_leaves_no_sample_to_a_network_that_does_not_see_it(samples: SampleSet) -> None:
    method = METHODS["dmcl"](
        Setup(Modality.RGB, (Modality.DEPTH,), build(samples.card), 1),
        METHODS["dmcl"].options_type(),
    )
    label = np.zeros((2, 1), dtype=np.float32)
    predictions = {
        "student": np.full((2, 1), 0.3, dtype=np.float32),
        "depth_network": np.zeros((2, 1), dtype=np.float32),
    }
    everywhere = {"student": np.ones(2, dtype=bool), "depth_network": np.ones(2, dtype=bool)}
    nowhere = {**everywhere, "depth_network": np.zeros(2, dtype=bool)}
    assert method.report(predictions, label, everywhere)["oracle_loss"] == 0.0
    assert method.report(predictions, label, nowhere)["oracle_loss"] > 0.0


def test_episodes_without_the_main_modality_are_refused_before_anything_is_written(
    stripe_data: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(stripe_data, data)
    values = {
        "data": str(data),
        "method": "baseline",
        "main": "depth",
        "preprocessing": {"size": [64, 80]},
        "batch_size": 8,
        "epochs": 1,
    }
    with pytest.raises(
        DataError, match=r"1 of 4 episodes lack depth, which the student sees \(train-2\)"
    ):
        train(parse_config(values), tmp_path / "run")
    assert not (tmp_path / "run").exists()
    card = json.loads((data / "dataset.json").read_text())
    card["splits"]["train"].remove("train-2")
    (data / "dataset.json").write_text(json.dumps(card))
    # The same command works once the data are mended: the refused start left nothing in its way.
    assert train(parse_config(values), tmp_path / "run").steps > 0
