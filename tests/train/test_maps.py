"""Intermediate maps: those that are asked for, by name, and at no cost to whoever asks for none."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from auxdrive.cards import CameraSpec, DatasetCard, PreprocessingSpec
from auxdrive.errors import UsageError
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.models import BACKBONES
from auxdrive_train.models.build import Build
from auxdrive_train.models.ensemble import Ensemble
from auxdrive_train.models.excitation import ExcitationNetwork
from auxdrive_train.models.fusion import FusedNetwork, LateFusionNetwork
from auxdrive_train.models.networks import Network, Output, SingleNetwork
from auxdrive_train.tasks import make_task
from torch import Tensor

CARD = DatasetCard(
    name="t", rate_hz=4, modalities=(Modality.RGB,), camera=CameraSpec(width=90, height=70)
)
AUX = (Modality.DEPTH,)


def build(backbone: str) -> Build:
    size = PreprocessingSpec(size=(66, 80))
    return Build(backbone, size, make_task("steering", CARD), dropout=0.0)


NETWORKS: dict[str, Callable[[Build], Network]] = {
    "single": lambda made: SingleNetwork(Modality.RGB, made),
    "fused": lambda made: FusedNetwork(Modality.RGB, AUX, made),
    "late fusion": lambda made: LateFusionNetwork((Modality.RGB, *AUX), made),
    "excitation": lambda made: ExcitationNetwork(Modality.RGB, AUX, made),
    "ensemble": lambda made: Ensemble(
        {modality: SingleNetwork(modality, made) for modality in (Modality.RGB, *AUX)}
    ),
}


def batch_of(count: int = 3, absent: int | None = None) -> Batch:
    generator = torch.Generator().manual_seed(1)
    frames = {
        Modality.RGB: torch.randint(0, 256, (count, 70, 90, 3), generator=generator).byte(),
        Modality.DEPTH: torch.randint(100, 9000, (count, 70, 90), generator=generator).to(
            torch.uint16
        ),
    }
    present = {modality: torch.ones(count, dtype=torch.bool) for modality in frames}
    if absent is not None:
        present[Modality.DEPTH][absent] = False
    return Batch(frames, present, torch.zeros(count, 0), torch.zeros(count, 1), torch.arange(count))


@pytest.fixture(params=sorted(NETWORKS))
def network(request: pytest.FixtureRequest) -> Network:
    torch.manual_seed(0)
    return NETWORKS[request.param](build("pilotnet_bn")).eval()


def test_maps_come_by_name_and_change_nothing_else(network: Network) -> None:
    batch, names = batch_of(), tuple(network.widths.maps)
    assert names
    plain: Output = network(batch)
    asked: Output = network(batch, names)
    assert plain.maps == {}
    assert tuple(asked.maps) == names
    assert plain.features.shape[1] == network.widths.features
    for name, maps in asked.maps.items():
        assert maps.shape[:2] == (3, network.widths.maps[name]), name
    assert torch.equal(plain.features, asked.features)
    assert torch.equal(plain.prediction, asked.prediction)
    one: Output = network(batch, names[-1:])
    assert tuple(one.maps) == names[-1:]
    assert torch.equal(one.maps[names[-1]], asked.maps[names[-1]])


def test_a_map_that_there_is_not_is_refused_with_the_nearest_name(network: Network) -> None:
    name = next(iter(network.widths.maps))
    with pytest.raises(UsageError, match=f"unknown map '{name}x'. Did you mean '{name}'"):
        network(batch_of(), (f"{name}x",))


@pytest.mark.parametrize("backbone", sorted(BACKBONES))
def test_the_features_are_what_the_last_map_says(backbone: str) -> None:
    """The maps are those that the features are made of, on every backbone, in their order."""
    torch.manual_seed(0)
    student = SingleNetwork(Modality.RGB, build(backbone)).eval()
    output: Output = student(batch_of(), tuple(student.widths.maps))
    areas = [maps[0, 0].numel() for maps in output.maps.values()]
    assert areas == sorted(areas, reverse=True)
    assert next(iter(output.maps)) == "stem"
    stem = student.encoder.stem(student.input(batch_of().frames[Modality.RGB]))
    assert torch.equal(output.maps["stem"], stem)
    last = list(output.maps.values())[-1]
    made = (
        student.encoder.dense(last.flatten(1))
        if backbone.startswith("pilotnet")
        else last.mean(dim=(2, 3))
    )
    torch.testing.assert_close(output.features, made)


def test_gradients_go_through_a_map() -> None:
    torch.manual_seed(0)
    student = SingleNetwork(Modality.RGB, build("pilotnet"))
    student(batch_of(), ("conv4",)).maps["conv4"].square().mean().backward()
    assert student.encoder.convolutions[0].weight.grad.abs().sum() > 0
    assert student.encoder.dense[0].weight.grad is None


def test_a_sample_that_lacks_the_modality_has_zero_maps() -> None:
    torch.manual_seed(0)
    network = SingleNetwork(Modality.DEPTH, build("pilotnet_bn")).eval()
    full: Output = network(batch_of(), ("stem",))
    partly: Output = network(batch_of(absent=1), ("stem",))
    assert not partly.maps["stem"][1].any()
    torch.testing.assert_close(partly.maps["stem"][[0, 2]], full.maps["stem"][[0, 2]])
    none: Output = network(batch_of(1, absent=0), ("stem",))
    assert none.maps["stem"].shape == (1, *full.maps["stem"].shape[1:])
    assert not none.maps["stem"].any()


def test_late_fusion_names_maps_by_modality() -> None:
    torch.manual_seed(0)
    network = LateFusionNetwork((Modality.RGB, *AUX), build("pilotnet")).eval()
    output: Output = network(batch_of(absent=0), ("depth.stem", "rgb.conv5"))
    assert not output.maps["depth.stem"][0].any()
    assert output.maps["depth.stem"][1].any()
    assert output.maps["rgb.conv5"].shape[1] == 64


def test_nothing_is_stored_and_no_hook_is_set_where_no_map_is_asked_for() -> None:
    """A map that is not asked for is gone as soon as the next layer has read it."""
    torch.manual_seed(0)
    network = SingleNetwork(Modality.RGB, build("resnet18")).eval()
    made: list[weakref.ref[Tensor]] = []
    stem = network.encoder.stem

    def watched(images: Tensor) -> Tensor:
        maps = stem(images)
        made.append(weakref.ref(maps))
        return maps

    network.encoder.stem = watched  # type: ignore[method-assign]
    with torch.no_grad():
        plain: Output = network(batch_of())
        gc.collect()
        assert made[-1]() is None
        asked: Output = network(batch_of(), ("stem",))
    assert made[-1]() is asked.maps["stem"]
    assert torch.equal(plain.features, asked.features)
    for module in network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
        assert not module._backward_hooks
