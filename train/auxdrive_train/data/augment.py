"""Augmentation of a batch: all modalities are mirrored together; light is changed in the RGB image
only.

Legend: B samples, H, W image rows and columns.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import DataError
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.strict import Strict
from pydantic import Field
from torch import Tensor

from auxdrive_train.data.batch import Batch
from auxdrive_train.tasks.base import Task

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the grey value (ITU-R BT.601)."""
CPU_CHUNK = 8
"""How many images a CPU changes at a time: two float32 buffers of this many fit its caches."""


class AugmentConfig(Strict):
    """`augment:` in the config: random changes of training samples.

    Without `speed_noise`, a student learns to read from the speed what it should see in the image:
    a fast car goes straight, a standing car stays (causal confusion, de Haan et al. 2019). The
    noise is added to the speed and is not a share of it, so that it also disturbs samples at rest.
    With a share, a standing car's speed would stay zero, and the student would never have to look
    whether the light is green. `speed_dropout` goes further: the speed says nothing at all then.
    """

    mirror: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="probability that a sample, with its label, is mirrored left to right",
    )
    brightness: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="x: a factor from 1 - x to 1 + x, drawn for each sample",
    )
    contrast: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="x: likewise, a factor on differences from the image's mean grey",
    )
    saturation: float = Field(
        default=0.2,
        ge=0,
        le=1,
        description="x: likewise, a factor on differences from each pixel's grey",
    )
    gamma: float = Field(
        default=0.0,
        ge=0,
        le=4,
        description=(
            "x: an exponent from 1 / (1 + x) to 1 + x, drawn for each sample, uniform in its "
            "logarithm"
        ),
    )
    noise: float = Field(
        default=0.0,
        ge=0,
        le=0.5,
        description=(
            "standard deviation of Gaussian noise in each pixel and channel, as a share of the "
            "largest value"
        ),
    )
    speed_noise: float = Field(
        default=0.0,
        ge=0,
        le=30,
        description=(
            "standard deviation, in m/s, of Gaussian noise that is added to the speed that the "
            "network is given"
        ),
    )
    speed_dropout: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description=(
            "probability that a sample is given the speed, and the time since it stands, of "
            "another sample of the batch: what it predicts must then come from the image"
        ),
    )

    @property
    def photometric(self) -> bool:
        """Whether light in the RGB image is changed at all."""
        return any(
            value > 0
            for value in (self.brightness, self.contrast, self.saturation, self.gamma, self.noise)
        )


def augment(batch: Batch, config: AugmentConfig, task: Task, generator: torch.Generator) -> Batch:
    """A randomly changed copy of the batch; unchanged tensors are shared with the original.

    All random numbers are drawn whatever is switched on, so that switching one change on or off
    does not alter the others. The same state of the generator gives the same result.

    Args:
        batch: the samples.
        config: which changes, and how large.
        task: mirrors labels and ego inputs.
        generator: should be on the CPU, so that nothing waits for an accelerator.

    Raises:
        DataError: light is to be changed, and the RGB frames are not uint8 (B, H, W, 3).
    """
    draws = torch.rand((5, batch.size), generator=generator, device=generator.device)
    noise_seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    rows = torch.nonzero(draws[0] < config.mirror).flatten().to(batch.index.device)
    if rows.numel():
        batch = mirror(batch, rows, task)
    batch = replace(batch, ego_be=_disturbed(batch.ego_be, config, task.ego, generator))
    if config.photometric and Modality.RGB in batch.frames:
        present = batch.present[Modality.RGB]
        changed = change_light(
            batch.frames[Modality.RGB], present, config, draws[1:].to(present.device), noise_seed
        )
        batch = replace(batch, frames={**batch.frames, Modality.RGB: changed})
    return batch


def _disturbed(
    ego_be: Tensor, config: AugmentConfig, ego: EgoLayout, generator: torch.Generator
) -> Tensor:
    """The ego inputs with the noise that the config sets for them (`EgoInput.noise`). The noise is
    symmetric, so it may be added before or after mirroring.
    """
    for each in ego.inputs:
        sigma = float(getattr(config, each.noise)) if each.noise else 0.0
        if sigma > 0:
            noise = torch.randn(
                (len(ego_be), each.size), generator=generator, device=generator.device
            ).to(ego_be.device)
            ego_be = ego_be.clone()
            # may go below zero: if it were cut off there, the noise would show which cars stand
            ego_be[:, ego.columns[each.name]] += sigma * noise
    return _exchanged(ego_be, config, ego, generator)


def _exchanged(
    ego_be: Tensor, config: AugmentConfig, ego: EgoLayout, generator: torch.Generator
) -> Tensor:
    """The ego inputs of which some samples have those of others (`EgoInput.dropout`). They are
    everyday numbers, of which the network cannot tell that they are not its own.
    """
    for entry in sorted({each.dropout for each in ego.inputs if each.dropout}):
        share = float(getattr(config, entry))
        if share > 0:
            device = generator.device
            draws = torch.rand(len(ego_be), generator=generator, device=device)
            order = torch.randperm(len(ego_be), generator=generator, device=device)
            replaced = (draws < share).to(ego_be.device)[:, None]
            others, ego_be = ego_be[order.to(ego_be.device)], ego_be.clone()
            for each in ego.inputs:
                if each.dropout == entry:
                    columns = ego.columns[each.name]
                    ego_be[:, columns] = torch.where(
                        replaced, others[:, columns], ego_be[:, columns]
                    )
    return ego_be


def mirror(batch: Batch, rows: Tensor, task: Task) -> Batch:
    """The batch with some samples mirrored left to right: every frame, ego input and label.

    Args:
        batch: the samples.
        rows: int64, which samples are mirrored.
        task: mirrors labels and ego inputs.
    """
    return replace(
        batch,
        frames={
            modality: _mirror_rows(frames, rows, modality)
            for modality, frames in batch.frames.items()
        },
        ego_be=batch.ego_be.index_copy(0, rows, task.ego.mirror(batch.ego_be[rows])),
        label=batch.label.index_copy(0, rows, task.mirror_label(batch.label[rows])),
    )


def mirror_frames(frames: Tensor, modality: Modality) -> Tensor:
    """Stored frames (B, H, W) or (B, H, W, C) of mirrored scenes, as `MODALITIES[modality].mirror`
    says.

    A centred spectrum of even width W has its zero frequency in column W / 2. Column 0 (the Nyquist
    frequency) has no partner and stays; all other columns are reversed. That is a flip followed by
    a shift of one column.

    Args:
        frames: one batch, all of one modality, in the stored dtype.
        modality: that of the frames; it says how they are mirrored.

    Returns:
        Frames of the same shape and dtype.
    """
    flipped = frames.view(_bits(frames)).flip(2)
    if MODALITIES[modality].mirror == "spectrum" and frames.shape[2] % 2 == 0:
        flipped = flipped.roll(1, dims=2)
    return flipped.view(frames.dtype)


def _mirror_rows(frames: Tensor, rows: Tensor, modality: Modality) -> Tensor:
    bits = frames.view(_bits(frames))
    return bits.index_copy(0, rows, mirror_frames(bits[rows], modality)).view(frames.dtype)


def _bits(frames: Tensor) -> torch.dtype:
    """A dtype of the same width that torch can move: it has few operators for uint16, and fewer on
    a GPU.
    """
    return torch.int16 if frames.dtype == torch.uint16 else frames.dtype


def change_light(
    rgb: Tensor, present: Tensor, config: AugmentConfig, draws: Tensor, noise_seed: int
) -> Tensor:
    """Brightness, contrast, saturation, gamma and noise of uint8 images, rounded and limited to
    0..255.

    Brightness b, contrast c (about the mean grey m) and saturation s (about each pixel's grey) are
    all linear in the pixel p. So each sample needs one 3x3 matrix and one offset: c b (s p + (1 -
    s) grey(p)) + (1 - c) b m. Gamma, noise and rounding follow.

    Args:
        rgb: images, uint8 (B, H, W, 3).
        present: bool (B,); absent images get no noise and stay zero.
        config: how large the changes are.
        draws: (4, B) in 0..1, for brightness, contrast, saturation and gamma.
        noise_seed: seed of the noise.

    Raises:
        DataError: the images are not uint8 (B, H, W, 3).
    """
    if rgb.dtype != torch.uint8 or rgb.ndim != 4 or rgb.shape[-1] != 3:
        raise DataError(
            f"rgb frames must be uint8 (B, H, W, 3), got {rgb.dtype} {tuple(rgb.shape)}"
        )
    matrix_b33, offset_b = _colour_matrices(config, draws)
    exponent_b = torch.exp((2.0 * draws[3] - 1.0) * math.log1p(config.gamma))[:, None, None]
    grain_b = 255.0 * config.noise * present.to(torch.float32)[:, None, None]
    # on the images' device, so that the noise need not be copied to it
    source = torch.Generator(device=rgb.device).manual_seed(noise_seed)

    stored = rgb.reshape(len(rgb), -1, 3)
    changed = torch.empty_like(stored)
    luma = torch.tensor(LUMA, device=rgb.device)
    step = min(CPU_CHUNK, len(rgb)) if rgb.device.type == "cpu" else len(rgb)
    before, after = (torch.empty((step, *stored.shape[1:]), device=rgb.device) for _ in range(2))
    for part in (slice(start, start + step) for start in range(0, len(rgb), step)):
        pixels = before[: len(stored[part])].copy_(stored[part])
        offset = offset_b[part] * (pixels.mean(dim=1) @ luma)
        light = torch.baddbmm(
            offset[:, None, None], pixels, matrix_b33[part], out=after[: len(pixels)]
        )
        if config.gamma > 0:
            light.clamp_(0.0, 255.0).div_(255.0).pow_(exponent_b[part]).mul_(255.0)
        if config.noise > 0:
            light.addcmul_(pixels.normal_(generator=source), grain_b[part])
        changed[part] = light.round_().clamp_(0.0, 255.0)
    return changed.reshape(rgb.shape)


def _colour_matrices(config: AugmentConfig, draws: Tensor) -> tuple[Tensor, Tensor]:
    """Matrices (B, 3, 3), for pixels as rows, and the factors (B,) of the mean grey in the offset;
    see `change_light`.
    """
    ranges = (config.brightness, config.contrast, config.saturation)
    b, c, s = (1.0 + (2.0 * draws[i] - 1.0) * value for i, value in enumerate(ranges))
    to_grey = torch.tensor(LUMA, device=draws.device)[:, None].expand(3, 3)
    saturate = (
        s[:, None, None] * torch.eye(3, device=draws.device) + (1.0 - s)[:, None, None] * to_grey
    )
    return (c * b)[:, None, None] * saturate, (1.0 - c) * b
