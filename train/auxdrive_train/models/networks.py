"""The networks that methods train: one on a single modality, the fused network of a teacher, and
late fusion.

Each takes a batch and returns an `Output`.

Legend: B batch, D features, M modalities.
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
    """What a network computes for a batch.

    Attributes:
        features: (B, D), the input of the head.
        prediction: (B, *label_shape), in physical units.
        maps: by name, the intermediate maps (B, C, h, w) that were asked for.

    Examples:
        >>> import torch
        >>> from auxdrive_train import Output
        >>> output = Output(features=torch.zeros(2, 100), prediction=torch.zeros(2, 1))
        >>> output.maps
        {}
    """

    features: Tensor
    prediction: Tensor
    maps: Mapping[str, Tensor] = field(default_factory=dict)


class Network(nn.Module):
    """Base class of networks that predict the task from some modalities of a batch.

    Attributes:
        modalities: what the network sees.

    Examples:
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import Build, SingleNetwork
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("pilotnet", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> network = SingleNetwork(Modality.RGB, build)
        >>> network.widths.features, list(network.widths.maps)
        (100, ['stem', 'conv4', 'conv5'])
    """

    modalities: tuple[Modality, ...]

    @property
    def widths(self) -> Widths:
        """How wide its features are, and which intermediate maps it has."""
        raise TypeError(f"{type(self).__name__} does not say how wide its features are")

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features and prediction.

        Args:
            batch: the samples.
            maps: names of the intermediate maps to keep, from `widths.maps`.

        Raises:
            UsageError: there is no such map.
        """
        del maps
        raise TypeError(
            f"{type(self).__name__} does not say how it predicts from {sorted(batch.frames)}"
        )

    def keeping(self, maps: Collection[str]) -> Kept:
        """A collector for the maps of one pass; see `Kept`.

        Raises:
            UsageError: there is no such map.
        """
        for name in maps:
            if name not in self.widths.maps:
                raise UsageError(unknown_name("map", name, self.widths.maps))
        return Kept(maps)


class SingleNetwork(Network):
    """Encoder and head on one modality. On RGB, this is the student that a method hands over.

    Args:
        modality: what it sees.
        build: makes encoder and head.

    Examples:
        >>> import torch
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import Build, SingleNetwork
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("pilotnet", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> student = SingleNetwork(Modality.RGB, build)
        >>> images = torch.zeros(2, 120, 160, 3, dtype=torch.uint8)
        >>> student.predict(images, ego_be=torch.zeros(2, 0)).shape
        torch.Size([2, 1])
    """

    def __init__(self, modality: Modality, build: Build) -> None:
        super().__init__()
        self.modalities = (modality,)
        self.input = ModalityInput(modality, build.preprocessing)
        self.encoder: ImageEncoder = build.encoder(self.input.channels)
        self.head = build.head(self.encoder.feature_dim)

    @property
    def modality(self) -> Modality:
        """The modality that it sees."""
        return self.modalities[0]

    @property
    def widths(self) -> Widths:
        """Those of the encoder."""
        return Widths(self.encoder.feature_dim, self.encoder.map_channels)

    def features(self, frames: Tensor, kept: Kept = NOTHING) -> Tensor:
        """Features (B, D) of stored frames."""
        return self.encoder.trunk(self.encoder.stem(self.input(frames)), kept)

    def predict(self, frames: Tensor, ego_be: Tensor) -> Tensor:
        """The prediction (B, *label_shape) from stored frames and ego inputs (B, E). This is what
        is exported.
        """
        prediction: Tensor = self.head(self.features(frames), ego_be)
        return prediction

    def encode(self, batch: Batch, kept: Kept = NOTHING) -> Tensor:
        """Features (B, D). A sample that lacks the modality gets zero features, and zeros in kept
        maps.
        """
        frames, present = batch.frames[self.modality], batch.present[self.modality]
        return of_present(self.encoder, partial(self.features, kept=kept), frames, present, kept)

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features (B, D) and prediction, from this network's modality."""
        kept = self.keeping(maps)
        features = self.encode(batch, kept)
        return Output(features, self.head(features, batch.ego_be), kept.maps)


class FusedNetwork(Network):
    """The teacher of SAMD (AML, appendix A.7): a `SingleNetwork` on the main modality to whose stem
    the auxiliaries are added, trunk(stem(x_m) + sum_a projection_a(stem_a(x_a))).

    If all projections are zero, it computes the same as the single network, bit for bit, whatever
    the auxiliaries show. Nothing is added for a modality that a sample lacks.

    Args:
        main: the main modality.
        auxiliaries: the modalities that are added.
        build: makes encoder, stems and head.
        head: the single network's head, if the two share it.

    Examples:
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import Build, FusedNetwork, SingleNetwork
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("pilotnet", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> student = SingleNetwork(Modality.RGB, build)
        >>> teacher = FusedNetwork(Modality.RGB, [Modality.DEPTH], build, head=student.head)
        >>> teacher.head is student.head
        True
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
        """Those of the encoder; the map "stem" is the sum over the modalities."""
        return Widths(self.encoder.feature_dim, self.encoder.map_channels)

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features (B, D) and prediction, from the main modality and the auxiliaries."""
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
        """What an auxiliary modality adds after the stem."""
        added: Tensor = self.projections[name](
            self.auxiliary_stems[name](self.auxiliary_inputs[name](frames))
        )
        return added


class LateFusionNetwork(Network):
    """An encoder per modality, and one head on all their features (UMT 2023, section 2). The
    features of an absent modality are zero.

    Args:
        modalities: what it sees.
        build: makes encoders and head.

    Examples:
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive.modalities import Modality
        >>> from auxdrive_train import Build, LateFusionNetwork
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("pilotnet", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> LateFusionNetwork([Modality.RGB, Modality.DEPTH], build).widths.features
        200
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
        """The features of all encoders together; the maps' names begin with the modality, as in
        "depth.stem".
        """
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
        """Each modality's features (B, D). If a sample lacks the modality, its features and kept
        maps are zero.
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
        """The head's output for features (B, D) by modality, as `encode` returns them."""
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
    """Encode the samples that have a modality; all others get zeros.

    Zero frames of absent samples must not reach `encode`, since they would enter the batch
    statistics of `module`. A single present sample has no batch statistics; in training it is
    normalised by the running statistics, as in evaluation, and does not change them. It is learned
    from like any other sample.

    Args:
        module: what `encode` runs; its batch norms are meant above.
        encode: from frames to (b, ...).
        frames: stored frames (B, ...).
        present_b: bool (B,), which samples have the modality.
        kept: the maps in it get zeros for absent samples, too.

    Returns:
        (B, ...).
    """
    if bool(present_b.all()) and len(frames) > 1:
        return encode(frames)
    rows = torch.nonzero(present_b).flatten()
    if not len(rows):
        with torch.no_grad(), _by_running_statistics(module):
            like = encode(frames[:1])
        kept.change(partial(_zeros_like, count=len(frames)))
        return _zeros_like(like, len(frames))
    # torch cannot index uint16, but it can index the same bits as int16.
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
    """Put the module in evaluation mode for a while; gradients flow as usual."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


@dataclass(frozen=True)
class Build:
    """How a run builds its networks: with one backbone, one preprocessing and one task for all of
    them.

    Attributes:
        backbone: name in `auxdrive_train.models.BACKBONES`.
        preprocessing: crop, size and normalisation of the input.
        task: what is predicted.
        dropout: share of the features before the head that training sets to zero.

    Raises:
        UsageError: there is no such backbone.

    Examples:
        >>> from auxdrive.cards import PreprocessingSpec
        >>> from auxdrive_train import Build
        >>> from auxdrive_train.tasks.steering_angle import SteeringTask
        >>> build = Build("resnet18", PreprocessingSpec(size=(66, 200)), SteeringTask())
        >>> build.encoder(channels=3).feature_dim
        512
    """

    backbone: str
    preprocessing: PreprocessingSpec
    task: Task
    dropout: float = 0.1

    def __post_init__(self) -> None:
        BACKBONES[self.backbone]  # so that an unknown name is refused at once

    def encoder(self, channels: int) -> ImageEncoder:
        """A new encoder for that many input channels."""
        return BACKBONES[self.backbone].encoder(channels, self.preprocessing.size)

    def stem(self, channels: int) -> nn.Module:
        """A new stem, without a trunk, for that many input channels."""
        return BACKBONES[self.backbone].stem(channels)

    def head(self, feature_dim: int) -> nn.Module:
        """A new head of the task for features (B, feature_dim)."""
        return self.task.head(feature_dim, self.dropout)
