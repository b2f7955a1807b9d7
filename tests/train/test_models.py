"""Networks: the exact reset on every backbone, torchvision's layout, inputs, heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from auxdrive.cards import CameraSpec, DatasetCard, PreprocessingSpec
from auxdrive.errors import ConfigError, DataError, UsageError
from auxdrive.modalities import (
    FIRST_CLASSES,
    MODALITIES,
    SEGMENTATION_CLASSES,
    Modality,
    coarse_ids,
)
from auxdrive_train.data.batch import Batch
from auxdrive_train.models import BACKBONES
from auxdrive_train.models.build import Build
from auxdrive_train.models.fusion import FusedNetwork
from auxdrive_train.models.inputs import ModalityInput
from auxdrive_train.models.mobilenet import MobileNet
from auxdrive_train.models.networks import SingleNetwork
from auxdrive_train.models.pilotnet import PilotNet
from auxdrive_train.models.resnet import resnet18, resnet34
from auxdrive_train.models.supermodel import check_supermodel, reset
from auxdrive_train.models.weight_files import load_weight_file
from auxdrive_train.tasks import make_task
from torch import nn

AUXILIARIES = (
    Modality.DEPTH,
    Modality.SEGMENTATION,
    Modality.LIDAR,
    Modality.EDGE,
    Modality.FREQUENCY,
    Modality.ATTENTION,
)
CARD = DatasetCard(
    name="t", rate_hz=4, modalities=(Modality.RGB,), camera=CameraSpec(width=90, height=70)
)


def count_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def random_batch(seed: int, size: int = 3, task: str = "waypoints") -> Batch:
    rng = np.random.default_rng(seed)
    frames = {}
    for modality in (Modality.RGB, *AUXILIARIES):
        spec = MODALITIES[modality]
        shape = (
            (size, 64, 64, 2) if modality is Modality.LIDAR else (size, *spec.array_shape(70, 90))
        )
        top = spec.categories or np.iinfo(spec.numpy_dtype).max + 1
        frames[modality] = torch.from_numpy(rng.integers(0, top, shape).astype(spec.numpy_dtype))
    made = make_task(task, CARD)
    return Batch(
        frames=frames,
        present={m: torch.ones(size, dtype=torch.bool) for m in frames},
        ego_be=torch.from_numpy(rng.normal(size=(size, 3)).astype(np.float32)),
        label=torch.from_numpy(rng.normal(size=(size, *made.label_shape)).astype(np.float32)),
        index=torch.arange(size),
    )


def build(backbone: str, task: str = "waypoints") -> Build:
    return Build(backbone, PreprocessingSpec(size=(66, 80), crop_top=0.1), make_task(task, CARD))


@pytest.mark.parametrize("task", ["steering", "waypoints"])
@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_after_the_reset_teacher_and_student_agree_to_the_last_bit_for_any_auxiliary(
    backbone: str, task: str
) -> None:
    torch.manual_seed(0)
    made = build(backbone, task)
    student = SingleNetwork(Modality.RGB, made)
    teacher = FusedNetwork(Modality.RGB, AUXILIARIES, made, head=student.head)
    # Make batch-norm buffers and projections say something first.
    for network in (student, teacher):
        network.train()
        for seed in range(2):
            network(random_batch(seed, task=task))
        network.eval()
    before = teacher(random_batch(7, task=task)).prediction
    assert not torch.equal(before, student(random_batch(7, task=task)).prediction)
    reset(teacher, student)
    for seed in (7, 8, 9):
        batch = random_batch(seed, task=task)
        ours, theirs = student(batch), teacher(batch)
        assert torch.equal(ours.prediction, theirs.prediction)
        assert torch.equal(ours.features, theirs.features)


def test_the_reset_teacher_still_learns_from_its_auxiliaries() -> None:
    torch.manual_seed(0)
    made = build("pilotnet")
    student = SingleNetwork(Modality.RGB, made)
    teacher = FusedNetwork(Modality.RGB, (Modality.DEPTH,), made, head=student.head)
    reset(teacher, student)
    batch = random_batch(1)
    (teacher(batch).prediction - batch.label).square().mean().backward()
    gradient = teacher.projections["depth"].weight.grad
    assert gradient is not None
    assert float(gradient.abs().max()) > 0


def test_a_teacher_that_is_no_supermodel_is_refused_with_the_layer() -> None:
    made, other = build("pilotnet"), build("resnet18")
    student = SingleNetwork(Modality.RGB, made)
    with pytest.raises(ConfigError, match=r"layer 'encoder\.bn1"):
        reset(FusedNetwork(Modality.RGB, (Modality.DEPTH,), other), student)

    class Biased(nn.Module):
        """A projection whose bias its zeroing does not reach."""

        def __init__(self, width: int) -> None:
            super().__init__()
            self.convolution = nn.Conv2d(width, width, 1)
            self.register_buffer("shift", torch.ones(1))

        def forward(self, maps: torch.Tensor) -> torch.Tensor:
            return self.convolution(maps) + self.shift

    teacher = FusedNetwork(Modality.RGB, (Modality.DEPTH,), made)
    teacher.projections["depth"] = Biased(48)
    before = {name: tensor.clone() for name, tensor in teacher.state_dict().items()}
    with pytest.raises(ConfigError, match=r"layer 'encoder\.late_convolutions\.0' still differs"):
        check_supermodel(teacher, student, random_batch(2))
    assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())


def test_a_missing_modality_adds_nothing() -> None:
    torch.manual_seed(1)
    teacher = FusedNetwork(Modality.RGB, (Modality.DEPTH,), build("pilotnet")).eval()
    batch = random_batch(3)
    absent = Batch(
        batch.frames,
        {**batch.present, Modality.DEPTH: torch.zeros(3, dtype=torch.bool)},
        batch.ego_be,
        batch.label,
        batch.index,
    )
    other = Batch(
        {**absent.frames, Modality.DEPTH: absent.frames[Modality.DEPTH].clone().zero_()},
        absent.present,
        absent.ego_be,
        absent.label,
        absent.index,
    )
    assert torch.equal(teacher(absent).prediction, teacher(other).prediction)
    assert not torch.equal(teacher(absent).prediction, teacher(batch).prediction)


@pytest.mark.parametrize(
    ("make", "parameters"),
    [
        (resnet18, 11_689_512 - 513_000),
        (resnet34, 21_797_672 - 513_000),
        (MobileNet, 3_774_024 - 2_512_360),
    ],
)
def test_encoders_have_the_published_parameters(make, parameters: int) -> None:
    """torchvision's counts, less its classifier of 512 x 1000 + 1000; timm's, less a layer of
    960 x 1280 with its norm and a classifier of 1280 x 1000 + 1000.
    """
    assert count_parameters(make()) == parameters


def test_torchvision_weight_files_load_and_others_are_refused(tmp_path) -> None:
    source = resnet18()
    state = {
        **source.state_dict(),
        "fc.weight": torch.zeros(1000, 512),
        "fc.bias": torch.zeros(1000),
    }
    torch.save(state, tmp_path / "weights.pth")
    target = resnet18()
    load_weight_file(target, str(tmp_path / "weights.pth"))
    assert all(
        torch.equal(tensor, source.state_dict()[name])
        for name, tensor in target.state_dict().items()
    )
    assert "layer1.0.conv1.weight" in state
    assert "layer2.0.downsample.0.weight" in state
    with pytest.raises(DataError, match="not torchvision weights"):
        load_weight_file(resnet34(), str(tmp_path / "weights.pth"))
    (tmp_path / "weights.pth").write_bytes(b"garbage")
    with pytest.raises(DataError, match="cannot read the weight file"):
        load_weight_file(target, str(tmp_path / "weights.pth"))


@pytest.mark.parametrize("make", [resnet18, MobileNet])
def test_of_equal_images_published_weights_compute_what_they_do_of_one(make) -> None:
    of_one, of_two, images = make(3).eval(), make(6).eval(), torch.rand(2, 3, 64, 64)
    of_two.load_published(of_one.state_dict())
    with torch.no_grad():
        found, wanted = of_two(torch.cat([images, images], dim=1)), of_one(images)
    assert wanted.std() > 0
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_pilotnet_is_the_papers() -> None:
    """Bojarski 2016, figure 4: 64 maps of 1 x 18 before the dense layers, about 250 thousand
    parameters in all.
    """
    network = SingleNetwork(
        Modality.RGB,
        Build("pilotnet", PreprocessingSpec(size=(66, 200)), make_task("steering", CARD)),
    )
    assert network.encoder.late_convolutions(
        network.encoder.stem(torch.zeros(1, 3, 66, 200))
    ).shape == (1, 64 * 18)
    assert 250_000 < count_parameters(network) < 255_000
    with pytest.raises(ConfigError, match="too small"):
        PilotNet(3, (40, 200))


def test_inputs_against_a_numpy_twin() -> None:
    rng = np.random.default_rng(0)
    spec = PreprocessingSpec(size=(20, 30), crop_top=0.2, crop_bottom=0.1)
    image = rng.integers(0, 256, (1, 57, 60, 3), dtype=np.uint8)
    rows = image[:, round(57 * 0.2) : 57 - round(57 * 0.1)].astype(np.float64)
    assert rows.shape[1] == 40  # an exact block of 2 x 2 is left to average
    blocks = rows.reshape(1, 20, 2, 30, 2, 3).mean(axis=(2, 4)) / 255
    wanted = ((blocks - 0.5) / 0.25).transpose(0, 3, 1, 2)
    np.testing.assert_allclose(
        ModalityInput(Modality.RGB, spec)(torch.from_numpy(image)).numpy(), wanted, atol=2e-6
    )
    depth = rng.integers(0, 65536, (2, 40, 60)).astype(np.uint16)
    plain = PreprocessingSpec(size=(40, 60))
    given_m = ModalityInput(Modality.DEPTH, plain)(torch.from_numpy(depth)).numpy()[:, 0]
    np.testing.assert_allclose(given_m, np.log1p(depth * 0.01) / np.log1p(655.35), atol=1e-5)
    ids = rng.integers(0, len(SEGMENTATION_CLASSES), (2, 40, 60)).astype(np.uint8)
    for classes in (len(SEGMENTATION_CLASSES), len(FIRST_CLASSES)):
        planes = ModalityInput(Modality.SEGMENTATION, plain, classes)(torch.from_numpy(ids))
        assert planes.shape[1] == classes
        assert (planes.numpy().argmax(axis=1) == coarse_ids(classes)[ids]).all()
        assert (planes.numpy().sum(axis=1) == 1).all()


def test_timms_weight_files_load_and_others_are_refused(tmp_path: Path) -> None:
    state = {**MobileNet().state_dict(), "conv_head.weight": torch.zeros(1280, 960, 1, 1)}
    assert {"blocks.1.1.bn1.running_var", "blocks.2.0.dw_start.conv.weight"} <= state.keys()
    safetensors.torch.save_file(state, tmp_path / "model.safetensors")
    target = MobileNet()
    load_weight_file(target, str(tmp_path / "model.safetensors"))
    assert all(torch.equal(tensor, state[name]) for name, tensor in target.state_dict().items())
    with pytest.raises(DataError, match="not timm's of mobilenetv4_conv_small"):
        target.load_published({"layer1.weight": torch.zeros(1)})


def test_mobilenet_is_timms_bit_for_bit() -> None:
    timm = pytest.importorskip("timm", reason="timm is not installed", exc_type=ImportError)
    torch.manual_seed(0)
    theirs, ours = timm.create_model("mobilenetv4_conv_small"), MobileNet()
    ours.load_published(theirs.state_dict())
    images = torch.rand(2, 3, 68, 128)
    assert torch.equal(ours(images), theirs.forward_features(images).mean(dim=(2, 3)))


def test_an_unknown_backbone_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean 'resnet18'"):
        build("resnet81")
