"""Which frames train and which validate: far apart, whole sessions where that is possible, the same
every time.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard, EpisodeOrigin
from auxdrive.data.dataset import Dataset
from auxdrive.data.division import TrainingParts, training_parts
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.sessions import CLOSE_S, Stretch, distances_s, splits_apart_s
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from hypothesis import given, settings
from hypothesis import strategies as st

RATE_HZ = 10.0


def make(
    folder: Path,
    frames: Mapping[str, int],
    origins: Mapping[str, tuple[str, float]] | None = None,
    splits: Mapping[str, tuple[str, ...]] | None = None,
) -> Dataset:
    """Episodes of so many frames at 10 Hz; origins: session and start of those that are not
    sessions of their own.
    """
    for episode_id, count in frames.items():
        with EpisodeWriter(folder, episode_id, [Modality.RGB]) as writer:
            for index in range(count):
                state = {"time_s": index / RATE_HZ, "steer_rad": 0.0, "throttle": 0.5, "brake": 0.0}
                writer.append({Modality.RGB: np.full((1, 2, 3), index % 251, np.uint8)}, state)
    placed = {
        name: EpisodeOrigin(session=session, start_s=start_s)
        for name, (session, start_s) in (origins or {}).items()
    }
    camera = CameraSpec(width=2, height=1)
    card = DatasetCard(
        name="t",
        rate_hz=RATE_HZ,
        modalities=(Modality.RGB,),
        camera=camera,
        splits=dict(splits or {}),
        episodes=placed,
    )
    write_card(folder, card)
    return Dataset.open(folder)


def frames_of(dataset: Dataset, parts: Sequence[Stretch]) -> set[tuple[str, int]]:
    """Every frame as (episode, number); a frame that stands there twice is a mistake."""
    every = [(part.episode_id, number) for part in parts for number in range(part.start, part.stop)]
    assert len(set(every)) == len(every)
    assert all(
        0 <= part.start < part.stop <= len(dataset.episode(part.episode_id)) for part in parts
    )
    return set(every)


def nearest_s(dataset: Dataset, parts: TrainingParts) -> float:
    """The least time between a frame that trains and one that validates, frame by frame."""
    taken = {}
    for which in ("train", "validation"):
        chosen = frames_of(dataset, getattr(parts, which))
        states = {name: dataset.episode(name).state["time_s"] for name, _ in chosen}
        origins = {name: dataset.origin(name) for name, _ in chosen}
        taken[which] = [
            (origins[name].session, origins[name].start_s + float(states[name][number]))
            for name, number in chosen
        ]
    sessions = {session for session, _ in taken["train"]} & {
        session for session, _ in taken["validation"]
    }
    nearest = np.inf
    for shared in sessions:
        one, other = (
            np.array([time_s for session, time_s in part if session == shared])
            for part in taken.values()
        )
        nearest = min(nearest, float(np.abs(one[:, None] - other).min()))
    return nearest


def names(parts: Sequence[Stretch]) -> list[str]:
    return [part.episode_id for part in parts]


def bursts(
    count: int, frames: int, pause_s: float
) -> tuple[dict[str, int], dict[str, tuple[str, float]]]:
    """One drive that is recorded in bursts, as a joystick's `record on throttle` does."""
    length_s = frames / RATE_HZ + pause_s
    return {f"e{n:03d}": frames for n in range(count)}, {
        f"e{n:03d}": ("drive", n * length_s) for n in range(count)
    }


def test_bursts_of_one_drive_are_held_out_in_one_stretch_with_a_margin(tmp_path: Path) -> None:
    frames, origins = bursts(60, 8, 0.4)
    dataset = make(tmp_path, frames, origins)
    parts = training_parts(dataset)
    assert nearest_s(dataset, parts) == pytest.approx(parts.apart_s)
    assert parts.apart_s is not None
    assert parts.apart_s >= 2.4  # a quarter of the 9.6 s that are held out
    assert (len(frames_of(dataset, parts.validation)), parts.carved) == (96, True)
    assert len(frames_of(dataset, parts.train)) > 0.7 * 480
    assert (
        "1 stretch(es) of 10 s held out (16 frames around them belong to neither part), at least "
        f"{parts.apart_s:.2f} s from" in parts.how
    )


def test_whole_minutes_of_a_long_drive_are_held_out(tmp_path: Path) -> None:
    dataset = make(
        tmp_path, {"a": 5000, "b": 4000}, {"a": ("drive", 0.0), "b": ("drive", 500.0)}
    )  # 15 minutes
    parts = training_parts(dataset)
    held = np.array(
        sorted(
            1000 * "ab".index(name) * 5 + number
            for name, number in frames_of(dataset, parts.validation)
        )
    )
    assert np.split(held, np.flatnonzero(np.diff(held) > 1) + 1)[0].tolist() == list(
        range(2400, 3000)
    )
    assert len(held) == 1800
    assert parts.apart_s == pytest.approx(5.0, abs=0.11)
    assert len(frames_of(dataset, parts.train)) == 9000 - 1800 - 5 * 49


def test_cameras_that_ran_at_the_same_time_fall_to_the_same_part(tmp_path: Path) -> None:
    cameras = ("left", "middle", "right")
    dataset = make(tmp_path, dict.fromkeys(cameras, 400), dict.fromkeys(cameras, ("drive", 0.0)))
    parts = training_parts(dataset)
    sides = [
        {number for name, number in frames_of(dataset, parts.validation) if name == camera}
        for camera in cameras
    ]
    assert sides[0] == sides[1] == sides[2] == set(range(320, 400))
    assert nearest_s(dataset, parts) >= 2.0


@pytest.mark.parametrize(
    ("frames", "every", "validation"),
    [
        ([9, 9], 5, ["e1"]),
        ([9] * 5, 5, ["e4"]),
        ([9] * 7, 3, ["e2", "e5"]),
        ([9] * 4, 2, ["e1", "e3"]),
        ([75, 20, 5], 5, ["e1"]),  # the one that comes nearest to a fifth
        ([100, 5, 5, 5, 5, 5], 5, ["e1", "e2", "e3", "e4", "e5"]),
    ],
)
def test_whole_sessions_are_held_out_where_some_fit(
    tmp_path: Path, frames: list[int], every: int, validation: list[str]
) -> None:
    dataset = make(tmp_path, {f"e{k}": count for k, count in enumerate(frames)})
    parts = training_parts(dataset, every)
    assert names(parts.validation) == validation
    assert sorted(names(parts.train) + names(parts.validation)) == list(dataset.episode_ids)
    assert parts.carved
    assert parts.apart_s is None
    assert (
        parts.how == f"{len(validation)} of {len(frames)} training sessions, "
        "in other sessions than training frames"
    )


def test_a_session_is_never_divided_where_sessions_fit(tmp_path: Path) -> None:
    origins = {f"e{k}": (f"day-{k // 3}", 10.0 * k) for k in range(15)}
    parts = training_parts(make(tmp_path, {f"e{k}": 5 for k in range(15)}, origins))
    assert {origins[name][0] for name in names(parts.train)}.isdisjoint(
        {origins[name][0] for name in names(parts.validation)}
    )
    assert len({origins[name][0] for name in names(parts.validation)}) == 1


def test_a_session_that_is_far_too_small_is_not_what_validates(tmp_path: Path) -> None:
    dataset = make(tmp_path, {"long": 1000, "short": 5})
    parts = training_parts(dataset)
    assert 180 <= len(frames_of(dataset, parts.validation)) <= 220
    assert nearest_s(dataset, parts) >= CLOSE_S


@settings(max_examples=15, deadline=None)
@given(
    episodes=st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 60), st.floats(0.0, 6.0)),
        min_size=1,
        max_size=12,
    ),
    every=st.integers(2, 8),
)
def test_what_validates_was_never_all_but_seen(
    episodes: list[tuple[int, int, float]], every: int
) -> None:
    clock_s = [0.0] * 4
    frames, origins = {}, {}
    for number, (session, count, pause_s) in enumerate(episodes):
        frames[f"e{number:02d}"], origins[f"e{number:02d}"] = (
            count,
            (f"s{session}", clock_s[session]),
        )
        clock_s[session] += count / RATE_HZ + pause_s
    with tempfile.TemporaryDirectory() as folder:
        dataset = make(Path(folder), frames, origins)
        try:
            parts = training_parts(dataset, every)
        except DataError as error:
            assert "too short" in str(error)  # noqa: PT017  # whether it raises depends on what was drawn
            assert sum(frames.values()) / RATE_HZ < 2 * CLOSE_S * every
            return
        train, validation = frames_of(dataset, parts.train), frames_of(dataset, parts.validation)
        assert train
        assert validation
        assert not train & validation
        assert len(validation) <= max(sum(frames.values()) / 2, sum(frames.values()) / every + 1)
        distance_s = nearest_s(dataset, parts)
        assert distance_s >= CLOSE_S - 1e-9
        assert (parts.apart_s is None) == np.isinf(distance_s)
        assert training_parts(Dataset.open(folder), every) == parts


def test_the_cards_splits_are_used_and_their_distance_is_told(tmp_path: Path) -> None:
    splits = {"train": ("e2", "e0"), "val": ("e1",), "test": ("e3",)}
    origins = {"e0": ("drive", 0.0), "e1": ("drive", 1.0), "e2": ("drive", 5.0)}
    dataset = make(tmp_path, dict.fromkeys(("e0", "e1", "e2", "e3"), 10), origins, splits)
    parts = training_parts(dataset)
    assert (names(parts.train), names(parts.validation), parts.carved) == (
        ["e2", "e0"],
        ["e1"],
        False,
    )
    assert parts.apart_s == pytest.approx(0.1)
    assert parts.how.startswith("the split 'val', at least 0.10 s from training frames: too close")
    assert splits_apart_s(dataset) == {
        "train": pytest.approx(0.1),
        "val": pytest.approx(0.1),
        "test": None,
    }


def test_test_episodes_are_never_held_out_for_validation(tmp_path: Path) -> None:
    splits = {"train": ("e2", "e0", "e1"), "test": ("e3",)}
    parts = training_parts(
        make(tmp_path, dict.fromkeys(("e0", "e1", "e2", "e3"), 5), splits=splits)
    )
    assert (names(parts.train), names(parts.validation)) == (["e0", "e1"], ["e2"])


@pytest.mark.parametrize(
    ("episodes", "splits", "message"),
    [
        (
            1,
            {},
            r"0.5 s of one drive and no split 'val'. That is too short "
            r".* 1 s from what trains: record longer, or a second drive",
        ),
        (2, {"train": ("e0",), "test": ("e1",)}, "0.5 s of one drive and no split 'val'"),
        (2, {"training": ("e0", "e1")}, "the splits training, but none called 'train'"),
        (2, {"train": (), "val": ("e0",)}, "split 'train' is empty"),
        (2, {"train": ("e0",), "val": ()}, "split 'val' is empty"),
    ],
)
def test_splits_that_cannot_be_trained_on(
    tmp_path: Path, episodes: int, splits: dict[str, tuple[str, ...]], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        training_parts(make(tmp_path, {f"e{k}": 5 for k in range(episodes)}, splits=splits))


def test_holding_everything_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 2, got 1"):
        training_parts(make(tmp_path, {"e0": 5}), 1)


@given(
    st.lists(st.floats(-100, 100), min_size=1, max_size=20),
    st.lists(st.floats(-100, 100), max_size=20),
)
def test_distances_to_the_nearest(times_s: list[float], others_s: list[float]) -> None:
    expected = [min((abs(one - other) for other in others_s), default=np.inf) for one in times_s]
    np.testing.assert_allclose(
        distances_s(np.array(times_s), np.sort(np.array(others_s, dtype=np.float64))), expected
    )
