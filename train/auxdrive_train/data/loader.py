"""Batches in a given order, read in advance by one thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue

import numpy as np
from auxdrive.errors import DataError, UsageError
from numpy.typing import NDArray

from auxdrive_train.data.batch import Batch
from auxdrive_train.data.samples import SampleSet

_LOOK_EVERY_S = 1.0


def epoch_order(n: int, seed: int, epoch: int) -> NDArray[np.int64]:
    """The order of the samples in an epoch, int64 (n,): a permutation that depends only on (n,
    seed, epoch). So nothing has to be stored to resume in the middle of an epoch.

    Args:
        n: number of samples.
        seed: of the run's phase.
        epoch: number of the epoch.

    Raises:
        UsageError: a number is negative.
    """
    if min(n, seed, epoch) < 0:
        raise UsageError(
            f"epoch_order needs n, seed and epoch of at least 0, got {n}, {seed} and {epoch}"
        )
    sequence = np.random.SeedSequence(entropy=seed, spawn_key=(epoch,))
    return np.random.Generator(np.random.PCG64(sequence)).permutation(n).astype(np.int64)


class Loader:
    """Reads batches of a sample set in advance. One thread is enough: it copies from memory-mapped
    files, which releases Python's lock.

    Args:
        samples: where batches are read from.
        batch_size: samples per batch.
        prefetch: how many batches may wait to be used; memory holds at most prefetch + 2 batches.
        drop_last: leave out a last batch that is not full.
        pin_memory: page-lock batches, for faster copies to a GPU.

    Attributes:
        waited_s: seconds spent waiting for batches, over all iterations.
        total_s: seconds that the iterations took, including what was done with the batches;
            waited_s / total_s is the share of time lost to reading.

    Raises:
        UsageError: batch_size or prefetch is less than 1.
    """

    def __init__(
        self,
        samples: SampleSet,
        batch_size: int,
        prefetch: int = 2,
        *,
        drop_last: bool = False,
        pin_memory: bool = False,
    ) -> None:
        if batch_size < 1 or prefetch < 1:
            raise UsageError(
                f"batch_size and prefetch must be at least 1, got {batch_size} and {prefetch}"
            )
        self.samples = samples
        self.batch_size = batch_size
        self.prefetch = prefetch
        self.drop_last = drop_last
        self.pin_memory = pin_memory
        self.waited_s = 0.0
        self.total_s = 0.0

    def batches(self, n: int) -> int:
        """The number of batches that n samples make."""
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def iterate(self, indices: NDArray[np.int64]) -> Iterator[Batch]:
        """Batches of the samples with these numbers, in this order. The thread starts with the
        first batch, and ends with the iterator, however that ends.

        Raises:
            AuxdriveError, OSError: reading failed; raised when the batch is asked for.
        """
        producer = _Producer(self, np.asarray(indices, dtype=np.int64))
        last_s = time.perf_counter()
        try:
            while True:
                asked_s = time.perf_counter()
                batch = producer.next()
                now_s = time.perf_counter()
                self.waited_s += now_s - asked_s
                self.total_s += now_s - last_s
                last_s = now_s
                if batch is None:
                    return
                yield batch
        finally:
            producer.stop()


class _Producer:
    """The reading thread of one iteration. A semaphore counts the free places, so that neither side
    polls.
    """

    def __init__(self, loader: Loader, indices: NDArray[np.int64]) -> None:
        self._loader = loader
        self._indices = indices
        self._free = threading.Semaphore(loader.prefetch)
        self._stopped = threading.Event()
        self._ready: SimpleQueue[Batch | BaseException | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="auxdrive-loader", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        loader = self._loader
        try:
            for number in range(loader.batches(len(self._indices))):
                self._free.acquire()
                if self._stopped.is_set():
                    return
                start = number * loader.batch_size
                batch = loader.samples.gather(self._indices[start : start + loader.batch_size])
                self._ready.put(batch.pin_memory() if loader.pin_memory else batch)
            self._ready.put(None)
        except BaseException as error:  # noqa: BLE001 (it is raised in the consumer)
            self._ready.put(error)

    def next(self) -> Batch | None:
        """The next batch, or None after the last. Raises what the thread raised."""
        item = self._get()
        if isinstance(item, BaseException):
            raise item
        self._free.release()
        return item

    def _get(self) -> Batch | BaseException | None:
        """The next item from the thread.

        Raises:
            DataError: the thread is gone without an error, as in a process that was forked while
                another one iterated.
        """
        while True:
            try:
                return self._ready.get(timeout=_LOOK_EVERY_S)
            except Empty:
                if not self._thread.is_alive() and self._ready.empty():
                    raise DataError(
                        "the thread that reads batches ahead has ended without a word; start "
                        "again, in the process that iterates"
                    ) from None

    def stop(self) -> None:
        """End the thread, after the batch that it is reading."""
        self._stopped.set()
        self._free.release()
        self._thread.join()
