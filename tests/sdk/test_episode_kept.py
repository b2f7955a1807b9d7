"""What an interrupted recording keeps: a bad instant, an exception, Ctrl-C and a full disk cost no
more than they must.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import InputError
from auxdrive.modalities import MODALITIES, Modality
from hypothesis import given, settings
from hypothesis import strategies as st

STATE = {"steer_rad": 0.1, "throttle": 0.2, "brake": 0.0}
BOTH = (Modality.RGB, Modality.DEPTH)


def frame(modality: Modality, seed: int) -> Any:
    spec = MODALITIES[modality]
    return np.random.default_rng(seed).integers(
        0, 200, spec.array_shape(4, 6), dtype=spec.numpy_dtype
    )


def frames(seed: int) -> dict[Modality, Any]:
    return {modality: frame(modality, seed) for modality in BOTH}


def held(folder: Path, episode_id: str = "e") -> list[float]:
    """The times of what is there, after every frame was compared with what was recorded at that
    time.
    """
    reader = EpisodeReader(folder / "episodes" / episode_id)
    for modality in BOTH:
        for time_s, stored in zip(reader.state["time_s"], reader.frames(modality), strict=True):
            np.testing.assert_array_equal(stored, frame(modality, int(time_s)))
    return [float(time_s) for time_s in reader.state["time_s"]]


# What is wrong with an instant, given the time of the one before: its frames and its state.
BAD: dict[str, Callable[[int], tuple[dict[Any, Any], dict[str, Any]]]] = {
    "time goes back": lambda last_s: ({}, {"time_s": last_s - 3}),
    "time stands": lambda last_s: ({}, {"time_s": last_s}),
    "time is NaN": lambda _: ({}, {"time_s": np.nan}),
    "steering is NaN": lambda _: ({}, {"steer_rad": np.nan}),
    "wrong shape": lambda _: ({Modality.RGB: np.zeros((5, 6, 3), np.uint8)}, {}),
    "wrong dtype": lambda _: ({Modality.DEPTH: np.zeros((4, 6), np.float32)}, {}),
    "no image": lambda _: ({Modality.RGB: None}, {}),
}


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_instant_does_not_cost_the_drive(tmp_path: Path, bad: str) -> None:
    def drive() -> None:
        with EpisodeWriter(tmp_path, "e", BOTH) as writer:
            for tick in range(10):
                wrong, state = BAD[bad](4) if tick == 5 else ({}, {})
                writer.append({**frames(tick), **wrong}, {"time_s": tick, **STATE, **state})

    with pytest.raises(InputError) as raised:
        drive()
    assert held(tmp_path) == [0, 1, 2, 3, 4]
    assert raised.value.__notes__ == [
        f"episode e: the 5 frames before this are kept as {tmp_path / 'episodes' / 'e'}"
    ]


@settings(max_examples=40, deadline=None)
@given(bad=st.dictionaries(st.integers(1, 19), st.sampled_from(sorted(BAD)), max_size=8))
def test_a_loop_that_leaves_bad_instants_out_keeps_all_the_others(bad: Mapping[int, str]) -> None:
    good: list[int] = []
    with tempfile.TemporaryDirectory() as folder:
        with EpisodeWriter(folder, "e", BOTH) as writer:
            for tick in range(20):
                wrong, state = BAD[bad[tick]](good[-1]) if tick in bad else ({}, {})
                try:
                    writer.append({**frames(tick), **wrong}, {"time_s": tick, **STATE, **state})
                except InputError:
                    continue
                good.append(tick)
        assert good == [tick for tick in range(20) if tick not in bad]
        assert held(Path(folder)) == good


def torn(folder: Path, error: BaseException, keep: bool) -> None:
    """An exception in the middle of the third `append`: depth was written, and of the state only
    half a record.
    """

    class Torn(EpisodeWriter):
        def append(self, frames, state) -> None:  # type: ignore[no-untyped-def]
            if len(self) == 2:
                self._streams[Modality.DEPTH].append(frames[Modality.DEPTH])
                self._state._write(bytes(7))
                raise error
            super().append(frames, state)

    with Torn(folder, "e", BOTH, keep_on_error=keep) as writer:
        for tick in range(5):
            writer.append(frames(tick), {"time_s": tick, **STATE})


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), RuntimeError("the camera's driver"), SystemExit(3)], ids=repr
)
def test_what_was_whole_is_kept_whatever_ends_the_block(
    tmp_path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        torn(tmp_path, error, keep=True)
    assert held(tmp_path) == [0, 1]
    with pytest.raises(type(error)), EpisodeWriter(tmp_path, "empty", [Modality.RGB]):
        raise error
    assert [entry.name for entry in (tmp_path / "episodes").iterdir()] == ["e"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("boom")], ids=repr)
def test_a_recording_that_can_be_repeated_drops_what_was_cut_short(
    tmp_path: Path, error: BaseException
) -> None:
    with pytest.raises(type(error)):
        torn(tmp_path, error, keep=False)
    assert list((tmp_path / "episodes").iterdir()) == []


@pytest.mark.parametrize("keep", [True, False])
def test_a_full_disk_keeps_what_was_whole(tmp_path: Path, keep: bool) -> None:
    # RLIMIT_FSIZE makes write fail with EFBIG as a full disk does with ENOSPC; in a child, so that
    # the limit stays there.
    program = textwrap.dedent(
        """
        import resource, signal, sys, numpy as np
        from auxdrive.data.episode_writer import EpisodeWriter
        from auxdrive.errors import DataError, InputError
        from auxdrive.modalities import Modality
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
        try:
            keep = sys.argv[2] == "True"
            with EpisodeWriter(sys.argv[1], "e", [Modality.RGB], keep_on_error=keep) as writer:
                for index in range(100):
                    state = {"time_s": index, "steer_rad": 0, "throttle": 0, "brake": 0}
                    writer.append({Modality.RGB: np.full((40, 60, 3), index, np.uint8)}, state)
        except DataError as error:
            print(error)
        try:
            writer.append({}, {})
        except InputError as error:
            print(error)
        """
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path), str(keep)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "the disk is full" in result.stdout
    assert "after 4 frames" in result.stdout
    assert "is closed" in result.stdout
    names = [entry.name for entry in (tmp_path / "episodes").iterdir()]
    if not keep:
        assert "nothing incomplete was left" in result.stdout
        assert names == []
        return
    assert f"they are kept as {tmp_path / 'episodes' / 'e'}" in result.stdout
    assert names == ["e"]
    reader = EpisodeReader(tmp_path / "episodes" / "e")
    assert reader.frames(Modality.RGB)[:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert reader.state["time_s"].tolist() == [0, 1, 2, 3]


def test_a_disk_that_is_full_before_the_first_instant_leaves_nothing(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import resource, signal, sys, numpy as np
        from auxdrive.data.episode_writer import EpisodeWriter
        from auxdrive.errors import DataError
        from auxdrive.modalities import Modality
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000))
        try:
            with EpisodeWriter(sys.argv[1], "e", [Modality.RGB]) as writer:
                state = {"time_s": 0, "steer_rad": 0, "throttle": 0, "brake": 0}
                writer.append({Modality.RGB: np.zeros((40, 60, 3), np.uint8)}, state)
        except DataError as error:
            print(error)
        """
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert "after 0 frames" in result.stdout
    assert "nothing incomplete was left" in result.stdout
    assert list((tmp_path / "episodes").iterdir()) == []
