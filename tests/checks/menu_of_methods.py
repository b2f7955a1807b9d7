"""What the checks of every method need: its settings, its phases, and samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.methods import METHODS
from auxdrive_train.methods.contract import Method
from auxdrive_train.methods.phases import Phase, PhaseRecord
from auxdrive_train.tasks.base import Task
from stripes import HEIGHT, WIDTH
from torch.nn import functional

AUXILIARIES = (Modality.DEPTH, Modality.LIDAR)


def short(name: str) -> dict[str, object]:
    """Its settings, with one epoch of whatever they count."""
    return {key: 1 for key in METHODS[name].options_type.model_fields if "epochs" in key}


def task_of(name: str) -> str:
    """The task that it is tried with whole."""
    return "classification" if METHODS[name].needs_probabilities else "steering"


def auxiliaries_of(name: str) -> tuple[Modality, ...]:
    """What it is given beside RGB."""
    entry = METHODS[name]
    return AUXILIARIES[: entry.most_auxiliaries] if entry.needs_auxiliaries else ()


def phases(made: Method) -> list[Phase]:
    """All, as if each had been trained."""
    history: list[PhaseRecord] = []
    found: list[Phase] = []
    while (phase := made.next_phase(history)) is not None:
        again = made.next_phase(list(history))
        assert again is not None
        assert again.name == phase.name  # a function of the history alone
        found.append(phase)
        assert len(found) < 100
        history.append(PhaseRecord(phase.name, phase.epochs, phase.watch, float(len(found)), 0.0))
    return found


def a_batch(modalities: Sequence[Modality], task: Task, device: str) -> Batch:
    """Eight samples that have everything: a stripe in every frame, and the label where it is."""
    rng = np.random.default_rng(0)
    places = rng.uniform(0.2, 0.8, 8)
    frames = {}
    for modality in modalities:
        wide = 64 if modality is Modality.LIDAR else WIDTH
        high = 64 if modality is Modality.LIDAR else HEIGHT
        channels = {Modality.RGB: (3,), Modality.LIDAR: (2,)}.get(modality, ())
        frame = np.zeros((8, high, wide, *channels), np.uint8)
        for sample, place in zip(frame, places, strict=True):
            sample[:, int(place * wide) - 3 : int(place * wide) + 3] = 200
        stored = torch.from_numpy(frame)
        if modality is Modality.DEPTH:
            stored = torch.from_numpy(frame.astype(np.int16) * 20).view(torch.uint16)
        frames[modality] = stored
    shape = task.label_shape
    label = torch.from_numpy((0.5 - places).astype(np.float32)).reshape(8, *[1] * len(shape))
    if task.has_probabilities:
        label = functional.one_hot(torch.from_numpy((shape[0] * places).astype(int)), shape[0])
    return Batch(
        frames,
        {modality: torch.ones(8, dtype=torch.bool) for modality in modalities},
        torch.ones(8, task.ego.width),
        label.float().expand(8, *shape).clone(),
        torch.arange(8),
    ).to(device)
