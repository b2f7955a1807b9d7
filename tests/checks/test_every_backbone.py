"""What every backbone must do: features and maps of the widths that it states, for any number of
input channels, and a stem of its own for each auxiliary modality. One that is added is covered by
its row.
"""

from __future__ import annotations

import pytest
import torch
from auxdrive_train.models import BACKBONES
from auxdrive_train.models.backbone import Backbone
from auxdrive_train.models.maps import Kept
from torch import Tensor

SIZE = (66, 80)
every_backbone = pytest.mark.parametrize("name", BACKBONES.names())
every_width = pytest.mark.parametrize("channels", [1, 3])


def frames(
    channels: int, device: str = "cpu", dtype: torch.dtype = torch.float32, count: int = 3
) -> Tensor:
    """(count, channels, *SIZE), normalised."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, channels, *SIZE, generator=generator).to(device, dtype)


@every_backbone
@every_width
def test_its_features_and_maps_are_as_wide_as_it_states(
    name: str, channels: int, device: str, dtype: torch.dtype
) -> None:
    torch.manual_seed(0)
    encoder = BACKBONES[name].encoder(channels, SIZE).to(device, dtype).eval()
    images = frames(channels, device, dtype)
    between = encoder.stem(images)
    assert between.shape[1] == encoder.stem_channels
    kept = Kept(encoder.map_channels)
    features = encoder.trunk(between, kept)
    assert features.shape == (3, encoder.feature_dim)
    assert features.dtype == dtype
    assert torch.isfinite(features).all()
    assert {key: maps.shape[1] for key, maps in kept.maps.items()} == encoder.map_channels
    assert next(iter(kept.maps)) == "stem"
    assert torch.equal(kept.maps["stem"], between)
    assert torch.equal(encoder.trunk(between), features)  # asking changes nothing


@every_backbone
def test_a_sample_is_seen_alone_in_evaluation(name: str) -> None:
    """What stands beside it in the batch changes nothing but the order of sums."""
    torch.manual_seed(0)
    encoder = BACKBONES[name].encoder(3, SIZE).double().eval()
    images = frames(3, dtype=torch.float64)
    together, alone = (encoder.trunk(encoder.stem(each)) for each in (images, images[1:2]))
    torch.testing.assert_close(together[1:2], alone, rtol=1e-9, atol=1e-12)


@every_backbone
def test_every_parameter_learns(name: str, device: str) -> None:
    torch.manual_seed(0)
    encoder = BACKBONES[name].encoder(3, SIZE).to(device).train()
    encoder.trunk(encoder.stem(frames(3, device))).square().sum().backward()
    for part, parameter in encoder.named_parameters():
        assert parameter.grad is not None, part
        assert torch.isfinite(parameter.grad).all(), part
        assert parameter.grad.abs().sum() > 0, part


@every_backbone
@every_width
def test_a_stem_alone_gives_what_the_trunk_takes(name: str, channels: int, device: str) -> None:
    """SAMD adds an auxiliary modality's stem to the encoder's own."""
    backbone = BACKBONES[name]
    assert isinstance(backbone, Backbone)
    encoder, stem = backbone.encoder(3, SIZE).to(device), backbone.stem(channels).to(device)
    own, added = encoder.stem(frames(3, device)), stem(frames(channels, device))
    assert own.shape == added.shape
    assert encoder.trunk(own + added).shape == (3, encoder.feature_dim)
