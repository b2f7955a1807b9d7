"""EpisodeWriter and EpisodeReader: what is written is read, what is incomplete is never seen, what
is damaged is refused.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.episode_files import clean_partial, write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.state import STATE_DTYPE, state_record
from auxdrive.errors import DataError, InputError, UsageError
from auxdrive.modalities import MODALITIES, Modality
from hypothesis import given, settings
from hypothesis import strategies as st

STATE = {"steer_rad": 0.1, "throttle": 0.2, "brake": 0.0}


def frame(modality: Modality, seed: int, height: int = 4, width: int = 6) -> np.ndarray:
    spec = MODALITIES[modality]
    high = np.iinfo(spec.numpy_dtype).max
    return np.random.default_rng(seed).integers(
        0, high, spec.array_shape(height, width), dtype=spec.numpy_dtype, endpoint=True
    )


def record_episode(
    folder: Path,
    episode_id: str = "e0",
    modalities: tuple[Modality, ...] = (Modality.RGB,),
    frames: int = 3,
) -> Path:
    with EpisodeWriter(folder, episode_id, modalities) as writer:
        for index in range(frames):
            writer.append(
                {m: frame(m, index) for m in modalities}, {"time_s": 0.1 * index, **STATE}
            )
    return folder / "episodes" / episode_id


@settings(max_examples=25, deadline=None)
@given(
    modalities=st.sets(st.sampled_from(list(Modality)), min_size=1),
    count=st.integers(1, 12),
    height=st.integers(1, 9),
    width=st.integers(1, 9),
)
def test_what_is_written_is_read_and_numpy_reads_it_too(
    modalities: set[Modality], count: int, height: int, width: int
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        with EpisodeWriter(folder, "e", modalities) as writer:
            for index in range(count):
                writer.append(
                    {m: frame(m, index, height, width) for m in modalities},
                    {"time_s": index, **STATE, "command": index},
                )
            assert len(writer) == count
        reader = EpisodeReader(Path(folder) / "episodes" / "e")
        assert len(reader) == count
        assert reader.episode_id == "e"
        assert set(reader.modalities) == modalities
        np.testing.assert_array_equal(reader.state["command"], np.arange(count))
        assert np.isnan(reader.state["x_m"]).all()
        for modality in modalities:
            expected = np.stack([frame(modality, index, height, width) for index in range(count)])
            np.testing.assert_array_equal(reader.frames(modality), expected)
            np.testing.assert_array_equal(
                np.load(reader.path / f"{modality}.npy", allow_pickle=False), expected
            )
            assert reader.frame_shape(modality) == expected.shape[1:]


def test_state_is_mapped_read_only_and_survives_pickling_as_a_path(tmp_path: Path) -> None:
    reader = EpisodeReader(record_episode(tmp_path))
    assert isinstance(reader.state, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        reader.frames(Modality.RGB)[0] = 0
    copy = pickle.loads(pickle.dumps(reader))  # noqa: S301  # our own bytes, as a worker process gets them
    assert copy.path == reader.path
    assert len(pickle.dumps(reader)) < 2000


def test_a_record_of_the_dtype_is_stored_bit_for_bit(tmp_path: Path) -> None:
    record = np.zeros((), STATE_DTYPE)
    for index, name in enumerate(STATE_DTYPE.names or ()):
        record[name] = 0.5 if name in ("steer_rad", "throttle", "brake") else index + 1
    with EpisodeWriter(tmp_path, "e", [Modality.RGB]) as writer:
        writer.append({Modality.RGB: frame(Modality.RGB, 0)}, record[()])
    assert EpisodeReader(tmp_path / "episodes" / "e").state[0].tobytes() == record.tobytes()


def test_a_killed_process_leaves_only_a_partial_folder_that_is_cleaned(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import sys, numpy as np
        from auxdrive.data.episode_writer import EpisodeWriter
        from auxdrive.modalities import Modality
        writer = EpisodeWriter(sys.argv[1], "e", [Modality.RGB])
        state = {"time_s": 0, "steer_rad": 0, "throttle": 0, "brake": 0}
        writer.append({Modality.RGB: np.zeros((4, 6, 3), np.uint8)}, state)
        print("recorded", flush=True)
        sys.stdin.read()
        """
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline() == "recorded\n"
    assert clean_partial(tmp_path) == ()  # its process still runs
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    process.stdin.close()
    assert [entry.name for entry in (tmp_path / "episodes").iterdir()] == [
        f".partial-e-{process.pid}"
    ]
    assert clean_partial(tmp_path) == (f".partial-e-{process.pid}",)
    assert list((tmp_path / "episodes").iterdir()) == []


def test_what_a_killed_process_was_deriving_is_cleaned_too(tmp_path: Path) -> None:
    folder = record_episode(tmp_path)
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (folder / f".partial-edge.npy-{gone.pid}").touch()
    (folder / f".partial-edge.npy-{os.getpid()}").touch()
    assert clean_partial(tmp_path) == (f"e0/.partial-edge.npy-{gone.pid}",)
    assert sorted(file.name for file in folder.iterdir()) == [
        f".partial-edge.npy-{os.getpid()}",
        "rgb.npy",
        "state.npy",
    ]


def test_cleaning_a_folder_without_episodes_does_nothing(tmp_path: Path) -> None:
    assert clean_partial(tmp_path) == ()


def test_memory_does_not_grow_with_the_recording(tmp_path: Path) -> None:
    image = np.zeros((500, 1000, 3), np.uint8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with EpisodeWriter(tmp_path, "e", [Modality.RGB]) as writer:
        for index in range(60):  # 90 MB
            writer.append({Modality.RGB: image}, {"time_s": index, **STATE})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # kB


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


def damage_truncate(episode: Path) -> None:
    os.truncate(episode / "rgb.npy", (episode / "rgb.npy").stat().st_size - 1)


def damage_append(episode: Path) -> None:
    with (episode / "rgb.npy").open("ab") as file:
        file.write(b"x")


def damage_pickle(episode: Path) -> None:
    np.save(episode / "rgb.npy", np.array([{"a": 1}, None, 2], dtype=object), allow_pickle=True)


def damage_raw_pickle(episode: Path) -> None:
    (episode / "rgb.npy").write_bytes(pickle.dumps([1, 2, 3]))


def damage_dtype(episode: Path) -> None:
    np.save(episode / "rgb.npy", np.zeros((3, 4, 6, 3), np.float32))


def damage_rank(episode: Path) -> None:
    np.save(episode / "rgb.npy", np.zeros((3, 4, 6), np.uint8))


def damage_length(episode: Path) -> None:
    np.save(episode / "rgb.npy", np.zeros((2, 4, 6, 3), np.uint8))


def damage_order(episode: Path) -> None:
    np.save(
        episode / "rgb.npy",
        np.asfortranarray(np.random.default_rng(0).integers(0, 9, (3, 4, 6, 3), dtype=np.uint8)),
    )


def damage_state_dtype(episode: Path) -> None:
    np.save(episode / "state.npy", np.zeros(3))


def damage_state_rank(episode: Path) -> None:
    np.save(episode / "state.npy", np.zeros((3, 1), STATE_DTYPE))


def damage_state_missing(episode: Path) -> None:
    (episode / "state.npy").unlink()


def damage_state_empty(episode: Path) -> None:
    np.save(episode / "state.npy", np.zeros(0, STATE_DTYPE))


def damage_zero_bytes(episode: Path) -> None:
    (episode / "rgb.npy").write_bytes(b"")


def damage_header_code(episode: Path) -> None:
    header = (
        b"{'descr': __import__('os').system('true'), 'fortran_order': False, 'shape': (3,)}".ljust(
            117
        )
        + b"\n"
    )
    (episode / "rgb.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    )


def damage_header_bomb(episode: Path) -> None:
    header = (
        b"{'descr': '|u1', 'fortran_order': False, "
        b"'shape': (3, 1000000000, 1000000000, 3), }".ljust(117)
        + b"\n"
    )
    (episode / "rgb.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    )


def damage_version(episode: Path) -> None:
    (episode / "rgb.npy").write_bytes(b"\x93NUMPY\x09\x00" + bytes(200))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_truncate, "truncated"),
        (damage_append, "longer than"),
        (damage_pickle, "pickled"),
        (damage_raw_pickle, "not a readable"),
        (damage_dtype, "are uint8"),
        (damage_rank, "have the shape"),
        (damage_length, "2 frames, but state.npy has 3"),
        (damage_order, "Fortran"),
        (damage_state_dtype, "STATE_DTYPE"),
        (damage_state_rank, "one-dimensional"),
        (damage_state_missing, "no such file"),
        (damage_state_empty, "holds nothing"),
        (damage_zero_bytes, "not a readable"),
        (damage_header_code, "not a readable"),
        (damage_header_bomb, "truncated"),
        (damage_version, "not a readable"),
    ],
)
def test_damaged_episodes_are_refused(tmp_path: Path, damage, message: str) -> None:
    episode = record_episode(tmp_path)
    damage(episode)
    with pytest.raises(DataError, match=message):
        EpisodeReader(episode)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_byte_change_brings_anything_but_a_data_error(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        episode = record_episode(Path(folder))
        content = bytearray((episode / "rgb.npy").read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, 127))] = data.draw(st.integers(0, 255))
        (episode / "rgb.npy").write_bytes(content)
        try:
            frames = EpisodeReader(episode).frames(Modality.RGB)
        except DataError:
            return
        assert frames.shape == (3, 4, 6, 3)


def test_an_episode_says_what_it_lacks(tmp_path: Path) -> None:
    reader = EpisodeReader(record_episode(tmp_path))
    assert reader.has(Modality.RGB)
    assert not reader.has(Modality.DEPTH)
    with pytest.raises(DataError, match="has no depth; it has: rgb"):
        reader.frames(Modality.DEPTH)
    with pytest.raises(DataError, match="no such episode"):
        EpisodeReader(tmp_path / "nowhere")


def test_the_card_is_replaced_in_one_step(tmp_path: Path) -> None:
    card = DatasetCard(
        name="a", rate_hz=10, modalities=(Modality.RGB,), camera=CameraSpec(width=6, height=4)
    )
    write_card(tmp_path / "new", card)
    write_card(tmp_path / "new", card.model_copy(update={"name": "b"}))
    assert json.loads((tmp_path / "new" / "dataset.json").read_text())["name"] == "b"
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["dataset.json"]
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be made"):
        write_card(tmp_path / "file" / "under", card)
