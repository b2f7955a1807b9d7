"""Augmentation of a batch: all modalities are shown from another place (`views`) and mirrored
together; light is changed in the RGB image only.

Legend: B samples, F images of each, H, W image rows and columns.
"""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from auxdrive.cards import CameraSpec
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import DataError
from auxdrive.modalities import MODALITIES, Modality
from torch import Tensor

from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.batch import CPU_CHUNK, Batch, bits_of
from auxdrive_train.data.views import seen_from
from auxdrive_train.tasks.base import Task
from auxdrive_train.tasks.view import View

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the grey value (ITU-R BT.601)."""


def augment(
    batch: Batch,
    config: AugmentConfig,
    task: Task,
    generator: torch.Generator,
    camera: CameraSpec | None = None,
) -> Batch:
    """A randomly changed copy of the batch; unchanged tensors are shared with the original.

    All random numbers are drawn whatever is switched on, so that switching one change on or off
    does not alter the others. The same state of the generator gives the same result.

    Args:
        batch: the samples.
        config: which changes, and how large.
        task: mirrors labels and ego inputs.
        generator: should be on the CPU, so that nothing waits for an accelerator.
        camera: of the data set's card; it is needed where views are moved.

    Raises:
        DataError: light is to be changed, and the RGB frames are not uint8 (B, H, W, 3) or (B, F,
            H, W, 3).
    """
    draws = torch.rand((5, batch.size), generator=generator, device=generator.device)
    noise_seed = int(torch.randint(2**62, (), generator=generator, device=generator.device))
    batch = replace(batch, ego_be=_disturbed(batch.ego_be, config, task.ego, generator))
    if config.moves_views:
        assert camera is not None
        batch = seen_from(batch, _drawn_view(batch.size, config, generator), task, camera)
    rows = torch.nonzero(draws[0] < config.mirror).flatten().to(batch.index.device)
    if rows.numel():
        batch = mirror(batch, rows, task)
    if config.photometric and Modality.RGB in batch.frames:
        present = batch.present[Modality.RGB]
        changed = change_light(
            batch.frames[Modality.RGB], present, config, draws[1:].to(present.device), noise_seed
        )
        batch = replace(batch, frames={**batch.frames, Modality.RGB: changed})
    return batch


def _drawn_view(size: int, config: AugmentConfig, generator: torch.Generator) -> View:
    """Places for `size` samples, uniform between the limits of the config."""
    draws = 2.0 * torch.rand((2, size), generator=generator, device=generator.device) - 1.0
    return View(
        config.view_shift * draws[0], math.radians(config.view_turn) * draws[1], config.view_recover
    )


def _disturbed(
    ego_be: Tensor, config: AugmentConfig, ego: EgoLayout, generator: torch.Generator
) -> Tensor:
    """The ego inputs with the noise that the config sets for them (`EgoInput.noise`). The noise is
    symmetric, so it may be added before mirroring.
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
    """Stored frames (B, H, W), (B, H, W, C) or (B, F, H, W, C) of mirrored scenes, as
    `MODALITIES[modality].mirror` says.

    A centred spectrum of even width W has its zero frequency in column W / 2. Column 0 (the Nyquist
    frequency) has no partner and stays; all other columns are reversed. That is a flip followed by
    a shift of one column.

    Args:
        frames: one batch, all of one modality, in the stored dtype.
        modality: that of the frames; it says how they are mirrored.

    Returns:
        Frames of the same shape and dtype.
    """
    columns = 3 if frames.ndim == 5 else 2
    flipped = bits_of(frames).flip(columns)
    if MODALITIES[modality].mirror == "spectrum" and frames.shape[columns] % 2 == 0:
        flipped = flipped.roll(1, dims=columns)
    return flipped.view(frames.dtype)


def _mirror_rows(frames: Tensor, rows: Tensor, modality: Modality) -> Tensor:
    bits = bits_of(frames)
    return bits.index_copy(0, rows, mirror_frames(bits[rows], modality)).view(frames.dtype)


def change_light(
    rgb: Tensor, present: Tensor, config: AugmentConfig, draws: Tensor, noise_seed: int
) -> Tensor:
    """Brightness, contrast, saturation, gamma and noise of uint8 images, rounded and limited to
    0..255.

    Brightness b, contrast c (about the mean grey m) and saturation s (about each pixel's grey) are
    all linear in the pixel p. So each sample needs one 3x3 matrix and one offset: c b (s p + (1 -
    s) grey(p)) + (1 - c) b m. Gamma, noise and rounding follow. All images of a sample are changed
    alike: light does not change within its history.

    Args:
        rgb: images, uint8 (B, H, W, 3) or (B, F, H, W, 3).
        present: bool (B,); absent images get no noise and stay zero.
        config: how large the changes are.
        draws: (4, B) in 0..1, for brightness, contrast, saturation and gamma.
        noise_seed: seed of the noise.

    Raises:
        DataError: the images are of another type or shape.
    """
    if rgb.dtype != torch.uint8 or rgb.ndim not in (4, 5) or rgb.shape[-1] != 3:
        raise DataError(
            f"rgb frames must be uint8 (B, [F,] H, W, 3), got {rgb.dtype} {tuple(rgb.shape)}"
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
