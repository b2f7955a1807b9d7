"""What a scenario is: a traffic situation that is set up at a place of a route, begins when the ego
comes there, and ends.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np

from auxdrive_eval.simulators.embedded.scenarios.ground import Ground
from auxdrive_eval.simulators.embedded.scenarios.stage import Stage


class Scenario(ABC):
    """One scenario at one place.

    Attributes:
        title: what happens, in words.
        reach_m: length of the route that it needs, from its trigger on. Scenarios that are drawn
            do not overlap.
        timeout_s: it ends at the latest so long after it began.
        at_m: where on the route the ego sets it off.
        actor_ids: who and what belongs to it, by the ids of contacts.
        left_m: where on the route the ego has left it behind, for scenarios whose time leaderboard
            2.x limits (those of scenario_runner with a ScenarioTimeout); None for all others.
        missed: why it did not happen although the ego came; empty while it may.

    Args:
        at_m: where on the route the ego sets it off.
    """

    title: ClassVar[str]
    reach_m: ClassVar[float] = 60.0
    timeout_s: ClassVar[float] = 60.0

    def __init__(self, at_m: float) -> None:
        self.at_m = at_m
        self.actor_ids: set[int] = set()
        self.left_m: float | None = None
        self.missed = ""

    @classmethod
    def fits(cls, ground: Ground) -> bool:  # noqa: ARG003 - most fit on every route
        """Whether a route could hold it anywhere, as far as that can be told of the whole. Where it
        does not, it takes no part in the draw, and the others are drawn as if it was not there.

        Args:
            ground: the route.
        """
        return True

    @classmethod
    @abstractmethod
    def place(cls, ground: Ground, at_m: float, rng: np.random.Generator) -> Self | str:
        """The scenario with its trigger at a place of the route, or why it cannot be there.

        Args:
            ground: the route.
            at_m: distance along it.
            rng: draws what may vary.
        """

    def prepare(self, stage: Stage) -> None:  # noqa: B027 - most have nothing to prepare
        """Put there what stands there before the ego comes."""

    @abstractmethod
    def step(self, stage: Stage) -> bool:
        """Go on by a tick; called from the tick on in which the ego sets it off.

        Returns:
            Whether it is over.
        """

    def leave(self, stage: Stage) -> None:  # noqa: B027 - most leave nothing to undo
        """Undo what must not outlast it; called once when it is over."""
