"""EpisodeReader refuses episodes whose files are damaged, and raises nothing but DataError."""

from __future__ import annotations

import os
import pickle
import tempfile
from pathlib import Path

import numpy as np
import pytest
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.state import STATE_DTYPE
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from hypothesis import given, settings
from hypothesis import strategies as st
from recorded_episodes import record_episode


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


def drop_field(episode: Path) -> None:
    state = np.load(episode / "state.npy")
    rest = [(name, state.dtype[name]) for name in state.dtype.names if name != "command"]
    np.save(episode / "state.npy", np.zeros(len(state), rest))


def retype_field(episode: Path) -> None:
    names = STATE_DTYPE.names or ()
    fields = [(name, "<i4" if name == "standing_s" else STATE_DTYPE[name]) for name in names]
    np.save(episode / "state.npy", np.zeros(3, fields))


def rename_field(episode: Path) -> None:
    state = np.load(episode / "state.npy")
    fields = [
        (f"{name}x" if name == "brake" else name, state.dtype[name]) for name in state.dtype.names
    ]
    np.save(episode / "state.npy", np.zeros(len(state), fields))


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
        (damage_state_dtype, r"STATE_DTYPE \(found float64\)"),
        (drop_field, "records lack command, so they are of another version.*Record the data"),
        (retype_field, "are not of auxdrive's STATE_DTYPE"),
        (rename_field, "records lack brake and hold brakex, so they are of another version"),
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
