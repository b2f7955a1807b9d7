"""What a network is, and the network on a single modality. Those on several modalities are in
`auxdrive_train.models.fusion`.

Each takes a batch and returns an `Output`.

Legend: B batch, D features.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from auxdrive.errors import UsageError, unknown_name
from auxdrive.modalities import Modality
from torch import Tensor, nn

from auxdrive_train.data.batch import Batch
from auxdrive_train.models.encoder import ImageEncoder
from auxdrive_train.models.inputs import Frames
from auxdrive_train.models.maps import NOTHING, Kept, Widths
from auxdrive_train.models.present import of_present

if TYPE_CHECKING:
    from auxdrive_train.models.build import Build

FEATURES = "features"
HEAD = "head"
"""The parts of a `SingleNetwork`."""
Computing = Callable[[nn.Module, str], AbstractContextManager[Any]]
"""Given a network and one of its parts, what that part computes within."""


def plainly(network: nn.Module, part: str) -> AbstractContextManager[None]:
    """A part computes as it is written.

    Args:
        network: whose part it is.
        part: `FEATURES` or `HEAD`.
    """
    del network, part
    return nullcontext()


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

    def encoded(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """Each of its encoders' features, (B, D), by the modality that it sees ("features" for a
        network that has but one kind), and the prediction.

        Args:
            batch: the samples.
        """
        output = self(batch)
        return {"features": output.features}, output.prediction

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
        encoder: in place of one that the build makes.
        head: likewise, such as one that it shares.

    Attributes:
        computing: changes how the parts compute while it is trained, as fake quantisation does
            (`auxdrive_train.quantization.fake`); by default it changes nothing.

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

    def __init__(
        self,
        modality: Modality,
        build: Build,
        encoder: ImageEncoder | None = None,
        head: nn.Module | None = None,
    ) -> None:
        super().__init__()
        self.modalities = (modality,)
        self.input = build.input(modality)
        self.encoder = build.encoder(modality) if encoder is None else encoder
        self.head = build.head(self.encoder.feature_dim) if head is None else head
        self.computing: Computing = plainly

    @property
    def modality(self) -> Modality:
        """The modality that it sees."""
        return self.modalities[0]

    @property
    def widths(self) -> Widths:
        """Those of the encoder."""
        return Widths(self.encoder.feature_dim, self.encoder.map_channels)

    def features(self, frames: Frames, kept: Kept = NOTHING) -> Tensor:
        """Features (B, D) of stored frames.

        Args:
            frames: of the modality, in the stored dtype; see `ModalityInput.forward`.
            kept: keeps those of the encoder's maps that it wants; by default none.
        """
        with self.computing(self, FEATURES):
            return self.encoder.trunk(self.encoder.stem(self.input(frames)), kept)

    def _headed(self, features: Tensor, ego_be: Tensor) -> Tensor:
        with self.computing(self, HEAD):
            prediction: Tensor = self.head(features, ego_be)
        return prediction

    def predict(self, frames: Frames, ego_be: Tensor) -> Tensor:
        """The prediction (B, *label_shape) in physical units. This is what is exported.

        Args:
            frames: of the modality, in the stored dtype; see `ModalityInput.forward`.
            ego_be: (B, E), ego inputs in physical units.
        """
        return self._headed(self.features(frames), ego_be)

    def encode(self, batch: Batch, kept: Kept = NOTHING) -> Tensor:
        """Features (B, D). A sample that lacks the modality gets zero features, and zeros in kept
        maps.

        Args:
            batch: the samples.
            kept: keeps those of the encoder's maps that it wants; by default none.
        """
        frames, present = batch.frames[self.modality], batch.present[self.modality]
        return of_present(self.encoder, partial(self.features, kept=kept), frames, present, kept)

    def encoded(self, batch: Batch) -> tuple[dict[str, Tensor], Tensor]:
        """Its encoder's features, (B, D), by its modality, and the prediction.

        Args:
            batch: the samples.
        """
        output = self(batch)
        return {self.modality.value: output.features}, output.prediction

    def forward(self, batch: Batch, maps: Collection[str] = ()) -> Output:
        """Features (B, D) and prediction, from this network's modality.

        Args:
            batch: the samples.
            maps: names of the intermediate maps to keep, from `widths.maps`.

        Raises:
            UsageError: there is no such map.
        """
        kept = self.keeping(maps)
        features = self.encode(batch, kept)
        return Output(features, self._headed(features, batch.ego_be), kept.maps)
