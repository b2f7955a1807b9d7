"""Sample sets, on data sets written with the SDK's own writer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec, DatasetCard, EpisodeOrigin, HistorySpec
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.sessions import Stretch
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import AnyArray
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks.steering_angle import SteeringTask
from auxdrive_train.tasks.waypoints import WaypointsTask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

HEIGHT, WIDTH = 6, 10
RECORDED = (Modality.RGB, Modality.DEPTH, Modality.LIDAR)


def frame(
    modality: Modality, episode: int, row: int, size: tuple[int, int] = (HEIGHT, WIDTH)
) -> AnyArray:
    """A frame that nothing else has."""
    spec = MODALITIES[modality]
    shape = spec.array_shape(64, 64) if modality is Modality.LIDAR else spec.array_shape(*size)
    rng = np.random.default_rng([episode, row, list(Modality).index(modality)])
    return rng.integers(0, np.iinfo(spec.numpy_dtype).max, size=shape, dtype=spec.numpy_dtype)


def record(
    folder: Path, episode: int, rows: int = 30, modalities: Iterable[Modality] = RECORDED,
    size: tuple[int, int] = (HEIGHT, WIDTH), **state: float,
) -> None:  # fmt: skip
    with EpisodeWriter(folder, f"e{episode}", modalities) as writer:
        for row in range(rows):
            driven = {
                "x_m": 0.5 * row,
                "y_m": 0.0,
                "yaw_rad": 0.0,
                "speed_mps": 5.0,
                "target_x_m": 20.0,
                "target_y_m": float(row),
            }
            acted = {
                "time_s": 0.1 * row,
                "steer_rad": episode + 0.01 * row,
                "throttle": 0.5,
                "brake": 0.0,
            }
            writer.append(
                {m: frame(m, episode, row, size) for m in writer.modalities}, driven | acted | state
            )


def open_dataset(folder: Path, splits: Mapping[str, tuple[str, ...]] | None = None) -> Dataset:
    camera = CameraSpec(width=WIDTH, height=HEIGHT)
    write_card(
        folder,
        DatasetCard(
            name="t", rate_hz=10.0, modalities=RECORDED, camera=camera, splits=dict(splits or {})
        ),
    )
    return Dataset.open(folder)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("drives")
    record(folder, 0)
    record(folder, 1, modalities=(Modality.RGB, Modality.DEPTH))
    record(folder, 2, rows=25)
    return open_dataset(folder)


@given(st.lists(st.integers(0, 84), min_size=1, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_gather_brings_each_sample_in_the_order_asked_for(
    dataset: Dataset, wanted: list[int]
) -> None:
    samples = SampleSet.open(dataset, dataset.episode_ids, SteeringTask(), RECORDED)
    assert len(samples) == 85
    batch = samples.gather(np.array(wanted))
    places = [(0, i) if i < 30 else (1, i - 30) if i < 60 else (2, i - 60) for i in wanted]
    assert batch.size == len(wanted)
    assert batch.index.tolist() == wanted
    assert batch.label.dtype == torch.float32
    np.testing.assert_allclose(
        batch.label[:, 0].numpy(), [e + 0.01 * row for e, row in places], rtol=1e-6
    )
    for modality in RECORDED:
        for k, (episode, row) in enumerate(places):
            held = not (modality is Modality.LIDAR and episode == 1)
            assert bool(batch.present[modality][k]) == held
            want = frame(modality, episode, row) * (1 if held else 0)
            np.testing.assert_array_equal(batch.frames[modality][k].numpy(), want)


def test_stored_formats_and_what_is_missing(dataset: Dataset) -> None:
    samples = SampleSet.open(dataset, dataset.episode_ids, SteeringTask(), RECORDED)
    assert samples.missing == {Modality.LIDAR: ["e1"]}
    assert samples.frame_shapes == {
        Modality.RGB: (6, 10, 3),
        Modality.DEPTH: (6, 10),
        Modality.LIDAR: (64, 64, 2),
    }
    batch = samples.gather(np.arange(4)).to("cpu")
    assert [batch.frames[m].dtype for m in RECORDED] == [torch.uint8, torch.uint16, torch.uint8]
    assert batch.ego_be.shape == (4, 0)
    assert batch.frames[Modality.RGB].shape == (4, 6, 10, 3)


def test_earlier_images_of_the_camera_are_of_the_same_episode(dataset: Dataset) -> None:
    """Also where they lie before a stretch. Other modalities have one frame a sample."""
    seen, history = [Modality.RGB, Modality.DEPTH], HistorySpec(frames=3, gap_s=0.3)
    samples = SampleSet.open(dataset, ("e0", Stretch("e2", 10, 25)), SteeringTask(), seen, history)
    places = [(0, 29), (0, 0), (0, 4), (2, 10), (2, 24)]
    batch = samples.gather(np.array([29, 0, 4, 30, 44]))
    assert batch.frames[Modality.DEPTH].shape == (5, 6, 10)
    for images, (episode, row) in zip(batch.frames[Modality.RGB], places, strict=True):
        for image, earlier in zip(images, (row, max(row - 3, 0), max(row - 6, 0)), strict=True):
            np.testing.assert_array_equal(image.numpy(), frame(Modality.RGB, episode, earlier))


def test_invalid_records_are_no_samples(dataset: Dataset) -> None:
    samples = SampleSet.open(dataset, ("e2", "e0"), WaypointsTask(), [Modality.RGB])
    assert samples.episode_ids == ("e2", "e0")
    assert len(samples) == 5 + 10
    np.testing.assert_array_equal(samples.frame_of, [*range(5), *range(10)])
    batch = samples.gather(np.array([7, 0]))
    np.testing.assert_array_equal(batch.frames[Modality.RGB][0].numpy(), frame(Modality.RGB, 0, 2))
    np.testing.assert_allclose(batch.ego_be.numpy(), [[5, 20, 2], [5, 20, 0]])
    np.testing.assert_allclose(
        batch.label[0].numpy(), [[2.5, 0], [5, 0], [7.5, 0], [10, 0]], atol=1e-5
    )


def test_batches_do_not_share_memory_with_the_set(dataset: Dataset) -> None:
    samples = SampleSet.open(dataset, ("e0",), SteeringTask(), [Modality.RGB])
    first = samples.gather(np.arange(3))
    first.frames[Modality.RGB].zero_()
    first.label.zero_()
    np.testing.assert_array_equal(
        samples.gather(np.arange(3)).frames[Modality.RGB][2].numpy(), frame(Modality.RGB, 0, 2)
    )
    assert samples.gather(np.array([2])).label.item() == pytest.approx(0.02)


@pytest.mark.parametrize("wanted", [[], [-1], [85], [[0, 1]]])
def test_numbers_that_are_no_samples(dataset: Dataset, wanted: list[int]) -> None:
    samples = SampleSet.open(dataset, dataset.episode_ids, SteeringTask(), [Modality.RGB])
    with pytest.raises(DataError, match=r"sample numbers in 0\.\.84"):
        samples.gather(np.array(wanted, dtype=np.int64))


def test_choices_that_leave_nothing(dataset: Dataset) -> None:
    with pytest.raises(DataError, match="no episodes were chosen"):
        SampleSet.open(dataset, (), SteeringTask(), [Modality.RGB])
    with pytest.raises(DataError, match="no modalities were chosen"):
        SampleSet.open(dataset, ("e0",), SteeringTask(), [])
    with pytest.raises(
        DataError,
        match="none of the 1 chosen episodes holds lidar; record or derive it, or leave it out",
    ):
        SampleSet.open(dataset, ("e1",), SteeringTask(), RECORDED)
    with pytest.raises(UsageError, match="unknown episode 'e7'"):
        SampleSet.open(dataset, ("e7",), SteeringTask(), RECORDED)


def test_no_record_has_labels(tmp_path: Path) -> None:
    record(tmp_path, 0, x_m=np.nan)
    dataset = open_dataset(tmp_path)
    with pytest.raises(
        DataError,
        match=r"none of 30 records in 1 episodes has labels "
        r"for the task 'waypoints' \(speed_mps, target_ego_m; label waypoints_ego_m\)\. Choose",
    ):
        SampleSet.open(dataset, ("e0",), WaypointsTask(), [Modality.RGB])


def test_an_input_that_no_record_holds_is_named(tmp_path: Path) -> None:
    record(tmp_path, 0, target_y_m=np.nan)
    with pytest.raises(
        DataError, match=r"label waypoints_ego_m\): no record holds target_ego_m\. Choose"
    ):
        SampleSet.open(open_dataset(tmp_path), ("e0",), WaypointsTask(), [Modality.RGB])


def test_two_cameras_are_refused(tmp_path: Path) -> None:
    record(tmp_path, 0, rows=3)
    record(tmp_path, 1, rows=3, size=(8, 10))
    with pytest.raises(
        DataError, match=r"rgb frames differ in size: \(6, 10, 3\) in e0; \(8, 10, 3\) in e1"
    ):
        SampleSet.open(open_dataset(tmp_path), ("e0", "e1"), SteeringTask(), [Modality.RGB])


def test_a_damaged_state_names_its_episode(tmp_path: Path) -> None:
    record(tmp_path, 0, rows=5)
    file = tmp_path / "episodes" / "e0" / "state.npy"
    state = np.load(file, allow_pickle=False)
    state["time_s"][3] = 0.0
    np.save(file, state, allow_pickle=False)
    with pytest.raises(DataError, match="e0: time_s does not increase after record 2"):
        SampleSet.open(open_dataset(tmp_path), ("e0",), SteeringTask(), [Modality.RGB])


def test_stretches_of_episodes(dataset: Dataset) -> None:
    parts = [Stretch("e1", 20, 30), "e2", Stretch("e1", 0, 3)]
    samples = SampleSet.open(dataset, parts, SteeringTask(), [Modality.RGB, Modality.LIDAR])
    assert samples.episode_ids == ("e1", "e2")
    assert samples.missing == {Modality.LIDAR: ["e1"]}
    assert samples.frame_of.tolist() == [0, 1, 2, *range(20, 30), *range(25)]
    assert samples.episode_of.tolist() == [0] * 13 + [1] * 25
    batch = samples.gather(np.array([3, 13]))
    np.testing.assert_array_equal(batch.frames[Modality.RGB][0].numpy(), frame(Modality.RGB, 1, 20))
    np.testing.assert_array_equal(batch.frames[Modality.RGB][1].numpy(), frame(Modality.RGB, 2, 0))


def test_labels_look_beyond_a_stretch_and_not_beyond_the_episode(dataset: Dataset) -> None:
    samples = SampleSet.open(
        dataset, [Stretch("e0", 0, 5), Stretch("e0", 8, 30)], WaypointsTask(), [Modality.RGB]
    )
    # two seconds, or twenty records, ahead
    assert samples.frame_of.tolist() == [0, 1, 2, 3, 4, 8, 9]


def test_what_is_independent_are_sessions_or_minutes_of_few(tmp_path: Path) -> None:
    for episode in range(6):
        record(tmp_path, episode, rows=4, modalities=[Modality.RGB])
    apart = open_dataset(tmp_path)
    groups, what = SampleSet.open(
        apart, apart.episode_ids, SteeringTask(), [Modality.RGB]
    ).independent(5)
    assert (groups.tolist(), what) == (
        [group for group in range(6) for _ in range(4)],
        "6 whole sessions",
    )
    starts_s = (0.0, 30.0, 59.8, 125.0, 0.0, 30.0)
    origins = {
        f"e{n}": EpisodeOrigin(session="one" if n < 4 else "two", start_s=start_s)
        for n, start_s in enumerate(starts_s)
    }
    write_card(tmp_path, apart.card.model_copy(update={"episodes": origins}))
    joined = Dataset.open(tmp_path)
    samples = SampleSet.open(joined, joined.episode_ids, SteeringTask(), [Modality.RGB])
    groups, what = samples.independent(5)
    # the third episode runs into the second minute
    assert groups.tolist() == [0] * 4 + [0] * 4 + [0, 0, 1, 1] + [2] * 4 + [3] * 8
    assert what == "4 whole minutes of 2 session(s)"
    assert samples.taken_s[8:12] == pytest.approx([59.8, 59.9, 60.0, 60.1])
