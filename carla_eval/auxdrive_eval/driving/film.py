"""What the camera saw on a drive, in a few images: some at even distances along the way, and one of
the beginning of each infraction.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from auxdrive.modalities import Modality
from auxdrive.types import UInt8

from auxdrive_eval.criteria import Criterion, Event, EventKind
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.world import Point, WorldState

FILM_IMAGES = 8
INFRACTION_IMAGES = 24
"""The most images of each of the two sorts, however long the drive and however many infractions."""
_FIRST_PERIOD_M = 2.0
_NOTHING_TO_SEE = (EventKind.ROUTE_COMPLETED, EventKind.MIN_SPEED)

Shot = tuple[float, UInt8]
"""Game time in seconds, and an RGB image (H, W, 3)."""


class Film:
    """The film of one drive. The length of the drive is not known in advance, so whenever there are
    too many images, every second one is dropped.

    Args:
        images: the most images at even distances; those of infractions are not counted.
    """

    def __init__(self, images: int = FILM_IMAGES) -> None:
        self._count = images
        self._period_m = _FIRST_PERIOD_M
        self._driven_m = 0.0
        self._next_m = 0.0
        self._centre: Point | None = None
        self._shots: list[tuple[float, Shot]] = []
        self._begun: dict[int, Shot] = {}
        self._infractions: dict[int, Shot] = {}
        self._last: Shot | None = None

    def look(self, simulator: Simulator, state: WorldState) -> None:
        """Take an image if the car has driven far enough since the last one. To be called at every
        tick, before the car is moved.

        Args:
            simulator: whose camera takes the image.
            state: the world that the camera sees.
        """
        if self._centre is not None:
            self._driven_m += math.dist(self._centre, state.ego_centre)
        self._centre = state.ego_centre
        if self._driven_m < self._next_m:
            return
        self._shots.append((self._driven_m, _shot(simulator, state)))
        if len(self._shots) >= 2 * self._count:
            self._shots = self._shots[::2]
            self._period_m *= 2
        self._next_m = self._shots[-1][0] + self._period_m

    def note(
        self,
        simulator: Simulator,
        state: WorldState,
        criteria: Sequence[Criterion],
        news: Iterable[Event],
    ) -> None:
        """Take an image of what begins at this tick. It is kept as long as it may become an event,
        and afterwards if it did.

        Args:
            simulator: whose camera takes the image.
            state: the world after the tick, which the camera sees.
            criteria: that have looked at this state; their `pending` says what began and is not
                decided yet.
            news: the events that were reported at this tick.
        """
        pending = {criterion.pending.frame for criterion in criteria if criterion.pending}
        if state.frame in pending and state.frame not in self._begun:
            self._begun[state.frame] = _shot(simulator, state)
        for event in news:
            frame = state.frame if event.began is None else event.began.frame
            full = len(self._infractions) >= INFRACTION_IMAGES
            if event.kind in _NOTHING_TO_SEE or full:
                continue
            if frame in self._begun:
                self._infractions[frame] = self._begun[frame]
            elif frame == state.frame:
                self._infractions[frame] = _shot(simulator, state)
        self._begun = {frame: shot for frame, shot in self._begun.items() if frame in pending}

    def end(self, simulator: Simulator, state: WorldState) -> None:
        """Take the last image.

        Args:
            simulator: whose camera takes the image.
            state: the world at the end of the route.
        """
        self._last = _shot(simulator, state)

    def shots(self) -> tuple[Shot, ...]:
        """The images in the order of time: the first, the last, those in between that are spread
        most evenly over the distance, and those of infractions.
        """
        spread = [shot for _, shot in self._shots]
        if self._last is not None and (not spread or spread[-1][0] < self._last[0]):
            if len(spread) > 1 and self._driven_m - self._shots[-1][0] < self._period_m / 2:
                spread.pop()
            spread.append(self._last)
        places = np.linspace(0, len(spread) - 1, min(self._count, len(spread)))
        chosen = [spread[i] for i in np.unique(places.round().astype(int))]
        by_time = dict((*chosen, *self._infractions.values()))
        return tuple(sorted(by_time.items(), key=lambda shot: shot[0]))


def _shot(simulator: Simulator, state: WorldState) -> Shot:
    return state.time_s, np.array(simulator.sense({Modality.RGB})[Modality.RGB])
