"""The loader: order, completeness, errors, the end of its thread, and the time that the consumer
waits.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive_train.data.batch import Batch
from auxdrive_train.data.loader import Loader, epoch_order
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.tasks.steering_angle import SteeringTask
from hypothesis import given
from hypothesis import strategies as st

ROWS = 23


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> SampleSet:
    folder: Path = tmp_path_factory.mktemp("drive")
    with EpisodeWriter(folder, "e0", [Modality.RGB]) as writer:
        for row in range(ROWS):
            state = {"time_s": 0.1 * row, "steer_rad": 0.01 * row, "throttle": 0.0, "brake": 0.0}
            writer.append({Modality.RGB: np.full((4, 6, 3), row, np.uint8)}, state)
    write_card(
        folder,
        DatasetCard(
            name="t", rate_hz=10.0, modalities=(Modality.RGB,), camera=CameraSpec(width=6, height=4)
        ),
    )
    return SampleSet.open(Dataset.open(folder), ("e0",), SteeringTask(), [Modality.RGB])


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Any:
    yield
    gc.collect()
    assert not [thread for thread in threading.enumerate() if thread.name == "auxdrive-loader"]


@given(st.integers(0, 300), st.integers(0, 2**70), st.integers(0, 10_000))
def test_an_epochs_order_is_a_permutation_that_repeats(n: int, seed: int, epoch: int) -> None:
    order = epoch_order(n, seed, epoch)
    assert order.dtype == np.int64
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    np.testing.assert_array_equal(order, epoch_order(n, seed, epoch))


def test_orders_differ_between_seeds_and_epochs() -> None:
    orders = {
        tuple(epoch_order(20, seed, epoch).tolist()) for seed in range(5) for epoch in range(5)
    }
    assert len(orders) == 25


def test_the_order_is_the_same_on_every_machine() -> None:
    # NumPy does not promise its streams for ever: a version that changes them, and so every resumed
    # run, is caught here.
    assert epoch_order(8, 1, 2).tolist() == [0, 2, 4, 1, 5, 7, 6, 3]


def test_first_places_are_evenly_taken() -> None:
    first = Counter(int(epoch_order(4, 0, epoch)[0]) for epoch in range(4000))
    assert all(850 < first[k] < 1150 for k in range(4))


@pytest.mark.parametrize("arguments", [(-1, 0, 0), (3, -1, 0), (3, 0, -1)])
def test_orders_of_negative_numbers(arguments: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match="at least 0"):
        epoch_order(*arguments)


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("batch_size", [1, 5, ROWS, ROWS + 1])
@pytest.mark.parametrize("prefetch", [1, 3])
def test_every_sample_once_in_order(
    samples: SampleSet, batch_size: int, prefetch: int, drop_last: bool
) -> None:
    order = epoch_order(ROWS, 3, 0)
    loader = Loader(samples, batch_size, prefetch, drop_last=drop_last)
    batches = list(loader.iterate(order))
    assert len(batches) == loader.batches(ROWS)
    kept = ROWS // batch_size * batch_size if drop_last else ROWS
    assert [i for batch in batches for i in batch.index.tolist()] == order[:kept].tolist()
    assert all(
        torch.equal(batch.frames[Modality.RGB][:, 0, 0, 0].to(torch.int64), batch.index)
        for batch in batches
    )


def test_no_samples_no_batches(samples: SampleSet) -> None:
    assert list(Loader(samples, 4).iterate(np.zeros(0, np.int64))) == []


def test_an_error_reaches_the_consumer_at_its_batch(samples: SampleSet) -> None:
    batches = Loader(samples, 2).iterate(np.array([0, 1, 2, 99, 4, 5]))
    assert next(batches).index.tolist() == [0, 1]
    with pytest.raises(DataError, match="sample numbers"):
        next(batches)
    with pytest.raises(StopIteration):
        next(batches)


@pytest.mark.parametrize("how", ["close", "break", "drop", "consumer fails"])
def test_the_thread_ends_when_iteration_stops_early(samples: SampleSet, how: str) -> None:
    batches = Loader(samples, 1, prefetch=1).iterate(np.arange(ROWS))
    next(batches)
    if how == "close":
        batches.close()  # type: ignore[attr-defined]
    elif how == "break":
        for _ in batches:
            break
    elif how == "consumer fails":
        with pytest.raises(ZeroDivisionError):
            sum(1 // int(batch.index[0] < 5) for batch in batches)
    del batches  # the fixture looks for the thread


def test_an_iterator_that_never_starts_has_no_thread(samples: SampleSet) -> None:
    before = threading.active_count()
    batches = Loader(samples, 1).iterate(np.arange(ROWS))
    assert threading.active_count() == before
    del batches


class Slow:
    """A sample set behind a slow disk, which also counts what was gathered."""

    def __init__(self, samples: SampleSet, seconds: float) -> None:
        self.samples, self.seconds, self.gathered = samples, seconds, 0

    def gather(self, indices: np.ndarray[Any, np.dtype[np.int64]]) -> Batch:
        time.sleep(self.seconds)
        self.gathered += 1
        return self.samples.gather(indices)


def test_waiting_is_measured(samples: SampleSet) -> None:
    loader = Loader(Slow(samples, 0.02), 5, prefetch=2)  # type: ignore[arg-type]
    for _ in loader.iterate(np.arange(ROWS)):
        pass
    assert loader.waited_s > 0.08
    assert loader.waited_s / loader.total_s > 0.8
    waited_s, total_s = loader.waited_s, loader.total_s
    for _ in loader.iterate(np.arange(ROWS)):
        time.sleep(0.04)  # the consumer is the slower one now: it waits for the first batch alone
    assert loader.total_s - total_s > 0.2
    # about 0.1 on a machine with nothing else to do
    assert (loader.waited_s - waited_s) / (loader.total_s - total_s) < 0.5


def test_the_thread_stays_only_so_far_ahead(samples: SampleSet) -> None:
    slow = Slow(samples, 0.0)
    batches = Loader(slow, 1, prefetch=2).iterate(np.arange(ROWS))  # type: ignore[arg-type]
    next(batches)
    time.sleep(0.1)
    assert slow.gathered == 3  # the one that the consumer has, and two that wait
    batches.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(("batch_size", "prefetch"), [(0, 2), (4, 0)])
def test_sizes_below_one(samples: SampleSet, batch_size: int, prefetch: int) -> None:
    with pytest.raises(UsageError, match="at least 1"):
        Loader(samples, batch_size, prefetch)


def test_a_reading_thread_that_is_gone_is_said(
    samples: SampleSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a forked process, which has the iterator and not its thread: no wait for ever."""
    monkeypatch.setattr("auxdrive_train.data.loader._Producer._run", lambda _: None)
    with pytest.raises(DataError, match="ended without a word"):
        next(iter(Loader(samples, 4).iterate(np.arange(ROWS))))
