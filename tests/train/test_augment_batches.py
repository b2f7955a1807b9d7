"""Augmentation: the mirror against the SDK's own, the light against a NumPy twin, and what may
never change.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec
from auxdrive.data.derived import derive
from auxdrive.errors import DataError
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import AnyArray
from auxdrive_train.data.augment import (
    augment,
    change_light,
    mirror,
    mirror_frames,
)
from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.batch import CPU_CHUNK, Batch
from auxdrive_train.tasks.base import Task
from auxdrive_train.tasks.steering_angle import SteeringTask
from auxdrive_train.tasks.waypoints import WaypointsTask
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

STILL = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "gamma": 0.0, "noise": 0.0}
LIGHT = AugmentConfig(
    mirror=0.0, brightness=0.4, contrast=0.4, saturation=0.6, gamma=0.5, noise=0.02
)
TASKS: list[Task] = [SteeringTask(), WaypointsTask()]


def make_batch(task: Task, size: int, width: int = 7, height: int = 4, seed: int = 0) -> Batch:
    """A batch of every modality, each pixel random over the whole range of its dtype."""
    rng = np.random.default_rng(seed)
    frames = {}
    for modality, spec in MODALITIES.items():
        shape = (size, *spec.array_shape(height, width))
        frames[modality] = torch.from_numpy(
            rng.integers(0, np.iinfo(spec.numpy_dtype).max, shape, spec.numpy_dtype, endpoint=True)
        )
    ego_width = task.ego.width
    return Batch(
        frames=frames,
        present={modality: torch.ones(size, dtype=torch.bool) for modality in frames},
        ego_be=torch.from_numpy(rng.normal(size=(size, ego_width)).astype(np.float32)),
        label=torch.from_numpy(rng.normal(size=(size, *task.label_shape)).astype(np.float32)),
        index=torch.arange(size),
    )


def same(one: Batch, other: Batch) -> bool:
    return all(
        torch.equal(a, b)
        for a, b in (
            *((one.frames[m], other.frames[m]) for m in one.frames),
            *((one.present[m], other.present[m]) for m in one.present),
            (one.ego_be, other.ego_be),
            (one.label, other.label),
            (one.index, other.index),
        )
    )


def mirrored(modality: Modality, frames: np.ndarray) -> np.ndarray:
    """A frame, or a batch, of the scene mirrored left to right: images and the LiDAR histogram
    reverse their columns; a centred spectrum its frequencies, of which W // 2 is zero.
    """
    axis = -1 if MODALITIES[modality].channels == 1 else -2
    width = frames.shape[axis]
    last = 2 * (width // 2) if MODALITIES[modality].mirror == "spectrum" else width - 1
    return np.take(frames, (last - np.arange(width)) % width, axis=axis)


@given(
    st.sampled_from(list(Modality)),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 9),
    st.integers(0, 99),
)
def test_the_mirror_of_frames_by_plain_indices(
    modality: Modality, size: int, height: int, width: int, seed: int
) -> None:
    frames = make_batch(TASKS[0], size, width, height, seed).frames[modality]
    got = mirror_frames(frames, modality)
    assert got.dtype == frames.dtype
    np.testing.assert_array_equal(got.numpy(), mirrored(modality, frames.numpy()))
    assert torch.equal(mirror_frames(got, modality), frames)


@pytest.mark.parametrize("width", [8, 9])
def test_the_spectrum_of_the_mirrored_image_is_the_mirrored_spectrum(width: int) -> None:
    rgb = make_batch(TASKS[0], 3, width, 6).frames[Modality.RGB]
    spectrum = torch.from_numpy(derive(Modality.FREQUENCY, rgb.numpy()))
    again = derive(Modality.FREQUENCY, mirror_frames(rgb, Modality.RGB).numpy())
    difference = again.astype(int) - mirror_frames(spectrum, Modality.FREQUENCY).numpy().astype(int)
    assert np.abs(difference).max() <= 1  # the transform's own rounding


@pytest.mark.parametrize("task", TASKS)
def test_mirrored_twice_is_unchanged_and_other_rows_are_untouched(task: Task) -> None:
    batch, rows = make_batch(task, 5), torch.tensor([0, 3])
    once = mirror(batch, rows, task)
    assert same(mirror(once, rows, task), batch)
    kept = [1, 2, 4]
    for modality in batch.frames:
        assert torch.equal(
            once.frames[modality].to(torch.int64)[kept],
            batch.frames[modality].to(torch.int64)[kept],
        )
        want = mirrored(modality, batch.frames[modality][[0, 3]].numpy())
        np.testing.assert_array_equal(once.frames[modality][[0, 3]].numpy(), want)
    assert torch.equal(once.label[kept], batch.label[kept])
    assert torch.equal(once.label[rows], task.mirror_label(batch.label[rows]))
    assert torch.equal(once.ego_be[rows], task.ego.mirror(batch.ego_be[rows]))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("probability", [0.0, 0.5, 1.0])
def test_frames_and_labels_are_mirrored_together_or_not_at_all(
    task: Task, probability: float
) -> None:
    batch = make_batch(task, 200, width=5, height=2)
    got = augment(
        batch, AugmentConfig(mirror=probability, **STILL), task, torch.Generator().manual_seed(0)
    )
    mirrored = [not torch.equal(a, b) for a, b in zip(got.label, batch.label, strict=True)]
    assert abs(sum(mirrored) - 200 * probability) <= (30 if probability == 0.5 else 0)
    rows = torch.tensor(mirrored).nonzero().flatten()
    assert same(got, mirror(batch, rows, task) if len(rows) else batch)


def test_light_leaves_everything_but_the_image_bit_for_bit() -> None:
    batch = make_batch(TASKS[1], 12)
    got = augment(batch, LIGHT, TASKS[1], torch.Generator().manual_seed(3))
    rgb = got.frames[Modality.RGB]
    assert rgb.dtype == torch.uint8
    assert all(not torch.equal(a, b) for a, b in zip(rgb, batch.frames[Modality.RGB], strict=True))
    assert same(
        Batch(
            {**got.frames, Modality.RGB: batch.frames[Modality.RGB]},
            got.present,
            got.ego_be,
            got.label,
            got.index,
        ),
        batch,
    )


def test_everything_off_changes_nothing() -> None:
    batch = make_batch(TASKS[1], 6)
    off = AugmentConfig(mirror=0.0, **STILL)
    assert not off.photometric
    assert same(augment(batch, off, TASKS[1], torch.Generator().manual_seed(0)), batch)


def test_the_batch_that_came_in_is_never_written_to() -> None:
    batch, before = make_batch(TASKS[1], 12), make_batch(TASKS[1], 12)
    augment(
        batch, LIGHT.model_copy(update={"mirror": 1.0}), TASKS[1], torch.Generator().manual_seed(0)
    )
    assert same(batch, before)


def test_the_generator_alone_decides() -> None:
    batch = make_batch(TASKS[1], 12)
    config = LIGHT.model_copy(update={"mirror": 0.5})
    one, again, other = (
        augment(batch, config, TASKS[1], torch.Generator().manual_seed(seed)) for seed in (7, 7, 8)
    )
    assert same(one, again)
    assert not same(one, other)


def test_switching_light_on_leaves_the_choice_of_mirrored_samples() -> None:
    batch = make_batch(TASKS[1], 40)
    dark, light = (
        AugmentConfig(mirror=0.5, **{**STILL, "brightness": value}) for value in (0.0, 0.3)
    )
    generators = [torch.Generator().manual_seed(5) for _ in range(2)]
    for _ in range(2):  # and of the next batch
        one, other = (
            augment(batch, config, TASKS[1], g)
            for config, g in zip((dark, light), generators, strict=True)
        )
        assert torch.equal(one.label, other.label)


def twin(image: AnyArray, config: AugmentConfig, draws: list[float]) -> Any:
    """Brightness, contrast, saturation and gamma of one image, one by one, in float64."""
    b, c, s = (
        1 + (2 * d - 1) * x
        for d, x in zip(
            draws, (config.brightness, config.contrast, config.saturation), strict=False
        )
    )
    bright = image.astype(np.float64) * b
    grey = bright @ np.array([0.299, 0.587, 0.114])
    contrasted = grey.mean() + c * (bright - grey.mean())
    own_grey = contrasted @ np.array([0.299, 0.587, 0.114])
    saturated = np.clip(own_grey[..., None] + s * (contrasted - own_grey[..., None]), 0, 255)
    return 255 * (saturated / 255) ** math.exp((2 * draws[3] - 1) * math.log1p(config.gamma))


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_light_agrees_with_its_twin(seed: int, gamma: bool) -> None:
    config = LIGHT.model_copy(update={"noise": 0.0, "gamma": 0.5 * gamma})
    size = CPU_CHUNK + 3  # more than one part, the last one not full
    rgb = make_batch(TASKS[0], size, seed=seed).frames[Modality.RGB]
    draws = torch.rand((4, size), generator=torch.Generator().manual_seed(seed))
    got = (
        change_light(rgb, torch.ones(size, dtype=torch.bool), config, draws, 0)
        .numpy()
        .astype(np.float64)
    )
    for k in range(size):
        # Half a grey level of rounding, and float32.
        np.testing.assert_allclose(
            got[k], twin(rgb[k].numpy(), config, draws[:, k].tolist()), atol=0.5 + 2e-3
        )


def test_all_images_of_a_sample_are_changed_alike() -> None:
    """Mirrored, seen from beside, and of one light: that of the sample, not that of each image."""
    moves = {"mirror": 0.5, "noise": 0.0, "view_shift": 1.0, "view_turn": 5.0}
    config, task = LIGHT.model_copy(update=moves), WaypointsTask()
    camera = CameraSpec(width=7, height=4, fov_deg=90, z_m=2)
    one = make_batch(task, CPU_CHUNK + 3)
    rgb = one.frames[Modality.RGB]
    one, still = (
        replace(one, frames={Modality.RGB: images})
        for images in (rgb, torch.stack([rgb, rgb], dim=1))
    )
    changed = [
        augment(batch, config, task, torch.Generator().manual_seed(3), camera)
        for batch in (one, still)
    ]
    images = [batch.frames[Modality.RGB] for batch in changed]
    torch.testing.assert_close(images[1], torch.stack([images[0]] * 2, dim=1), rtol=0, atol=1)
    assert (images[0] != rgb).any()
    moved = replace(one, frames={Modality.RGB: torch.stack([rgb, rgb // 2], dim=1)})
    dark = AugmentConfig(**{**STILL, "mirror": 0.0, "brightness": 0.9})
    darker = augment(moved, dark, task, torch.Generator().manual_seed(3))
    lit = darker.frames[Modality.RGB].float().mean(dim=(2, 3, 4))
    before = moved.frames[Modality.RGB].float().mean(dim=(2, 3, 4))
    unsaturated = lit[:, 0] < before[:, 0]
    factors = (lit / before)[unsaturated]
    assert unsaturated.any()
    torch.testing.assert_close(factors[:, 0], factors[:, 1], rtol=0.02, atol=0.0)


def test_light_saturates_and_does_not_wrap() -> None:
    config = AugmentConfig(mirror=0.0, **{**STILL, "brightness": 1.0})
    rgb = (
        torch.tensor([0, 100, 200, 255], dtype=torch.uint8)
        .reshape(1, 2, 2, 1)
        .expand(1, 2, 2, 3)
        .contiguous()
    )
    draws = torch.tensor([[1.0], [0.5], [0.5], [0.5]])
    present = torch.ones(1, dtype=torch.bool)
    assert change_light(rgb, present, config, draws, 0)[0, ..., 0].flatten().tolist() == [
        0,
        200,
        255,
        255,
    ]
    assert change_light(rgb, present, config, 1 - draws, 0).max() == 0


def test_noise_has_the_spread_asked_for_and_spares_absent_images() -> None:
    config = AugmentConfig(mirror=0.0, **{**STILL, "noise": 0.05})
    rgb = torch.full((CPU_CHUNK + 4, 40, 50, 3), 128, dtype=torch.uint8)
    rgb[1] = 0
    present = torch.ones(len(rgb), dtype=torch.bool)
    present[1] = False
    got = change_light(rgb, present, config, torch.full((4, len(rgb)), 0.5), 11)
    assert got[1].max() == 0
    grain = got[present].to(torch.float32) - 128
    assert float(grain.std()) == pytest.approx(12.75, rel=0.02)
    assert abs(float(grain.mean())) < 0.1
    assert not torch.equal(got[0], got[2])  # each image has its own
    assert not torch.equal(got[0], got[CPU_CHUNK])  # in another part, too
    assert not torch.equal(
        got, change_light(rgb, present, config, torch.full((4, len(rgb)), 0.5), 12)
    )


def test_batches_without_an_image_are_mirrored_only() -> None:
    batch = make_batch(TASKS[0], 4)
    frames, present = (
        {m: d[m] for m in (Modality.DEPTH, Modality.LIDAR)} for d in (batch.frames, batch.present)
    )
    blind = Batch(frames, present, batch.ego_be, batch.label, batch.index)
    got = augment(
        blind, LIGHT.model_copy(update={"mirror": 1.0}), TASKS[0], torch.Generator().manual_seed(0)
    )
    assert same(got, mirror(blind, torch.arange(4), TASKS[0]))


@pytest.mark.parametrize(
    "rgb",
    [
        torch.zeros(2, 4, 5, 3),
        torch.zeros(2, 3, 4, 5, dtype=torch.uint8),
        torch.zeros(4, 5, 3, dtype=torch.uint8),
    ],
)
def test_images_in_another_format_are_refused(rgb: torch.Tensor) -> None:
    with pytest.raises(DataError, match="rgb frames must be uint8"):
        change_light(rgb, torch.ones(len(rgb), dtype=torch.bool), LIGHT, torch.rand(4, len(rgb)), 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mirror": 1.1},
        {"mirror": -0.1},
        {"brightness": 2},
        {"contrast": -1},
        {"saturation": math.nan},
        {"gamma": math.inf},
        {"flip": 1},
    ],
)
def test_configurations_that_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        AugmentConfig.model_validate(wrong)
