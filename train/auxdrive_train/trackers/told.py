"""All trackers of a run together. One that fails is dropped, and training goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from auxdrive.errors import MissingExtra, WrongVersion
from auxdrive.machine.facts import distribution_of

from auxdrive_train.trackers import TRACKERS
from auxdrive_train.trackers.contract import TrackedRun, Tracker

_LOG = logging.getLogger(__name__)


def load_trackers(names: Sequence[str]) -> dict[str, Callable[[], Tracker]]:
    """What makes the trackers of these names. None is started yet.

    Raises:
        UsageError: there is no such tracker, or its package is broken.
        MissingExtra: it needs an extra that is not installed.
        WrongVersion: its package has a version that does not fit.
    """
    return {name: _load(name) for name in names}


def _load(name: str) -> Callable[[], Tracker]:
    try:
        return TRACKERS[name]
    except ModuleNotFoundError as error:  # a package's own tracker raises UsageError instead
        raise MissingExtra(f"the tracker '{name}'", name) from error
    except ImportError as error:
        package = distribution_of((error.name or name).split(".")[0])
        raise WrongVersion(f"the tracker '{name}'", package, error, name) from error


class Trackers:
    """All trackers of a run.

    Args:
        names: as in `TRACKERS`.

    Raises:
        AuxdriveError: see `load_trackers`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._made = load_trackers(names)
        self._told: dict[str, Tracker] = {}

    def on_start(self, run: TrackedRun) -> None:
        """Make the trackers, and start each."""
        for name, make in self._made.items():
            self._try(name, partial(self._begin, name, make, run))

    def _begin(self, name: str, make: Callable[[], Tracker], run: TrackedRun) -> None:
        self._told[name] = make()
        self._told[name].on_start(run)

    def on_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Pass the numbers of an epoch to each.

        Args:
            step: optimiser steps since the run began.
            metrics: as for `Tracker.on_metrics`.
        """
        for name, tracker in tuple(self._told.items()):
            self._try(name, partial(tracker.on_metrics, step, metrics))

    def on_end(self) -> None:
        """End each."""
        for name, tracker in tuple(self._told.items()):
            self._try(name, tracker.on_end)

    def _try(self, name: str, tell: Callable[[], None]) -> None:
        try:
            tell()
        except Exception as error:  # noqa: BLE001  # whatever a tracker raises, it must not end a training
            self._told.pop(name, None)
            _LOG.warning(
                f"the tracker '{name}' failed ({type(error).__name__}: {error}) and is told "
                "nothing more; training goes on, and metrics.jsonl has all of it",
                exc_info=error,
            )
