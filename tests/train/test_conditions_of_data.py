"""Metrics by the conditions in which episodes were recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from auxdrive.cards import EpisodeOrigin
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.plan import HELD_BY
from auxdrive.modalities import Modality
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.conditions import conditions
from auxdrive_train.tasks import make_task
from stripes import write_stripe_data


def test_frames_are_sorted_by_the_condition_of_their_episode(tmp_path: Path) -> None:
    root = write_stripe_data(tmp_path / "data", frames=6)
    card = Dataset.open(root).card
    named = {"train-0": "night", "train-1": "day", "train-3": "night"}
    origins = {name: EpisodeOrigin(session=name, condition=value) for name, value in named.items()}
    write_card(root, card.model_copy(update={"episodes": origins}))
    dataset = Dataset.open(root)
    ids = ("train-0", "train-1", "train-2", "train-3")
    samples = SampleSet.open(dataset, ids, make_task("steering", dataset.card), [Modality.RGB])
    found = conditions(dataset, samples)
    for name in ("day", "night"):
        rows = {samples.episode_ids[i] for i in samples.episode_of[found[f"condition {name}"]]}
        assert rows == {each for each, value in named.items() if value == name}
    assert not any(
        name.startswith("condition")
        for name in conditions(
            Dataset.open(write_stripe_data(tmp_path / "plain", frames=6)), samples
        )
    )


def test_frames_are_sorted_by_what_held_the_expert(tmp_path: Path) -> None:
    root = write_stripe_data(tmp_path / "data", frames=6)
    dataset = Dataset.open(root)
    path = dataset.episode("train-1").path / "plan.npy"
    plans = np.load(path)
    plans["allowed_mps"] = 8.0
    plans["allowed_mps"][:2, HELD_BY.index("crossing")] = 0.0
    np.save(path, plans)
    task = make_task("steering", dataset.card)
    samples = SampleSet.open(dataset, ("train-0", "train-1"), task, [Modality.RGB])
    found = {n: rows for n, rows in conditions(dataset, samples).items() if n.startswith("held by")}
    assert set(found) == {"held by road", "held by crossing"}
    of_one = samples.episode_of == 1
    assert (found["held by crossing"] == (of_one & (samples.frame_of < 2))).all()
    assert (found["held by road"] == (of_one & (samples.frame_of >= 2))).all()
