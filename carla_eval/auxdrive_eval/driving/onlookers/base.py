"""Who looks on while a route is driven, and keeps something of it: a data set, a video. They change
nothing of the drive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from auxdrive.types import Control

from auxdrive_eval.criteria import Event
from auxdrive_eval.driving.drivers import Seen
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
        seen: what it went by; None if it does not predict, or has not yet.
        flags: what its safety envelope raised at this tick.
        events: what the criteria have reported so far.
    """

    simulator: Simulator
    state: WorldState
    control: Control
    seen: Seen | None = None
    flags: frozenset[str] = frozenset()
    events: Sequence[Event] = ()


class Onlooker(Protocol):
    """Looks on while one route is driven. It may ask the simulator's sensors and expert, and must
    not step it.
    """

    def look(self, moment: Moment) -> None:
        """Look at a tick. Frames that the simulator gives are valid until its next call."""

    def end(self, result: RouteResult) -> Mapping[str, bytes]:
        """Keep what was seen: the route is over. It is dropped if the simulation crashed, since the
        route is then driven again.

        Returns:
            Files that are stored beside the route's result, by their names.
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
