"""Episodes that hold what the expert meant to do at each frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.plan import (
    EARLIER_PLAN_DTYPE,
    HELD_BY,
    PLAN_DTYPE,
    ExpertPlan,
    holding,
    plan_record,
)
from auxdrive.errors import DataError, InputError
from auxdrive.inspection.findings import examine
from auxdrive.modalities import Modality
from recorded_episodes import STATE, frame


def plan(target_mps: float = 4.0, points: int = 20, left_m: float = 0.0) -> ExpertPlan:
    path = np.stack([np.arange(1.0, points + 1), np.full(points, left_m)], axis=1)
    return ExpertPlan(path, np.array([1.0, 2.0, 3.0, 4.0]), target_mps)


def record(folder: Path, left_m: float = 0.0) -> Path:
    with EpisodeWriter(folder, "e0", [Modality.RGB], plans=True) as writer:
        for row in range(3):
            frames = {Modality.RGB: frame(Modality.RGB, row)}
            writer.append(frames, {"time_s": 0.1 * row, **STATE}, plan=plan(row, left_m=left_m))
    camera = CameraSpec(width=6, height=4)
    card = DatasetCard(name="a", rate_hz=10.0, modalities=(Modality.RGB,), camera=camera)
    write_card(folder, card)
    return folder / "episodes" / "e0"


def test_it_is_read_back_and_belongs_to_what_was_recorded(tmp_path: Path) -> None:
    plans = EpisodeReader(record(tmp_path / "one", left_m=0.25)).plan
    assert plans is not None
    assert (plans.shape, plans.dtype) == ((3,), PLAN_DTYPE)
    assert plans["target_speed_mps"].tolist() == [0.0, 1.0, 2.0]
    assert plans["path_ego_m"][2, 19].tolist() == [20.0, 0.25]
    found = examine(Dataset.open(tmp_path / "one"))
    assert (found.broken, found.doubts) == ([], [])
    record(tmp_path / "other")
    one, other = (Dataset.open(tmp_path / name).fingerprint() for name in ("one", "other"))
    assert one != other


def test_what_holds_the_expert_is_kept_and_unknown_in_earlier_recordings(tmp_path: Path) -> None:
    allowed = np.array([8.0, 8.0, 8.0, 3.0, 8.0, 6.0, 8.0])
    by = [allowed, np.full(7, 8.0), None]
    plans = np.array([plan_record(replace(plan(), allowed_mps=each)) for each in by], PLAN_DTYPE)
    assert [HELD_BY[each] for each in holding(plans)[:2]] == ["light", "road"]
    assert holding(plans)[2] == -1
    path = record(tmp_path)
    names = list(EARLIER_PLAN_DTYPE.names or ())
    np.save(path / "plan.npy", np.array(plans[names].tolist(), EARLIER_PLAN_DTYPE))
    earlier = EpisodeReader(path).plan
    assert earlier is not None
    assert (earlier.dtype, holding(earlier).tolist()) == (PLAN_DTYPE, [-1, -1, -1])
    assert earlier["target_speed_mps"].tolist() == plans["target_speed_mps"].tolist()


def test_what_is_no_plan_is_refused_and_leaves_the_recording_as_it_was(tmp_path: Path) -> None:
    state, frames = {"time_s": 0.0, **STATE}, {Modality.RGB: frame(Modality.RGB, 0)}
    with EpisodeWriter(tmp_path, "e0", [Modality.RGB], plans=True) as writer:
        for wrong, message in (
            (None, "give the expert's plan"),
            ({}, "give an ExpertPlan"),
            (plan(points=19), r"path_ego_m is an array float64 \(19, 2\); give numbers \(20, 2\)"),
            (plan(left_m=float("nan")), "path_ego_m is not finite"),
            (replace(plan(), allowed_mps=np.ones(6)), r"allowed_mps is an array .*numbers \(7,\)"),
            (replace(plan(), allowed_mps=np.full(7, -1.0)), "allowed_mps lies outside 0 to"),
            (plan(-1.0), "target_speed_mps lies outside 0 to"),
            (plan(float("inf")), "target_speed_mps is inf"),
        ):
            with pytest.raises(InputError, match=message):
                writer.append(frames, state, plan=wrong)  # type: ignore[arg-type]
        writer.append(frames, state, plan=plan())
    assert len(EpisodeReader(tmp_path / "episodes" / "e0")) == 1
    with EpisodeWriter(tmp_path, "e1", [Modality.RGB]) as writer:
        with pytest.raises(InputError, match="no plans were announced"):
            writer.append(frames, state, plan=plan())
        writer.append(frames, state)
    assert EpisodeReader(tmp_path / "episodes" / "e1").plan is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (np.zeros(2, PLAN_DTYPE), "must hold a record for each of the 3 frames"),
        (np.zeros((3, 1), PLAN_DTYPE), "must hold a record for each of the 3 frames"),
        (np.zeros(3), "are not of auxdrive's PLAN_DTYPE"),
        (np.array([None] * 3), "pickled"),
    ],
)
def test_damage_is_told(tmp_path: Path, damage: np.ndarray, message: str) -> None:
    path = record(tmp_path)
    np.save(path / "plan.npy", damage, allow_pickle=True)
    with pytest.raises(DataError, match=message):
        EpisodeReader(path)
