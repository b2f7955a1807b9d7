"""Networks on vectors: alone, beside images, and in every method."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.data.dataset import Dataset
from auxdrive.modalities import Modality
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.building import make_method
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.phases import PhaseRecord
from auxdrive_train.models.build import Build
from auxdrive_train.models.fusion import FusedNetwork
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.models.supermodel import check_supermodel
from auxdrive_train.models.vectors import VectorEncoder, VectorInput, brought_to
from auxdrive_train.tasks import make_task
from torch import nn
from vector_data import CLUES, NOISE, write_vector_data
from vector_runs import config_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vector_data(tmp_path_factory.mktemp("vectors") / "data")


def build_of(data: Path, hidden: tuple[int, ...]) -> Build:
    card = Dataset.open(data).card
    spec, task = PreprocessingSpec(size=(64, 80)), make_task("classification", card)
    return Build("pilotnet_bn", spec, task, 0.0, vectors=card.vectors, hidden=hidden)


def test_a_vector_is_standardised_by_the_training_samples() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal([1000.0, -3.0, 7.0], [50.0, 0.1, 0.0], (400, 3)).astype(np.float32)
    read = VectorInput(CLUES, 3)
    read.take(rows)
    given = read(torch.from_numpy(rows))
    assert given.shape == (400, 3, 1, 1)
    flat = given.flatten(1).double()
    assert flat.mean(dim=0).abs().max() < 1e-3
    torch.testing.assert_close(
        flat.std(dim=0)[:2], torch.ones(2, dtype=torch.float64), atol=1e-2, rtol=0
    )
    assert (flat[:, 2].abs() < 1e-3).all()  # what does not vary is only centred


def test_the_encoder_is_a_multi_layer_perceptron() -> None:
    torch.manual_seed(0)
    encoder = VectorEncoder(3, (8, 6)).double()
    x = torch.randn(5, 3, dtype=torch.float64)
    first = encoder.first[0]
    assert isinstance(first, nn.Conv2d)
    hidden = np.maximum(
        x.numpy() @ first.weight[:, :, 0, 0].detach().numpy().T + first.bias.detach().numpy(), 0
    )
    second = encoder.later[0][0]  # type: ignore[index]  # a Sequential
    wanted = np.maximum(hidden @ second.weight.detach().numpy().T + second.bias.detach().numpy(), 0)
    np.testing.assert_allclose(encoder(x[:, :, None, None]).detach().numpy(), wanted, atol=1e-12)
    assert torch.equal(VectorEncoder(3, ())(x[:, :, None, None]), x)


def test_maps_of_vectors_and_images_come_to_one_size() -> None:
    image, vector = torch.randn(2, 4, 5, 6), torch.randn(2, 4, 1, 1)
    assert torch.equal(brought_to(vector, image), vector.expand(-1, -1, 5, 6))
    torch.testing.assert_close(brought_to(image, vector), image.mean(dim=(2, 3), keepdim=True))
    assert brought_to(image, image) is image


@pytest.mark.parametrize("hidden", [(8, 6), (6,), ()])
@pytest.mark.parametrize(
    ("main", "auxiliaries"),
    [
        (CLUES, (NOISE,)),
        (CLUES, (Modality.RGB, NOISE)),
        (Modality.RGB, (CLUES, NOISE)),
    ],
)
def test_a_reset_teacher_computes_what_the_student_does_bit_for_bit(
    data: Path, main: Modality, auxiliaries: tuple[Modality, ...], hidden: tuple[int, ...]
) -> None:
    build = build_of(data, hidden)
    torch.manual_seed(0)
    student = SingleNetwork(main, build)
    teacher = FusedNetwork(main, auxiliaries, build, student.head)
    dataset = Dataset.open(data)
    samples = SampleSet.open(dataset, ["train-0"], build.task, (main, *auxiliaries))
    batch = samples.gather(np.arange(6))
    check_supermodel(teacher, student, batch)
    # and the auxiliaries count as soon as their projections are not zero
    seen = teacher.eval()(batch).features
    for projection in teacher.projections.values():
        nn.init.normal_(projection.weight)  # type: ignore[arg-type]  # a convolution
    assert not torch.equal(teacher(batch).features, seen)


EVERY = sorted(name for name in METHODS if METHODS[name].needs_auxiliaries and name != "selection")


@pytest.mark.parametrize("name", EVERY)
def test_every_method_learns_from_vectors_of_another_length(name: str, data: Path) -> None:
    """A step of each phase: vectors among themselves, an image with vectors, one with an image."""
    entry = METHODS[name]
    for main, auxiliaries in (
        (CLUES, (NOISE, Modality.RGB)),
        (Modality.RGB, (CLUES, NOISE)),
    ):
        given = auxiliaries[: entry.most_auxiliaries]
        values = {"method": name, "main": main, "aux": given, "hidden": [100]}
        config = config_of(data, **values)
        dataset = Dataset.open(data)
        made = make_method(config, make_task("classification", dataset.card), dataset.card)
        torch.manual_seed(0)
        networks = made.trained_modules(samples=8)
        samples = SampleSet.open(dataset, ["train-0"], made.task, made.modalities)
        batch = samples.gather(np.arange(8))
        history: list[PhaseRecord] = []
        while (phase := made.next_phase(history)) is not None:
            if phase.begin is not None:
                phase.begin(networks, lambda modality, batch=batch: batch)
            networks.train().requires_grad_(True)
            total = torch.stack(list(phase.loss(networks, batch).losses.values())).sum()
            assert torch.isfinite(total), phase.name
            total.backward()
            history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, 0.0, 0.0))
