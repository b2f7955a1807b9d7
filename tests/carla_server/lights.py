"""Traffic lights in turn: one phase of a junction at a time is green, then yellow, then all red."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .actors import Actor

RED, YELLOW, GREEN = 0, 1, 2
ROUNDING = 1e-6  # s


@dataclass
class Junction:
    """The lights of one junction: phases in turn, and which one has its turn."""

    phases: list[list[int]]
    turn: int = 0
    started: bool = field(default=False)

    def step(self, actors: Mapping[int, Actor], seconds: float) -> None:
        """Let time pass; a frozen junction waits.

        Args:
            actors: by id.
            seconds: of the step.
        """
        mine = [actors[i] for phase in self.phases for i in phase]
        if any(light.phase.frozen for light in mine):
            return
        if not self.started:
            self._show(actors, GREEN)
            self.started = True
        for light in mine:
            light.phase.elapsed += seconds
        first = actors[self.phases[self.turn][0]].phase
        lasts = {GREEN: first.green, YELLOW: first.yellow, RED: first.red}[first.shows]
        if first.elapsed < lasts - ROUNDING:
            return
        if first.shows == RED:
            self.turn = (self.turn + 1) % len(self.phases)
        self._show(actors, {GREEN: YELLOW, YELLOW: RED, RED: GREEN}[first.shows])

    def reset(self, actors: Mapping[int, Actor]) -> None:
        """Begin again with the first phase."""
        self.turn = 0
        self._show(actors, GREEN)

    def _show(self, actors: Mapping[int, Actor], shows: int) -> None:
        for index, phase in enumerate(self.phases):
            for light in (actors[i] for i in phase):
                light.phase.shows = shows if index == self.turn else RED
                light.phase.elapsed = 0.0
