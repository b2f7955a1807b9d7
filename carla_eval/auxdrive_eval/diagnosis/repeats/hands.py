"""Who drives a stored route again: the controls that were kept, or the driver itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from auxdrive.types import Control, Float64

from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.drivers import Driver
from auxdrive_eval.driving.onlookers.decisions import Predicted, predicted_by, prediction_table
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.world import WorldState


class Hand(Protocol):
    """Who drives again."""

    def control(self, simulator: Simulator, state: WorldState, tick: int) -> Control | None:
        """The control of a tick; None where there is none any more.

        Args:
            simulator: that is driven in.
            state: the world.
            tick: its number, from 0.
        """

    def predicted(self, time_s: float) -> Predicted | None:
        """The last prediction up to a time."""


class RecordedHand:
    """The controls and predictions that were kept with a drive.

    Args:
        controls: (N, 3): road-wheel angle, throttle and brake of each tick.
        predictions: in the order of time.
    """

    def __init__(self, controls: Float64, predictions: Sequence[Predicted]) -> None:
        self._controls, self._predictions = controls, predictions

    def control(self, simulator: Simulator, state: WorldState, tick: int) -> Control | None:
        """See `Hand`.

        Args:
            simulator: not asked.
            state: not used.
            tick: number of the tick, from 0.
        """
        del simulator, state
        return Control(*self._controls[tick].tolist()) if tick < len(self._controls) else None

    def predicted(self, time_s: float) -> Predicted | None:
        """See `Hand`."""
        past = (each for each in self._predictions if each.time_s <= time_s + 1e-9)
        return max(past, key=lambda each: each.time_s, default=None)


class DrivingHand:
    """The driver itself, who drives again as it did.

    Args:
        driver: already started on the route.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def control(self, simulator: Simulator, state: WorldState, tick: int) -> Control | None:
        """See `Hand`.

        Args:
            simulator: that is driven in.
            state: the world.
            tick: not used.
        """
        del tick
        try:
            return self._driver.control(simulator, state)
        except AgentFailed:  # as it may have on the drive itself
            return None

    def predicted(self, time_s: float) -> Predicted | None:
        """See `Hand`.

        Args:
            time_s: not used: it is now.
        """
        del time_s
        table = None if self._driver.seen is None else prediction_table([self._driver.seen])
        return None if table is None else next(iter(predicted_by(table)), None)
