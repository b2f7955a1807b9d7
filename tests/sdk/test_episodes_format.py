"""EpisodeWriter and EpisodeReader: what is written is read, what is incomplete is never seen."""

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

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.episode_files import clean_partial, write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.state import STATE_DTYPE
from auxdrive.ego_layout import EgoLayout
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_episodes import STATE, frame, record_episode


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


def test_records_of_before_lack_what_came_later(tmp_path: Path) -> None:
    """What the first version wrote stays readable, and in the fingerprint as it is."""
    path = record_episode(tmp_path)
    new = np.array(EpisodeReader(path).state)
    first = [
        ("time_s", "<f8"), ("x_m", "<f8"), ("y_m", "<f8"), ("yaw_rad", "<f8"), ("speed_mps", "<f4"),
        ("steer_rad", "<f4"), ("throttle", "<f4"), ("brake", "<f4"), ("command", "<i1"),
        ("target_x_m", "<f4"), ("target_y_m", "<f4"), ("disturbed", "<i1"),
    ]  # fmt: skip
    old = np.zeros(len(new), first)
    for name in old.dtype.names or ():
        old[name] = new[name]
    np.save(path / "state.npy", old)
    found = EpisodeReader(path).state
    assert (found.dtype, found.flags.writeable) == (STATE_DTYPE, False)
    for name in old.dtype.names or ():
        np.testing.assert_array_equal(found[name], old[name])
    assert np.isnan(found["standing_s"]).all()
    assert (found["next_command"] == -1).all()
    assert (found["last_command"] == -1).all()
    inputs = EgoLayout(("speed_mps", "next_targets_ego_m", "next_command", "standing_s"))
    assert np.isnan(inputs.from_state(found)[:, 1:]).all()


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
