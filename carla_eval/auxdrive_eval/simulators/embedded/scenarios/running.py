"""The scenarios of a route while it is driven: when each begins and ends, and what comes of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from auxdrive.types import Control

from auxdrive_eval.route import RouteScenario
from auxdrive_eval.simulators.embedded.scenarios import SCENARIOS, known_kind
from auxdrive_eval.simulators.embedded.scenarios.base import Scenario
from auxdrive_eval.simulators.embedded.scenarios.stage import NoRoom, Stage
from auxdrive_eval.simulators.embedded.traffic.car import Claim
from auxdrive_eval.world import BlockingScenario, Contact, ScenarioOutcome, ScenarioState

FIRST_M, LAST_M = 5.0, 15.0
"""Drawn scenarios begin no nearer to the route's start, and end no nearer to its end."""
GRID_M = 4.0
APART_M = 10.0
TRIGGER_M, TRIGGER_RAD = 5.0, math.radians(60.0)
"""A file's trigger means the point of the route that is no farther away, and looks its way."""


@dataclass(slots=True)
class _Entry:
    state: ScenarioState
    scenario: Scenario | None


class RouteScenarios:
    """All scenarios of one drive.

    Args:
        stage: the world in which they happen.
        kinds: of which one each is drawn, where the route has room for it.
    """

    def __init__(self, stage: Stage, kinds: Sequence[str]) -> None:
        self._stage = stage
        self._entries = [
            *(_asked(stage, asked) for asked in stage.ground.route.scenarios),
            *_drawn(stage, kinds),
        ]
        for entry in self._entries:
            self._prepare(entry)
        self._told: tuple[ScenarioState, ...] | None = None

    def _prepare(self, entry: _Entry) -> None:
        stage = self._stage
        before = set(stage.bodies.all)
        try:
            if entry.scenario is not None:
                entry.scenario.prepare(stage)
        except NoRoom as found:
            stage.dismiss(stage.bodies.all.keys() - before)
            entry.scenario = None
            entry.state = replace(
                entry.state, at_m=None, outcome=ScenarioOutcome.NOT_PLACED, note=str(found)
            )

    def states(self) -> tuple[ScenarioState, ...]:
        """What has come of each so far, in the order of the route's file, then as drawn."""
        if self._told is None:
            self._told = tuple(entry.state for entry in self._entries)
        return self._told

    def blocking(self) -> tuple[BlockingScenario, ...]:
        """Those in which the ego is and whose time is limited; see `WorldState`."""
        return tuple(
            BlockingScenario(state.name, state.began_s)
            for scenario, state in ((entry.scenario, entry.state) for entry in self._entries)
            if scenario is not None and scenario.left_m is not None and state.began_s is not None
            if not scenario.missed and self._stage.ego_m <= scenario.left_m
        )

    def claims(self) -> list[Claim]:
        """What bodies cover and will cover, and where cars come that obey no rule."""
        return [*self._stage.bodies.claims(), *self._stage.claims]

    def disturbed(self, control: Control) -> Control:
        """The control that reaches the ego.

        Args:
            control: its driver's.
        """
        stage = self._stage
        if stage.steer_bias_rad == 0.0 and stage.pedal_bias == 0.0:
            return control
        return replace(
            control,
            steer_rad=control.steer_rad + stage.steer_bias_rad,
            throttle=control.throttle + stage.pedal_bias,
        )

    def step(self, time_s: float) -> None:
        """Begin, continue and end scenarios; called after the ego has moved.

        Args:
            time_s: game time.
        """
        stage = self._stage
        stage.time_s, told_s = time_s, round(time_s, 3)
        stage.claims.clear()
        for entry in self._entries:
            scenario, state = entry.scenario, entry.state
            if scenario is None or state.ended_s is not None:
                continue
            if state.began_s is None:
                if stage.ego_m < scenario.at_m:
                    continue
                state = self._note(entry, began_s=told_s, outcome=_unless_hit(state, "RUNNING"))
            assert state.began_s is not None
            try:
                over = scenario.step(stage)
            except NoRoom as found:
                over, scenario.missed = False, str(found)
            if scenario.missed:
                self._note(
                    entry,
                    ended_s=told_s,
                    outcome=ScenarioOutcome.NOT_PLACED,
                    note=scenario.missed,
                )
                self._leave(scenario)
            elif over or time_s - state.began_s > scenario.timeout_s:
                name = "PASSED" if over else "TIMED_OUT"
                self._note(entry, ended_s=told_s, outcome=_unless_hit(state, name))
                self._leave(scenario)

    def _leave(self, scenario: Scenario) -> None:
        scenario.leave(self._stage)
        self._stage.dismiss(scenario.actor_ids)

    def note(self, contacts: Iterable[Contact]) -> None:
        """Learn what the ego touches in this tick."""
        touched = {contact.other_id for contact in contacts}
        for entry in self._entries if touched else ():
            if (
                entry.scenario is not None
                and entry.state.outcome is not ScenarioOutcome.COLLISION
                and not touched.isdisjoint(entry.scenario.actor_ids)
            ):
                self._note(entry, outcome=ScenarioOutcome.COLLISION)

    def _note(self, entry: _Entry, **changes: object) -> ScenarioState:
        entry.state = replace(entry.state, **changes)  # type: ignore[arg-type]
        self._told = None
        return entry.state


def _unless_hit(state: ScenarioState, name: str) -> ScenarioOutcome:
    hit = ScenarioOutcome.COLLISION
    return hit if state.outcome is hit else ScenarioOutcome[name]


def _asked(stage: Stage, asked: RouteScenario) -> _Entry:
    """A scenario of the route's file."""
    kind = known_kind(asked.kind)
    assert kind is not None, asked.kind
    ground = stage.ground
    away = np.hypot(*(ground.line.points - asked.trigger).T)
    turned = np.abs(np.remainder(ground.line.yaw_rad - asked.yaw_rad + np.pi, math.tau) - np.pi)
    fitting = np.where(turned <= TRIGGER_RAD, away, np.inf)
    nearest = int(np.argmin(fitting))
    placed: Scenario | str
    if fitting[nearest] > TRIGGER_M:
        placed = f"its trigger lies {away.min():.1f} m from the route"
    else:
        placed = SCENARIOS[kind].place(ground, float(ground.along[nearest]), stage.rng)
    if isinstance(placed, str):
        nowhere = ScenarioState(asked.name, kind, None, ScenarioOutcome.NOT_PLACED, note=placed)
        return _Entry(nowhere, None)
    return _ahead(asked.name, kind, placed)


def _drawn(stage: Stage, kinds: Sequence[str]) -> list[_Entry]:
    """One scenario of each kind, as far as the route has room for it, in the order of the route."""
    ground, rng = stage.ground, stage.rng
    places = np.arange(FIRST_M, ground.length_m - LAST_M, GRID_M)
    found: list[tuple[str, Scenario]] = []
    fitting = [kind for kind in kinds if SCENARIOS[kind].fits(ground)]
    for kind in rng.permutation(fitting).tolist() if fitting else ():
        reach_m = SCENARIOS[kind].reach_m
        for at in rng.permutation(places).tolist():
            if at + reach_m > ground.length_m - LAST_M or not _is_apart(at, reach_m, found):
                continue
            placed = SCENARIOS[kind].place(ground, at, rng)
            if isinstance(placed, Scenario):
                found.append((kind, placed))
                break
    found.sort(key=lambda entry: entry[1].at_m)
    return [_ahead(f"{kind}_drawn", kind, scenario) for kind, scenario in found]


def _is_apart(at_m: float, reach_m: float, found: Sequence[tuple[str, Scenario]]) -> bool:
    return all(
        at_m + reach_m + APART_M <= other.at_m or other.at_m + other.reach_m + APART_M <= at_m
        for _, other in found
    )


def _ahead(name: str, kind: str, scenario: Scenario) -> _Entry:
    return _Entry(ScenarioState(name, kind, scenario.at_m, ScenarioOutcome.AHEAD), scenario)
