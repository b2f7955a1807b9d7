"""What is broken and what is doubtful in recorded data: cameras that show nothing, time, distances;
and what is neither.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard, EpisodeOrigin
from auxdrive.cli import build_app
from auxdrive.data.camera_faults import (
    DARK_LEVEL,
    MIN_FRAMES,
    SATURATED_LEVEL,
    CameraFaults,
    episode_faults,
)
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_reader import EpisodeReader
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.timing import breaks, measured_rate_hz
from auxdrive.inspection.findings import examine
from auxdrive.modalities import Modality
from auxdrive.types import UInt8
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

HEIGHT, WIDTH = 40, 150  # larger than the grid that is looked at first


def noise(seed: int) -> UInt8:
    return np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def write(
    folder: Path,
    episode_id: str,
    images: Sequence[UInt8],
    speed_mps: Sequence[float] | None = None,
    times_s: Sequence[float] | None = None,
) -> EpisodeReader:
    with EpisodeWriter(folder, episode_id, [Modality.RGB]) as writer:
        for index, image in enumerate(images):
            state = {
                "time_s": times_s[index] if times_s else index / 10,
                "steer_rad": 0.01 * (index % 7),
                "throttle": 0.5,
                "brake": 0.0,
            }
            writer.append(
                {Modality.RGB: image},
                state if speed_mps is None else {**state, "speed_mps": speed_mps[index]},
            )
    return EpisodeReader(folder / "episodes" / episode_id)


def card(folder: Path, **changes: Any) -> Dataset:
    camera = CameraSpec(width=WIDTH, height=HEIGHT)
    write_card(
        folder,
        DatasetCard(
            name="t",
            **{"rate_hz": 10.0, "modalities": (Modality.RGB,), "camera": camera, **changes},
        ),
    )
    return Dataset.open(folder)


def test_a_frozen_camera_is_broken_everywhere(tmp_path: Path) -> None:
    write(tmp_path, "e", [noise(0)] * 120)
    found = examine(card(tmp_path))
    assert found.camera_faults == CameraFaults(frames=120, followed=119, repeated=119)
    assert found.broken == ["100% of the images repeat the one before them: the camera was frozen"]
    result = CliRunner().invoke(build_app(), ["inspect", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["camera_faults"]["repeated"] == 119
    shown = CliRunner().invoke(build_app(), ["inspect", str(tmp_path)])
    told = "of 120 images 119 repeat the one before them, 0 are dark, 0 are saturated"
    assert told in shown.output
    page = tmp_path / "page.html"
    assert (
        CliRunner().invoke(build_app(), ["inspect", str(tmp_path), "--html", str(page)]).exit_code
        == 1
    )
    assert told in page.read_text()
    assert "Broken (1)" in page.read_text()


def one_value(level: int) -> Callable[[int], UInt8]:
    """Images of one level with a moving pixel, so that none is its predecessor."""

    def make(index: int) -> UInt8:
        image = np.full((HEIGHT, WIDTH, 3), level, np.uint8)
        image[index % HEIGHT, index % WIDTH] = 128
        return image

    return make


@pytest.mark.parametrize(
    ("level", "dark", "saturated"),
    [
        (0, 60, 0),
        (DARK_LEVEL, 60, 0),
        (DARK_LEVEL + 1, 0, 0),
        (SATURATED_LEVEL - 1, 0, 0),
        (SATURATED_LEVEL, 0, 60),
        (255, 0, 60),
    ],
)
def test_dark_and_saturated_images(tmp_path: Path, level: int, dark: int, saturated: int) -> None:
    write(tmp_path, "e", [one_value(level)(index) for index in range(60)])
    found = examine(card(tmp_path))
    assert found.camera_faults == CameraFaults(60, 59, 0, dark, saturated)
    assert len(found.broken) == (1 if dark or saturated else 0)


@given(alike=st.lists(st.booleans(), min_size=1, max_size=30), chunk=st.integers(1, 40))
def test_every_repeated_frame_is_counted_and_no_other(
    alike: list[bool], chunk: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Frames that differ in one pixel, which need not lie in the grid, are no repeats; whatever
    number is read at a time.
    """
    folder = tmp_path_factory.mktemp("repeats")
    images = [noise(0)]
    for index, same in enumerate(alike):
        following = images[-1].copy()
        if not same:
            following[index % HEIGHT, (17 * index) % WIDTH, index % 3] ^= 1
        images.append(following)
    episode = write(folder, "e", images)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("auxdrive.data.camera_faults._CHUNK_BYTES", chunk * 14 * WIDTH * 3)
        assert episode_faults(episode) == CameraFaults(len(images), len(alike), sum(alike))


def test_a_vehicle_that_stands_sees_the_same_by_right(tmp_path: Path) -> None:
    speeds = [0.0] * 30 + [4.0] * 30
    write(tmp_path, "e", [noise(0)] * 30 + [noise(index) for index in range(30)], speeds)
    found = examine(card(tmp_path))
    # Of the 59 steps 29 are at rest; when it starts to move, the first image is still the one
    # before.
    assert found.camera_faults == CameraFaults(frames=60, followed=30, repeated=1)
    assert found.broken == []
    assert found.doubts == ["3.3% of the images repeat the one before them"]


def test_a_vehicle_that_reverses_does_not_stand(tmp_path: Path) -> None:
    write(tmp_path, "e", [noise(0)] * 40, speed_mps=[-1.0] * 40)
    assert examine(card(tmp_path)).broken == [
        "100% of the images repeat the one before them: the camera was frozen"
    ]


def test_one_session_with_a_frozen_camera_is_found_among_many(tmp_path: Path) -> None:
    for number in range(9):
        frozen = number == 4
        write(
            tmp_path,
            f"e{number}",
            [noise(0 if frozen else 100 * number + index) for index in range(MIN_FRAMES)],
        )
    found = examine(card(tmp_path))
    assert found.broken == ["in 1 of 9 sessions most images repeat the one before them: e4"]


def test_episodes_of_a_few_frames_are_judged_together(tmp_path: Path) -> None:
    """An episode of two frames, four periods apart, says nothing of the rate; nor do two equal
    frames make a frozen camera.
    """
    origins = {}
    for number in range(30):
        images = (
            [noise(0)] * 2
            if number == 3
            else [noise(10 * number + index) for index in range(3 if number % 2 else 2)]
        )
        write(
            tmp_path,
            f"e{number:02d}",
            images,
            times_s=[0.0, 0.45] if number == 3 else [0.0, 0.1, 0.2],
        )
        origins[f"e{number:02d}"] = EpisodeOrigin(session="drive", start_s=2.0 * number)
    found = examine(card(tmp_path, episodes=origins))
    assert found.broken == []


def test_the_rate_is_that_of_all_steps_together(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path, f"e{number}", [noise(100 * number + index) for index in range(30)])
    assert examine(card(tmp_path)).broken == []
    assert examine(card(tmp_path, rate_hz=10.9)).broken == []
    assert examine(card(tmp_path, rate_hz=20.0)).broken == [
        "recorded at 10.00 Hz, the card says 20 Hz"
    ]
    write(
        tmp_path,
        "slow",
        [noise(index) for index in range(30)],
        times_s=[0.4 * index for index in range(30)],
    )
    found = examine(card(tmp_path))
    assert found.broken == []
    assert found.doubts == [
        "1 of 5 sessions were recorded at another rate than the card's 10 Hz: slow at 2.50 Hz"
    ]


def test_distances_between_splits_are_doubted_and_held_against_the_card(tmp_path: Path) -> None:
    origins = {}
    for number, start_s in enumerate((0.0, 3.0, 9.0)):
        write(tmp_path, f"e{number}", [noise(100 * number + index) for index in range(30)])
        origins[f"e{number}"] = EpisodeOrigin(session="drive", start_s=start_s)
    splits = {"train": ("e0",), "val": ("e1",), "test": ("e2",)}
    found = examine(card(tmp_path, episodes=origins, splits=splits))
    assert [line.split(":")[0] for line in found.doubts] == ["split 'train'", "split 'val'"]
    assert "at least 0.10 s from the other splits: too close" in found.doubts[0]
    assert found.broken == []
    found = examine(
        card(
            tmp_path,
            episodes=origins,
            splits=splits,
            apart_s={"train": 0.1, "val": 5.0, "test": None},
        )
    )
    assert len(found.broken) == 2
    assert found.broken[0] == (
        "the card's apart_s says that split 'val' lies at least 5.00 s from the other splits; "
        "it lies at least 0.10 s from them: too close, frames so near each other are almost the "
        "same image. Correct it"
    )


def test_straight_on_is_an_angle_and_not_a_zero(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path, "e", [Modality.RGB]) as writer:
        for index, steer_deg in enumerate((0.0, 0.4, -0.9, 1.1, -20.0)):
            state = {
                "time_s": index / 10,
                "steer_rad": np.radians(steer_deg),
                "throttle": 0.5,
                "brake": 0.0,
            }
            writer.append({Modality.RGB: noise(index)}, state)
    card(tmp_path)
    result = CliRunner().invoke(build_app(), ["inspect", str(tmp_path), "--json"])
    (split,) = json.loads(result.stdout)["splits"].values()
    assert split["steer_deg"]["straight_share"] == pytest.approx(0.6)
    assert "straight" in CliRunner().invoke(build_app(), ["inspect", str(tmp_path)]).output


@given(st.lists(st.floats(0.01, 20.0), min_size=1, max_size=60))
def test_a_recording_and_its_episodes_have_one_rate(steps_s: list[float]) -> None:
    """What is cut at the measured rate is measured the same: nothing that a reader made is called
    broken.
    """
    steps = np.array(steps_s)
    rate_hz = measured_rate_hz(steps)
    assert rate_hz is not None
    within = np.array([step for step in steps if not breaks(float(step), rate_hz, 1e-3)])
    assert measured_rate_hz(within) == pytest.approx(rate_hz)
