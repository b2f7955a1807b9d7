"""A student at the wheel while a data set is recorded: when it drives, what it does wrong, when it
is helped, and when nothing can be learned from its episode any more.
"""

from __future__ import annotations

from collections.abc import Iterable

from auxdrive.data.driving_mistakes import DrivingMistake
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import AuxdriveError
from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control

from auxdrive_eval.collecting.mixture import Mixture
from auxdrive_eval.collecting.settings import StudentSettings
from auxdrive_eval.criteria import TERMINAL_KINDS, Event, EventKind
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.drivers import Driver
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import DEFAULT_RULES, RULE_SETS
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.world import WorldState

HESITATION_S = 10.0
"""So long a student may stand where the expert would go: then it would not start, further frames of
the same view teach nothing new, and the expert drives on for `HELP_S`.
"""
HELP_S = 5.0
"""Long enough to be across a junction's stop line."""
WOULD_NOT_START = "would_not_start"
_NO_MISTAKES = frozenset(
    {
        EventKind.ROUTE_COMPLETED,
        EventKind.ROUTE_TIMEOUT,
        EventKind.SCENARIO_TIMEOUT,
        EventKind.MIN_SPEED,
    }
)
"""Events that are none, or are not made at one place."""


class StudentFailed(AuxdriveError):
    """The student cannot be set up, or failed while it drove."""


def mistakes_among(events: Iterable[Event]) -> tuple[DrivingMistake, ...]:
    """What the driver did wrong, as a data set keeps it.

    Args:
        events: that the criteria reported.
    """
    return tuple(
        DrivingMistake(kind=event.kind.value, time_s=event.began_s)
        for event in events
        if event.kind not in _NO_MISTAKES
    )


class StudentAtTheWheel:
    """Drives in turns with the expert. Its route is watched by the default rules. A student is
    asked at every tick, also while the expert drives, so that one that remembers what it saw is
    never asleep.

    Args:
        driver: the student with its controller; it is not closed here.
        settings: how often the expert drives instead.
    """

    def __init__(self, driver: Driver, settings: StudentSettings) -> None:
        self._driver, self._expert_share = driver, settings.mix
        self.ahead = settings.ahead

    def start(self, route: Route, seed: int) -> None:
        """Begin a route.

        Args:
            route: that is driven.
            seed: of whose turn it is when, and of the random numbers that the student may draw.

        Raises:
            StudentFailed: the student cannot be set up.
        """
        self._mixture = Mixture(seed, self._expert_share)
        self._criteria = RULE_SETS[DEFAULT_RULES].criteria(route)
        self._should_go_since_s: float | None = None
        self._helped_until_s = 0.0
        try:
            self._driver.start(route, seed)
        except AgentFailed as failed:
            raise StudentFailed(f"the student cannot be set up: {failed.text}") from failed

    def drives(self, state: WorldState) -> bool:
        """Whether it is the student's turn at this tick."""
        # the mixture is asked in any case, since its stretches are drawn one after the other
        own_turn = not self._mixture.expert_drives(state.time_s)
        return own_turn and state.time_s >= self._helped_until_s

    def control(self, simulator: Simulator, state: WorldState, label: Control) -> Control:
        """What the student would do at this tick.

        Args:
            simulator: whose sensors it sees by.
            state: the world at this tick.
            label: what the expert would do.

        Raises:
            StudentFailed: the student failed.
        """
        wants_to_go = label.throttle > 0 and not label.brake
        if state.speed_mps > STANDING_MPS or not wants_to_go:
            self._should_go_since_s = None
        elif self._should_go_since_s is None:
            self._should_go_since_s = state.time_s
        try:
            return self._driver.control(simulator, state)
        except AgentFailed as failed:
            raise StudentFailed(
                f"the student failed {state.time_s:.1f} s after the start of the route: "
                f"{failed.text}"
            ) from failed

    def is_lost(self, state: WorldState, writer: EpisodeWriter) -> bool:
        """Watch the world after a tick, and note what went wrong with the episode.

        Args:
            state: the world.
            writer: of the episode.

        Returns:
            Whether the episode is over, since the student has lost its route or hit something.
        """
        events = [event for criterion in self._criteria for event in criterion.update(state)]
        _note(events, writer)
        since_s = self._should_go_since_s
        if since_s is not None and state.time_s - since_s >= HESITATION_S:
            writer.note_mistake(DrivingMistake(kind=WOULD_NOT_START, time_s=since_s))
            self._should_go_since_s = None
            self._helped_until_s = state.time_s + HELP_S
        return any(event.kind in TERMINAL_KINDS for event in events)

    def end(self, state: WorldState, writer: EpisodeWriter) -> None:
        """Note what the rules say only once the episode is over.

        Args:
            state: the world at its end.
            writer: of the episode.
        """
        _note([event for criterion in self._criteria for event in criterion.finish(state)], writer)


def _note(events: Iterable[Event], writer: EpisodeWriter) -> None:
    for mistake in mistakes_among(events):
        writer.note_mistake(mistake)
