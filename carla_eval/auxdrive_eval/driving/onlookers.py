"""Who looks on while a route is driven, and keeps something of it: a data set, a video. They change
nothing of the drive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from auxdrive.types import Control

from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.world import WorldState

if TYPE_CHECKING:
    from auxdrive_eval.driving.runner import RouteResult


@dataclass(frozen=True, slots=True)
class Moment:
    """A tick of a route, once the driver has decided and before the car moves.

    Attributes:
        simulator: whose sensors and expert can be asked.
        state: the world.
        control: what the driver decided.
    """

    simulator: Simulator
    state: WorldState
    control: Control


class Onlooker(Protocol):
    """Looks on while one route is driven. It may ask the simulator's sensors and expert, and must
    not step it.
    """

    def look(self, moment: Moment) -> None:
        """Look at a tick. Frames that the simulator gives are valid until its next call."""

    def end(self, result: RouteResult) -> None:
        """Keep what was seen: the route is over. It is dropped if the simulation crashed, since the
        route is then driven again.
        """

    def drop(self) -> None:
        """Forget what was seen: the route was cut off, and will be driven again."""


@contextmanager
def dropping(onlookers: Sequence[Onlooker]) -> Iterator[None]:
    """Drop what the onlookers have seen if the `with` block raises anything."""
    try:
        yield
    except BaseException:
        for onlooker in onlookers:
            onlooker.drop()
        raise
