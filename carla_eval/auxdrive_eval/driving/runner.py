"""Driving one route: simulator, driver and criteria, tick by tick, until the route ends."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from auxdrive.types import AnyArray, Control, UInt8

from auxdrive_eval.criteria import TERMINAL_KINDS, Event
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.drivers import Driver
from auxdrive_eval.driving.film import Film
from auxdrive_eval.driving.onlookers.base import Moment, Onlooker
from auxdrive_eval.driving.tally import Tally
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.records import (
    OUT_OF_TICKS,
    SIMULATION_CRASHED,
    RouteMeta,
    RouteRecord,
    make_record,
)
from auxdrive_eval.scoring.rule_sets import RuleSet
from auxdrive_eval.simulators.base import SimulationCrashed, Simulator
from auxdrive_eval.world import ScenarioState, WorldState

TRACE_DTYPE = np.dtype(
    [
        ("time_s", "<f8"),
        ("x_m", "<f8"),
        ("y_m", "<f8"),
        ("yaw_rad", "<f8"),
        ("speed_mps", "<f4"),
        ("steer_rad", "<f4"),
    ]
)
"""The driven path: one row per tick with the position of the ego's centre in the right-handed world
frame.
"""


@dataclass(frozen=True, slots=True)
class Failure:
    """What ended a route, where it was not how the agent drove.

    Attributes:
        failure: the leaderboard's words, such as `SIMULATION_CRASHED`.
        text: why, one line or more.
    """

    failure: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class RouteResult:
    """The result of a route.

    Attributes:
        record: the entry of the results document.
        events: what the criteria observed.
        trace: `TRACE_DTYPE` (N,).
        film: (time in seconds, RGB image (H, W, 3)), see `auxdrive_eval.driving.film.Film`.
        error: why the agent or the simulation failed: one line, then the agent's traceback or the
            end of its output; empty if neither failed.
        tally: how its predictions were used.
        output: the end of what it printed.
        crashed: whether the simulation failed.
        scenarios: the traffic situations on the route, and what came of them.
        beside: files that are stored beside the result, by their names: what onlookers have kept.
    """

    record: RouteRecord
    events: tuple[Event, ...]
    trace: AnyArray
    film: tuple[tuple[float, UInt8], ...]
    error: str = ""
    tally: Tally = field(default_factory=Tally)
    output: str = ""
    crashed: bool = False
    scenarios: tuple[ScenarioState, ...] = ()
    beside: Mapping[str, bytes] = field(default_factory=dict)


def drive_route(
    simulator: Simulator,
    route: Route,
    driver: Driver,
    *,
    rules: RuleSet,
    seed: int,
    index: int = 0,
    repeat: int = 0,
    reported_length_m: float | None = None,
    onlookers: Sequence[Onlooker] = (),
) -> RouteResult:
    """Drive a route to its end, or until something ends it earlier: deviation from the route,
    standing too long, the timeout, the last tick, or a failure of the agent.

    Args:
        simulator: where the route is driven; it must have sensors, since the film needs images.
        route: planned in this simulator.
        driver: who drives; it is started here, and not closed.
        rules: what is observed and how it is penalised.
        seed: of traffic and lights, and of the random numbers that the driver may draw.
        index: position of the record among all, from 0.
        repeat: which of the route's repeats this is, from 0.
        reported_length_m: the length that the rule set says the route has; None takes the dense
            length.
        onlookers: who look at every tick. They are not told of the end.

    Raises:
        AuxdriveError: a mistake of the user, such as an agent that needs what the simulator does
            not have. Failures of the agent and of the simulation are not raised: they are in the
            result, with the status 'Failed - Agent crashed', "Failed - Agent couldn't be set up" or
            'Failed - Simulation crashed'.
    """
    seen = _Seen(simulator, route, rules, onlookers)
    began_s = time.perf_counter()
    failed: AgentFailed | Failure
    try:
        driver.start(route, seed)
        state = simulator.reset(route, seed)
    except (AgentFailed, SimulationCrashed) as error:
        failed = error if isinstance(error, AgentFailed) else _crash(error)
        return not_driven(
            route,
            failed,
            index=index,
            repeat=repeat,
            rules=rules,
            reported_length_m=reported_length_m,
        )
    state, failed = _drive(simulator, driver, seen, state, rules.last_tick)
    length_m = route.length_m if reported_length_m is None else reported_length_m
    record = make_record(
        index=index,
        route_id=rules.results.routes.route_id(route.route_id, repeat),
        events=seen.events,
        completion_percent=seen.completion.percent,
        penalty=rules.penalty,
        meta=RouteMeta(
            duration_game=round(state.time_s, 6),
            duration_system=time.perf_counter() - began_s,
            route_length=length_m,
        ),
        failure=failed.failure,
        form=rules.results.routes,
    )
    return RouteResult(
        record,
        tuple(seen.events),
        np.array(seen.trace, dtype=TRACE_DTYPE),
        seen.film.shots(),
        failed.text,
        driver.tally,
        driver.output(),
        failed.failure == SIMULATION_CRASHED,
        state.scenarios,
    )


def _drive(
    simulator: Simulator, driver: Driver, seen: _Seen, state: WorldState, last_tick: int | None
) -> tuple[WorldState, Failure]:
    """Drive until the route is over. Returns the world at its end, and what ended it."""
    failed, over = Failure(), False
    try:
        while not over:
            seen.film.look(simulator, state)
            try:
                control = driver.control(simulator, state)
            except AgentFailed as error:
                failed = Failure(error.failure, error.text)
                break
            seen.decided(state, driver, control)
            state = simulator.step(control)
            if last_tick is not None and state.frame > last_tick:
                failed = Failure(OUT_OF_TICKS)
                break
            over = seen.tick(state)
        seen.end(state)
    except SimulationCrashed as error:
        failed = _crash(error)
        seen.end(state, film=False)
    return state, failed


def _crash(error: SimulationCrashed) -> Failure:
    return Failure(SIMULATION_CRASHED, str(error))


class _Seen:
    """What is observed while a route is driven: the events of its criteria, the driven path and
    the film.
    """

    def __init__(
        self, simulator: Simulator, route: Route, rules: RuleSet, onlookers: Sequence[Onlooker]
    ) -> None:
        self._simulator, self._onlookers = simulator, onlookers
        self._criteria = rules.criteria(route)
        self.completion = rules.completion(route)
        self.events: list[Event] = []
        self.trace: list[tuple[float, ...]] = []
        self.film = Film()

    def decided(self, state: WorldState, driver: Driver, control: Control) -> None:
        """Show the onlookers what was decided at a tick, before the car moves."""
        if not self._onlookers:
            return
        flags = driver.tally.interventions.now
        moment = Moment(self._simulator, state, control, driver.seen, flags, self.events)
        for onlooker in self._onlookers:
            onlooker.look(moment)

    def tick(self, state: WorldState) -> bool:
        """Observe the world after a tick. Returns whether this ends the route."""
        self.trace.append(
            (state.time_s, *state.ego_centre, state.ego.yaw_rad, state.speed_mps, state.steer_rad)
        )
        news = [
            *self.completion.update(state),
            *(event for criterion in self._criteria for event in criterion.update(state)),
        ]
        self._note(state, news)
        return any(event.kind in TERMINAL_KINDS for event in news)

    def end(self, state: WorldState, film: bool = True) -> None:
        """Observe what the criteria report when the route is over.

        Args:
            state: the world at the end of the route.
            film: whether the simulator can still be asked for images.
        """
        criteria = (self.completion, *self._criteria)
        news = [event for criterion in criteria for event in criterion.finish(state)]
        if film:
            self._note(state, news)
            self.film.end(self._simulator, state)
        else:
            self.events += news

    def _note(self, state: WorldState, news: list[Event]) -> None:
        self.events += news
        self.film.note(self._simulator, state, self._criteria, news)


def not_driven(
    route: Route,
    failed: AgentFailed | Failure,
    *,
    rules: RuleSet,
    index: int = 0,
    repeat: int = 0,
    reported_length_m: float | None = None,
) -> RouteResult:
    """The result of a route whose agent or simulation could not be set up: nothing was driven, and
    there are no infractions.

    Args:
        route: that should have been driven.
        failed: why.
        rules: whose penalty of no events is recorded.
        index: position of the record among all, from 0.
        repeat: which of the route's repeats this is, from 0.
        reported_length_m: as for `drive_route`.
    """
    length_m = route.length_m if reported_length_m is None else reported_length_m
    record = make_record(
        index=index,
        route_id=rules.results.routes.route_id(route.route_id, repeat),
        events=(),
        completion_percent=0.0,
        penalty=rules.penalty,
        meta=RouteMeta(duration_game=0.0, duration_system=0.0, route_length=length_m),
        failure=failed.failure,
        form=rules.results.routes,
    )
    return RouteResult(
        record,
        (),
        np.empty(0, TRACE_DTYPE),
        (),
        failed.text,
        crashed=failed.failure == SIMULATION_CRASHED,
    )
