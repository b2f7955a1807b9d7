"""The student's pass as in int8: the numbers of a twin in whole numbers, gradients, frozen batch
norm, and passes that change.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.errors import ConfigError
from auxdrive.modalities import Modality
from auxdrive_train import Build, SingleNetwork
from auxdrive_train.quantization.fake import FakeQuantizer
from auxdrive_train.quantization.tape import record
from auxdrive_train.quantization.weights import (
    LARGEST,
    LEAST,
    quantised_weights,
    rounded,
    weight_scales,
)
from auxdrive_train.tasks.steering_angle import SteeringTask
from torch import nn
from torch.nn import functional

IMAGES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 70, 90, 3), dtype=np.uint8))
EGO = torch.zeros((6, 0))


def student(backbone: str = "pilotnet_bn") -> SingleNetwork:
    torch.manual_seed(1)
    build = Build(backbone, PreprocessingSpec(size=(64, 80)), SteeringTask(), dropout=0.0)
    network = SingleNetwork(Modality.RGB, build)
    for each in network.modules():
        if isinstance(each, nn.BatchNorm2d):
            nn.init.uniform_(each.weight, 0.5, 2.0)
            nn.init.uniform_(each.bias, -0.5, 0.5)
            each.running_mean.uniform_(-0.5, 0.5)
            each.running_var.uniform_(0.5, 2.0)
    return network.eval()


def quantised(network: SingleNetwork) -> FakeQuantizer:
    quantizer = FakeQuantizer(network, record(network, IMAGES[:2], EGO[:2]))
    quantizer.measure(network, lambda: [(IMAGES[:4], EGO[:4]), (IMAGES[4:], EGO[4:])])
    return quantizer


def test_rounding_is_by_the_definition_and_gradients_pass_where_nothing_is_cut_off() -> None:
    values = torch.linspace(-2, 2, 4001, requires_grad=True)
    scale = torch.tensor(1.3 / LARGEST)
    made = rounded(values, scale, LEAST)
    whole = np.rint(values.detach().numpy() / scale.numpy())
    assert np.array_equal(made.detach().numpy(), whole.clip(LEAST, LARGEST) * scale.numpy())
    made.sum().backward()
    within = (whole >= LEAST) & (whole <= LARGEST)
    assert np.array_equal(values.grad.numpy(), within.astype(np.float32))
    assert 0 < within.mean() < 1


@pytest.mark.parametrize("shape", [(5, 3, 4, 4), (7, 11)])
def test_weights_are_rounded_as_the_exporter_stores_them(shape: tuple[int, ...]) -> None:
    weights = torch.randn(shape, generator=torch.Generator().manual_seed(3))
    weights[2] = 0.0
    whole, scales = quantised_weights(weights.numpy(), 0)
    ours = weight_scales(weights)
    assert np.array_equal(ours.flatten().numpy(), scales)
    stored = whole.astype(np.float32) * scales.reshape(-1, *[1] * (len(shape) - 1))
    assert np.array_equal(rounded(weights, ours, -LARGEST).numpy(), stored)


def test_a_layer_gives_the_numbers_of_a_twin_in_whole_numbers() -> None:
    network = student()
    quantizer = quantised(network)
    seen = {}
    conv, norm = network.encoder.convolutions[0], network.encoder.convolutions[1]
    conv.register_forward_hook(lambda _, given, made: seen.update(given=given[0], made=made))
    with torch.no_grad(), quantizer.simulated():
        network.predict(IMAGES, EGO)
    step = np.float32(quantizer.ranges[0] / LARGEST)
    image = np.rint(seen["given"].numpy() / step)
    assert np.allclose(image * step, seen["given"].numpy(), rtol=1e-6)
    assert image.min() >= LEAST
    assert image.max() <= LARGEST
    factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    folded = (conv.weight * factor.reshape(-1, 1, 1, 1)).detach().numpy()
    whole, scales = quantised_weights(folded, 0)
    sums = functional.conv2d(
        torch.from_numpy(image).double(), torch.from_numpy(whole).double(), stride=2
    ).numpy()
    assert np.array_equal(sums, np.rint(sums))
    assert np.abs(sums).max() < 2**31
    bias = ((conv.bias - norm.running_mean) * factor + norm.bias).detach().numpy()
    by_output = (1, -1, 1, 1)
    wanted = sums * step * scales.reshape(by_output) + bias.reshape(by_output)
    np.testing.assert_allclose(seen["made"].numpy(), wanted, rtol=0, atol=2e-5)


@pytest.mark.parametrize("backbone", ["pilotnet", "resnet18"])
def test_training_computes_what_evaluation_simulates_and_every_parameter_learns(
    backbone: str,
) -> None:
    network = student(backbone)
    quantizer = quantised(network)
    with torch.no_grad():
        plain = network.predict(IMAGES, EGO)
        with quantizer.simulated():
            simulated = network.predict(IMAGES, EGO)
    trained = network.train().predict(IMAGES, EGO)
    assert torch.equal(trained, simulated)
    assert not torch.equal(plain, simulated)
    trained.square().mean().backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().sum() > 0, name
    assert all(each.training for each in network.modules())


def test_running_statistics_follow_the_batches_as_those_of_batch_norm_do() -> None:
    """But for what rounding adds; a channel that batch norm takes out stays as it was."""
    network, twin = student(), student()
    for each in (network, twin):
        with torch.no_grad():
            each.encoder.convolutions[1].weight[3] = 0.0
    quantised(network)
    start = [buffer.clone() for buffer in network.buffers()]
    network.train().predict(IMAGES, EGO)
    twin.encoder.convolutions[1].train()
    twin.predict(IMAGES, EGO)
    ours, theirs = network.encoder.convolutions[1], twin.encoder.convolutions[1]
    kept = torch.arange(24) != 3
    for name in ("running_mean", "running_var"):
        found, wanted = getattr(ours, name), getattr(theirs, name)
        torch.testing.assert_close(found[kept], wanted[kept], rtol=5e-3, atol=5e-3)
        assert found[3] == getattr(student().encoder.convolutions[1], name)[3]
    assert not all(map(torch.equal, start, network.buffers()))
    network.eval()
    still = [buffer.clone() for buffer in network.buffers()]
    network.predict(IMAGES, EGO)
    assert all(map(torch.equal, still, network.buffers()))


def test_it_is_no_part_of_the_student() -> None:
    network = student()
    names = list(network.state_dict())
    quantizer = quantised(network)
    assert list(network.state_dict()) == names
    assert list(quantizer.state_dict()) == ["ranges"]
    assert (quantizer.ranges > 0).all()
    assert quantizer.layers == 5


class Moody(nn.Module):
    """A layer that does something else in training."""

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return torch.tanh(maps) if self.training else torch.sigmoid(maps)


def test_a_pass_that_changes_is_refused() -> None:
    network = student("pilotnet")
    network.encoder.convolutions[1] = Moody()
    network.eval()
    quantised(network)
    with pytest.raises(ConfigError, match="calls 'tanh' where it called 'sigmoid'"):
        network.train().predict(IMAGES, EGO)


class Residual(nn.Module):
    """A residual block, which may change its maps in place, as torchvision's do."""

    def __init__(self, in_place: bool) -> None:
        super().__init__()
        self.in_place = in_place
        self.conv = nn.Conv2d(24, 24, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(24)
        self.relu = nn.ReLU(inplace=in_place)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        made = self.norm(self.conv(maps))
        if self.in_place:
            made += maps
            return self.relu(made)
        return self.relu(made + maps)


def test_a_network_that_computes_in_place_is_rounded_as_any_other() -> None:
    found = []
    for in_place in (False, True):
        network = student("pilotnet")
        torch.manual_seed(5)
        network.encoder.convolutions[1] = Residual(in_place)
        network.eval()
        quantizer = quantised(network)
        assert len(quantizer.maps) == 11
        prediction = network.train().predict(IMAGES, EGO)
        prediction.sum().backward()
        gradient = network.encoder.convolutions[0].weight.grad
        found.append((quantizer.ranges, prediction.detach(), gradient))
    assert all(map(torch.equal, *found))


class Shared(nn.Module):
    """A head with a large and a small layer on the same map: the small one stays in float32."""

    def __init__(self) -> None:
        super().__init__()
        self.large = nn.Linear(100, 4000)
        self.small = nn.Linear(100, 1)
        self.last = nn.Linear(4000, 1)

    def forward(self, features_bd: torch.Tensor, ego_be: torch.Tensor) -> torch.Tensor:
        del ego_be
        return self.small(features_bd) + self.last(self.large(features_bd))


def test_a_layer_in_float_is_given_the_map_as_it_was_before_it_was_rounded() -> None:
    network = student("pilotnet")
    network.head = Shared()
    quantizer = quantised(network)
    assert [node.weights for node in quantizer.plan.layers.values()][-1] == "head.large.weight"
    seen = {}
    for name, each in (("small", network.head.small), ("large", network.head.large)):
        each.register_forward_hook(lambda _, __, made, name=name: seen.update({name: made}))
    kept = []
    network.encoder.dense.register_forward_hook(lambda _, __, made: kept.append(made))
    with torch.no_grad(), quantizer.simulated():
        network.predict(IMAGES, EGO)
    (given,) = kept
    before = quantizer._unrounded[id(given)][1]
    assert not torch.equal(given, before)
    assert torch.equal(seen["small"], network.head.small(before))
