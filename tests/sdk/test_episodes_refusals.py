"""EpisodeWriter refuses wrong names, shapes and instants, and what exists already."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.state import state_record
from auxdrive.errors import DataError, InputError, UsageError
from auxdrive.modalities import Modality
from recorded_episodes import STATE, frame, record_episode


def test_an_empty_recording_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="nothing was recorded"),
        EpisodeWriter(tmp_path, "e", [Modality.RGB]),
    ):
        pass
    assert list((tmp_path / "episodes").iterdir()) == []


def test_an_existing_episode_is_never_overwritten(tmp_path: Path) -> None:
    record_episode(tmp_path)
    with pytest.raises(DataError, match="exists already"):
        EpisodeWriter(tmp_path, "e0", [Modality.RGB])
    writer = EpisodeWriter(tmp_path, "race", [Modality.RGB])
    with pytest.raises(DataError, match="recording the episode race already"):
        EpisodeWriter(tmp_path, "race", [Modality.RGB])
    writer.append({Modality.RGB: frame(Modality.RGB, 0)}, {"time_s": 0, **STATE})
    (tmp_path / "episodes" / "race").mkdir()
    (tmp_path / "episodes" / "race" / "other").touch()
    with pytest.raises(DataError, match="by somebody else"):
        writer.close()
    assert sorted(entry.name for entry in (tmp_path / "episodes").iterdir()) == ["e0", "race"]


@pytest.mark.parametrize(
    "episode_id", [None, 3, "", ".hidden", "../up", "a/b", "a b", "x" * 101, "a\n"]
)
def test_ids_are_plain_names(tmp_path: Path, episode_id: str) -> None:
    with pytest.raises(InputError, match="episode id"):
        EpisodeWriter(tmp_path, episode_id, [Modality.RGB])


class Unreadable:
    """What some libraries hand out: neither an array nor a number here."""

    def __array__(self, *_: object, **__: object) -> np.ndarray:
        raise RuntimeError("it is on the GPU")

    def __float__(self) -> float:
        raise RuntimeError("it is on the GPU")


@pytest.mark.parametrize(
    ("frames", "state", "message"),
    [
        ({}, {}, "no frame of rgb"),
        ({Modality.RGB: np.zeros((4, 6), np.uint8)}, {}, "have the shape"),
        ({Modality.RGB: np.zeros((4, 6, 3), np.float32)}, {}, "are uint8"),
        ({Modality.RGB: np.zeros((0, 6, 3), np.uint8)}, {}, "not be empty"),
        ({Modality.RGB: np.zeros((5, 6, 3), np.uint8)}, {}, "of this episode"),
        (
            {
                Modality.RGB: np.zeros((4, 6, 3), np.uint8),
                Modality.DEPTH: np.zeros((4, 6), np.uint16),
            },
            {},
            "unknown recorded modality 'depth'",
        ),
        (None, {"time_s": np.nan}, "time_s is nan"),
        (None, {"time_s": np.inf}, "time_s is inf"),
        (None, {"time_s": 0.0}, "must increase"),
        (None, {"steer_rad": np.nan}, "steer_rad is nan"),
        (None, {"speed_mps": -np.inf}, "speed_mps is -inf"),
        (None, {"speed": 3.0}, "unknown state field 'speed'. Did you mean 'speed_mps'"),
        (None, {"command": 300}, "command is 300"),
        (None, {"command": 2.5}, "whole number"),
        (None, {"disturbed": np.nan}, "whole number"),
        (None, {"throttle": 1.5}, "from 0 to 1"),
        (None, {"brake": -0.1}, "from 0 to 1"),
        (None, {"steer_rad": "left"}, "steer_rad is 'left'; give a number"),
        (None, {"speed_mps": None}, "give a number"),
        (None, {"speed_mps": [1.0, 2.0]}, "give a number"),
        (None, {"speed_mps": np.array([1.0])}, "give a number"),
        (None, {"speed_mps": "4"}, "give a number"),
        (None, {"throttle": True}, "give a number"),
        (None, {"time_s": 1_790_000_000_000_000_000}, "no seconds: milliseconds or nanoseconds"),
        (None, {"speed_mps": 1e300}, "speed_mps is inf"),
        (
            None,
            {"time_s": 1.7e12},
            "time_s is 1.7e.12, which are no seconds",
        ),  # else every later tick would go back
        (None, {"throttle": Unreadable()}, "give a number"),
        ([frame(Modality.RGB, 0)], {}, "give the frames by modality"),
        ({Modality.RGB: [[1, 2], [3]]}, {}, "the frame of rgb cannot be read as an array"),
        ({Modality.RGB: Unreadable()}, {}, "cannot be read as an array: it is on the GPU"),
        (None, {"x_m": 10**400}, "give a number"),
    ],
)
def test_a_wrong_instant_is_refused_and_the_recording_goes_on(
    tmp_path: Path, frames: Any, state: dict, message: str
) -> None:
    good = {Modality.RGB: frame(Modality.RGB, 0)}
    with EpisodeWriter(tmp_path, "e", [Modality.RGB]) as writer:
        writer.append(good, {"time_s": 0, **STATE})
        with pytest.raises(InputError, match=message):
            writer.append(good if frames is None else frames, {"time_s": 1, **STATE, **state})
        writer.append(good, {"time_s": 2, **STATE})
    np.testing.assert_array_equal(
        EpisodeReader(tmp_path / "episodes" / "e").state["time_s"], [0, 2]
    )


def test_states_that_are_none() -> None:
    with pytest.raises(InputError, match="lacks steer_rad, throttle"):
        state_record({"time_s": 0, "brake": 0})
    with pytest.raises(InputError, match="STATE_DTYPE"):
        state_record(np.zeros(3))


def test_declared_shapes_are_held(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="have the shape"):
        EpisodeWriter(tmp_path, "e", [Modality.RGB], {Modality.RGB: (4, 6)})
    with pytest.raises(InputError, match="not recorded"):
        EpisodeWriter(tmp_path, "e", [Modality.RGB], {Modality.DEPTH: (4, 6)})
    with pytest.raises(InputError, match="at least one"):
        EpisodeWriter(tmp_path, "e", [])
    with pytest.raises(UsageError, match="unknown modality 'thermal'"):
        EpisodeWriter(tmp_path, "e", ["rgb", "thermal"])  # type: ignore[list-item]
    assert not (tmp_path / "episodes").exists()
    writer = EpisodeWriter(tmp_path, "e", [Modality.RGB], {Modality.RGB: (8, 8, 3)})
    with pytest.raises(InputError, match="of this episode"):
        writer.append({Modality.RGB: frame(Modality.RGB, 0)}, {"time_s": 0, **STATE})
    writer.abort()
    writer.abort()
    with pytest.raises(InputError, match="is closed"):
        writer.append({}, {})
