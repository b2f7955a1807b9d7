"""What tests of methods need: a method on small images, and samples of random frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from auxdrive.cards import CameraSpec, DatasetCard, PreprocessingSpec
from auxdrive.modalities import MODALITIES, Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Method, Setup
from auxdrive_train.models.build import Build
from auxdrive_train.tasks import make_task
from torch import nn

CARD = DatasetCard(
    name="t", rate_hz=4, modalities=(Modality.RGB,), camera=CameraSpec(width=90, height=70)
)
TWO = (Modality.DEPTH, Modality.SEGMENTATION)


def method(
    name: str, aux: tuple[Modality, ...] = TWO, epochs: int = 1, **options: Any
) -> tuple[Method, nn.ModuleDict]:
    """A method on steering and PilotNet, and its networks with fresh weights."""
    entry = METHODS[name]
    build = Build("pilotnet", PreprocessingSpec(size=(66, 80)), make_task("steering", CARD), 0.0)
    made = entry(Setup(Modality.RGB, aux, build, epochs), entry.options_type(**options))
    torch.manual_seed(0)
    return made, made.trained_modules(samples=8).eval()


def batch(
    modalities: Sequence[Modality] = (Modality.RGB, *TWO),
    absent: Modality | None = None,
    b: int = 4,
) -> Batch:
    """Samples of random frames and labels; the first lacks a modality, if one is named."""
    rng = np.random.default_rng(0)
    frames = {}
    for modality in modalities:
        spec = MODALITIES[modality]
        most = spec.categories or 200
        drawn = rng.integers(0, most, (b, *spec.array_shape(70, 90)))
        frames[modality] = torch.from_numpy(drawn.astype(spec.numpy_dtype))
    present = {m: torch.ones(b, dtype=torch.bool) for m in modalities}
    if absent is not None:
        present[absent][0] = False
    label = torch.from_numpy(rng.normal(0, 0.1, (b, 1)).astype(np.float32))
    return Batch(frames, present, torch.zeros(b, 0), label, torch.arange(b))


def without(samples: Batch, *modalities: Modality) -> Batch:
    """The samples, none of which has these modalities."""
    none = {m: torch.zeros_like(samples.present[m]) for m in modalities}
    return Batch(
        samples.frames, {**samples.present, **none}, samples.ego_be, samples.label, samples.index
    )
