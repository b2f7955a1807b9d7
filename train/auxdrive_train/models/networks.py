"""The networks of every method: one modality alone, the supermodel that a teacher is, and late
fusion.

Each takes a batch and returns `Output`. Legend: B batch, D features, M modalities.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import cast

import torch
from auxdrive.cards import PreprocessingSpec
from auxdrive.errors import UsageError, unknown_name
from auxdrive.modalities import Modality
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.models import BACKBONES
from auxdrive_train.models.backbone import ImageEncoder
from auxdrive_train.models.inputs import ModalityInput
from auxdrive_train.models.maps import NOTHING, Kept, Widths
from auxdrive_train.tasks.base import Task


@dataclass(frozen=True)
class Output:
    """What a network gives for a batch.

    Attributes:
        features: (B, D) before the head.
        prediction: (B, *label_shape) in physical units.
        maps: the intermediate maps (B, C, h, w) that were asked for, by name.
    """

    features: Tensor
    prediction: Tensor
    maps: Mapping[str, Tensor] = field(default_factory=dict)


class Network(nn.Module):
    """A network that predicts the task from some modalities of a batch."""

    modalities: tuple[Modality, ...]

    @property
    def widths(self) -> Widths:
        """How wide its features are, and which maps it can be asked for."""
        raise TypeError(f"{type(self).__name__} does not say how wide its features are")

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features and prediction.

        Args:
            batch: the samples.
            maps: names of `widths.maps` that the output is to hold.

        Raises:
            UsageError: there is no such map.
        """
        del maps
        raise TypeError(
            f"{type(self).__name__} does not say how it predicts from {sorted(batch.frames)}"
        )

    def keeping(self, maps: Collection[str]) -> Kept:
        """For one pass: keeps the maps of these names.

        Raises:
            UsageError: there is no such map.
        """
        for name in maps:
            if name not in self.widths.maps:
                raise UsageError(unknown_name("map", name, self.widths.maps))
        return Kept(maps)


class SingleNetwork(Network):
    """Encoder and head on one modality. On RGB it is what a method hands over as its student."""

    def __init__(self, modality: Modality, build: Build) -> None:
        super().__init__()
        self.modalities = (modality,)
        self.input = ModalityInput(modality, build.preprocessing)
        self.encoder: ImageEncoder = build.encoder(self.input.channels)
        self.head = build.head(self.encoder.feature_dim)

    @property
    def modality(self) -> Modality:
        """The one that it sees."""
        return self.modalities[0]

    @property
    def widths(self) -> Widths:
        """The encoder's."""
        return Widths(self.encoder.feature_dim, self.encoder.map_channels)

    def features(self, frames: Tensor, kept: Kept = NOTHING) -> Tensor:
        """Stored frames -> (B, D)."""
        return self.encoder.trunk(self.encoder.stem(self.input(frames)), kept)

    def predict(self, frames: Tensor, ego_be: Tensor) -> Tensor:
        """Stored frames (B, H, W, ...) and ego inputs (B, E) -> prediction (B, *label_shape): what
        is exported.
        """
        prediction: Tensor = self.head(self.features(frames), ego_be)
        return prediction

    def encode(self, batch: Batch, kept: Kept = NOTHING) -> Tensor:
        """Features (B, D); zero, as the maps that are kept, where the sample lacks the modality."""
        frames, present = batch.frames[self.modality], batch.present[self.modality]
        return of_present(self.encoder, partial(self.features, kept=kept), frames, present, kept)

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features and prediction from this network's modality."""
        kept = self.keeping(maps)
        features = self.encode(batch, kept)
        return Output(features, self.head(features, batch.ego_be), kept.maps)


class FusedNetwork(Network):
    """The supermodel of a `SingleNetwork` (SAMD, A.7): trunk(stem(x_m) + sum_a
    projection_a(stem_a(x_a))).

    With zero projections it is the single network, bit for bit, whatever the auxiliaries show.
    `head` is the single network's own head where both share it. A sample that lacks a modality gets
    nothing added for it.
    """

    def __init__(
        self,
        main: Modality,
        auxiliaries: Sequence[Modality],
        build: Build,
        head: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.modalities = (main, *auxiliaries)
        self.auxiliaries = tuple(auxiliaries)
        self.input = ModalityInput(main, build.preprocessing)
        self.encoder: ImageEncoder = build.encoder(self.input.channels)
        self.head = build.head(self.encoder.feature_dim) if head is None else head
        self.auxiliary_inputs = nn.ModuleDict(
            {m.value: ModalityInput(m, build.preprocessing) for m in auxiliaries}
        )
        channels = {
            m: cast(ModalityInput, self.auxiliary_inputs[m.value]).channels for m in auxiliaries
        }
        self.auxiliary_stems = nn.ModuleDict(
            {m.value: build.stem(channels[m]) for m in auxiliaries}
        )
        width = self.encoder.stem_channels
        self.projections = nn.ModuleDict({m.value: nn.Conv2d(width, width, 1) for m in auxiliaries})

    @property
    def widths(self) -> Widths:
        """The encoder's; the map "stem" is the sum over the modalities."""
        return Widths(self.encoder.feature_dim, self.encoder.map_channels)

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features and prediction from the main modality and the auxiliaries."""
        kept = self.keeping(maps)
        merged = self.encoder.stem(self.input(batch.frames[self.modalities[0]]))
        for modality in self.auxiliaries:
            encode = partial(self._added, modality.value)
            stem = self.auxiliary_stems[modality.value]
            added = of_present(stem, encode, batch.frames[modality], batch.present[modality])
            merged = merged + added
        features = self.encoder.trunk(merged, kept)
        return Output(features, self.head(features, batch.ego_be), kept.maps)

    def _added(self, name: str, frames: Tensor) -> Tensor:
        """What an auxiliary adds to the main modality's stem."""
        added: Tensor = self.projections[name](
            self.auxiliary_stems[name](self.auxiliary_inputs[name](frames))
        )
        return added


class LateFusionNetwork(Network):
    """Concatenated encoder outputs and one head (UMT 2023, section 2). A modality that is absent
    contributes zeros.
    """

    def __init__(self, modalities: Sequence[Modality], build: Build) -> None:
        super().__init__()
        self.modalities = tuple(modalities)
        self.inputs = nn.ModuleDict(
            {m.value: ModalityInput(m, build.preprocessing) for m in modalities}
        )
        self.encoders = nn.ModuleDict(
            {
                m.value: build.encoder(cast(ModalityInput, self.inputs[m.value]).channels)
                for m in modalities
            }
        )
        self.head = build.head(self.widths.features)

    @property
    def widths(self) -> Widths:
        """All encoders' features together; maps are named "depth.stem" and so on."""
        encoders = {name: cast(ImageEncoder, encoder) for name, encoder in self.encoders.items()}
        return Widths(
            sum(encoder.feature_dim for encoder in encoders.values()),
            {
                f"{modality}.{name}": channels
                for modality, encoder in encoders.items()
                for name, channels in encoder.map_channels.items()
            },
        )

    def encode(self, batch: Batch, kept: Kept = NOTHING) -> dict[Modality, Tensor]:
        """Each modality's features (B, D); zero, as the maps that are kept, where the sample lacks
        the modality.
        """
        features = {}
        for modality in self.modalities:
            encoder, prefix = self.encoders[modality.value], f"{modality.value}."
            own = Kept(name.removeprefix(prefix) for name in kept.wanted if name.startswith(prefix))
            encode = partial(self._encode, modality.value, own)
            features[modality] = of_present(
                encoder, encode, batch.frames[modality], batch.present[modality], own
            )
            for name, maps in own.maps.items():
                kept.show(prefix + name, maps)
        return features

    def _encode(self, name: str, kept: Kept, frames: Tensor) -> Tensor:
        encoder = cast(ImageEncoder, self.encoders[name])
        return encoder.trunk(encoder.stem(self.inputs[name](frames)), kept)

    def fuse(self, features: Mapping[Modality, Tensor], batch: Batch) -> Output:
        """The head on features (B, D) by modality, as `encode` made them."""
        joined = torch.cat([features[modality] for modality in self.modalities], dim=1)
        return Output(joined, self.head(joined, batch.ego_be))

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features (B, M D) and prediction."""
        kept = self.keeping(maps)
        return replace(self.fuse(self.encode(batch, kept), batch), maps=kept.maps)


def of_present(
    module: nn.Module,
    encode: Callable[[Tensor], Tensor],
    frames: Tensor,
    present_b: Tensor,
    kept: Kept = NOTHING,
) -> Tensor:
    """encode(frames), (B, ...), for the samples that have the modality, and zeros for the others.
    Likewise the maps that `encode` leaves in `kept`.

    What is absent does not pass through `encode` at all: its zero frames would enter the batch
    statistics of `module`. A sample that is alone in having the modality has no batch statistics:
    in training it is normalised by the running ones, as in evaluation, and adds nothing to them. It
    is learned from like any other.
    """
    if bool(present_b.all()) and len(frames) > 1:
        return encode(frames)
    rows = torch.nonzero(present_b).flatten()
    if not len(rows):
        with torch.no_grad(), _by_running_statistics(module):
            like = encode(frames[:1])
        kept.change(partial(_zeros_like, count=len(frames)))
        return _zeros_like(like, len(frames))
    # torch cannot pick rows of uint16, but it can of the same bits as int16.
    picked = (
        frames.view(torch.int16)[rows].view(torch.uint16)
        if frames.dtype == torch.uint16
        else frames[rows]
    )
    with _by_running_statistics(module) if len(rows) == 1 else nullcontext():
        encoded = encode(picked)

    def in_place(tensor: Tensor) -> Tensor:
        return _zeros_like(tensor, len(frames)).index_copy(0, rows, tensor)

    kept.change(in_place)
    return in_place(encoded)


def _zeros_like(tensor: Tensor, count: int) -> Tensor:
    """Zeros (count, ...) for a tensor (B, ...)."""
    return tensor.new_zeros((count, *tensor.shape[1:]))


@contextmanager
def _by_running_statistics(module: nn.Module) -> Iterator[None]:
    """The module in evaluation mode; gradients flow as before."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@dataclass(frozen=True)
class Build:
    """How a run builds its networks: one backbone, one preprocessing, one task for all of them.

    Raises:
        UsageError: no such backbone.
    """

    backbone: str
    preprocessing: PreprocessingSpec
    task: Task
    dropout: float = 0.1

    def __post_init__(self) -> None:
        BACKBONES[self.backbone]  # an unknown one shows at once

    def encoder(self, channels: int) -> ImageEncoder:
        """A fresh encoder for that many input channels."""
        return BACKBONES[self.backbone].encoder(channels, self.preprocessing.size)

    def stem(self, channels: int) -> nn.Module:
        """A fresh stem alone."""
        return BACKBONES[self.backbone].stem(channels)

    def head(self, feature_dim: int) -> nn.Module:
        """A fresh head of the task."""
        return self.task.head(feature_dim, self.dropout)
