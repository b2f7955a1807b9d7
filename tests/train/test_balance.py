"""Balance of training samples: rests are thinned, turns repeated, everything else left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.driving_mistakes import DrivingMistake
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import DataError, UsageError
from auxdrive.inspection.summary import sentences, summarise
from auxdrive.modalities import Modality
from auxdrive_train.data.augment import augment
from auxdrive_train.data.augment_config import AugmentConfig
from auxdrive_train.data.balance import BalanceConfig, balance, manoeuvres
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks import make_task


def samples(data: Path, task: str = "waypoints") -> SampleSet:
    dataset = Dataset.open(data)
    return SampleSet.open(
        dataset, dataset.split("train"), make_task(task, dataset.card), [Modality.RGB]
    )


def test_manoeuvres_are_told_apart() -> None:
    ends = np.array(
        [[0.1, 0.0], [10.0, 0.1], [8.0, 4.0], [8.0, -4.0], [0.4, 0.4], [7.9, 0.1]], dtype=np.float32
    )
    paths = np.stack([ends * share for share in (0.25, 0.5, 0.75, 1.0)], axis=1)
    resting, turning, slow = manoeuvres(paths)
    assert resting.tolist() == [True, False, False, False, False, False]
    assert turning.tolist() == [False, False, True, True, False, False]
    assert slow.tolist() == [False, False, False, False, True, True]


def test_shares_change_and_samples_do_not(stripe_data: Path) -> None:
    whole = samples(stripe_data)
    label = whole.label.copy()
    label[::3] = 0.01
    label[1::3] = np.array([[1, 0.5], [2, 1], [3, 1.5], [4, 2]], dtype=np.float32)
    label[2::3] = np.array([[1, 0], [2, 0], [3, 0], [4, 0]], dtype=np.float32)
    import dataclasses

    given = dataclasses.replace(whole, label=label)
    made = balance(given, BalanceConfig(rest_every=4, turn_repeat=3))
    resting, turning, _ = manoeuvres(made.label)
    before = manoeuvres(label)
    assert resting.sum() == before[0].sum() // 4
    assert turning.sum() == 3 * before[1].sum()
    assert (~resting & ~turning).sum() == (~before[0] & ~before[1]).sum()
    batch = made.gather(np.arange(len(made)))
    assert torch.equal(batch.label, torch.from_numpy(made.label))
    assert balance(given, BalanceConfig()) is given
    slower = balance(given, BalanceConfig(turn_repeat=3, slow_repeat=2))
    resting, turning, slow = manoeuvres(slower.label)
    assert turning.sum() == 3 * before[1].sum(), "the larger of both, not their product"
    assert (slow & ~turning).sum() == 2 * (before[2] & ~before[1]).sum() > 0
    assert resting.sum() == before[0].sum()


def test_a_task_without_waypoints_is_refused(stripe_data: Path) -> None:
    with pytest.raises(UsageError, match="the task steering does not"):
        balance(samples(stripe_data, "steering"), BalanceConfig(turn_repeat=2))


def test_frames_around_a_students_mistakes_are_shown_more_often(tmp_path: Path) -> None:
    """From the recording to the samples: 40 frames at 4 Hz, and a red light after 6 s."""
    image = np.zeros((4, 6, 3), np.uint8)
    acted = {"steer_rad": 0.0, "throttle": 0.5, "brake": 0.0}

    def record(folder: Path, *mistakes: DrivingMistake) -> Dataset:
        with EpisodeWriter(folder, "e0", [Modality.RGB]) as writer:
            for frame in range(40):
                writer.append({Modality.RGB: image}, {"time_s": frame / 4, **acted})
            for mistake in mistakes:
                writer.note_mistake(mistake)
        camera = CameraSpec(width=6, height=4)
        write_card(
            folder, DatasetCard(name="a", rate_hz=4.0, modalities=(Modality.RGB,), camera=camera)
        )
        return Dataset.open(folder)

    mistake = DrivingMistake(kind="red_light", time_s=6.0)
    plain, wrong = record(tmp_path / "plain"), record(tmp_path / "wrong", mistake)
    assert wrong.episode("e0").mistakes == (mistake,)
    assert not (tmp_path / "plain" / "episodes" / "e0" / "mistakes.json").exists()
    assert plain.fingerprint() != wrong.fingerprint()
    for data, near in ((plain, 0), (wrong, 33)):  # from 1 s to 9 s
        whole = SampleSet.open(data, ("e0",), make_task("steering", data.card), [Modality.RGB])
        shown = balance(whole, BalanceConfig(mistake_repeat=3))
        assert len(shown) == 40 + 2 * near
        assert (np.bincount(shown.frame_of)[4:37] == (3 if near else 1)).all()
    assert "in 1 episodes: red_light 1; 33 frames" in sentences(summarise(wrong))[-1]
    damaged = tmp_path / "wrong" / "episodes" / "e0" / "mistakes.json"
    damaged.write_text("{}")
    with pytest.raises(DataError, match=r"mistakes\.json"):
        Dataset.open(tmp_path / "wrong").episode("e0")


def test_speed_noise_is_added_so_that_a_car_at_rest_is_disturbed_too(stripe_data: Path) -> None:
    given = samples(stripe_data)
    batch = given.gather(np.arange(40))
    batch = replace(batch, ego_be=batch.ego_be.clone())
    batch.ego_be[:20, 0] = 0.0
    config = AugmentConfig(mirror=0, brightness=0, contrast=0, saturation=0, speed_noise=1.5)
    drawn = [
        augment(batch, config, given.task, torch.Generator().manual_seed(seed))
        for seed in range(50)
    ]
    noise = torch.stack([changed.ego_be[:, 0] - batch.ego_be[:, 0] for changed in drawn])
    for part in (noise[:, :20], noise[:, 20:]):
        assert float(part.std()) == pytest.approx(1.5, rel=0.1)
        assert float(part.mean()) == pytest.approx(0.0, abs=0.2)
    assert torch.equal(drawn[0].ego_be[:, 1:], batch.ego_be[:, 1:])
    assert torch.equal(drawn[0].frames[Modality.RGB], batch.frames[Modality.RGB])
