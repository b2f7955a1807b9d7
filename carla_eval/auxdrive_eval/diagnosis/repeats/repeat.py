"""Driving a stored route again up to the events that are looked at.

A simulator that repeats its worlds exactly (every one whose `Simulator` protocol is kept) gives the
same drive for the same controls. Each tick is compared with the stored path; where one differs, the
repetition ends, and nothing is told of what comes after.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from auxdrive.frames import world_to_ego
from auxdrive.modalities import Modality
from auxdrive.types import AnyArray, Float64, UInt8

from auxdrive_eval.criteria import Event
from auxdrive_eval.diagnosis.cases import Case
from auxdrive_eval.diagnosis.facts import Around, Hit, Instant
from auxdrive_eval.diagnosis.repeats.hands import Hand
from auxdrive_eval.diagnosis.repeats.view import View, with_visibility
from auxdrive_eval.diagnosis.repeats.watching import Watching
from auxdrive_eval.driving.onlookers.decisions import Predicted
from auxdrive_eval.route import Route
from auxdrive_eval.scoring.rule_sets import RuleSet
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import Foreseeing
from auxdrive_eval.world import Point, WorldState

AHEAD_S = (0.5, 1.0, 1.5, 2.0)
"""When the expert's plan has its points, seconds after the moment."""
TRIED_BEYOND_S = 1.5
"""The expert is tried for so long beyond the time at which the infraction was reported."""
SENSED = (Modality.RGB, Modality.DEPTH, Modality.SEGMENTATION)


@dataclass(frozen=True, slots=True)
class Shot:
    """A moment that is shown.

    Attributes:
        instant: its facts, with what of them is in view.
        centre: of the car, in the world frame.
        predicted: the model's last prediction; None without one.
        expert_ego_m: (4, 2), where the expert would be at `AHEAD_S`; None where the simulator
            cannot tell.
        image: uint8 (H, W, 3), what the camera saw; None once it is drawn.
    """

    instant: Instant
    centre: Point
    predicted: Predicted | None = None
    expert_ego_m: Float64 | None = None
    image: UInt8 | None = None


@dataclass
class Seen:
    """What was seen of a case.

    Attributes:
        case: the case.
        instants: its moments.
        shots: those that are shown.
        expert_too: as in `Around`.
        reached: whether the repetition came to its end.
    """

    case: Case
    instants: list[Instant] = field(default_factory=list)
    shots: list[Shot] = field(default_factory=list)
    expert_too: bool | None = None
    reached: bool = False

    @property
    def hit(self) -> Hit | None:
        """What was hit, of a collision."""
        where = None if self.case.event is None else self.case.event.hit
        touched = next((each.touched for each in reversed(self.instants) if each.touched), ())
        if where is None or not touched:
            return None
        return min(touched, key=lambda each: math.dist(each.place, where))

    def around(self) -> Around:
        """The facts that the rules sort by; none of a case that the repetition did not reach."""
        case = self.case
        return Around(
            event=None if case.event is None else case.event.kind,
            began_s=case.began_s,
            at_s=case.at_s,
            instants=tuple(self.instants) if self.reached else (),
            hit=self.hit,
            expert_too=self.expert_too,
            earlier=case.earlier,
            crept=case.crept,
        )


@dataclass(frozen=True, slots=True)
class Repeated:
    """A route that was driven again.

    Attributes:
        seen: of each case.
        differs_at_s: from when on it was another drive; None where it was the same.
    """

    seen: tuple[Seen, ...]
    differs_at_s: float | None = None


def repeat(
    simulator: Simulator,
    route: Route,
    seed: int,
    hand: Hand,
    trace: AnyArray,
    cases: Sequence[Case],
    rules: RuleSet,
) -> Repeated:
    """Drive a route again up to the last of its cases, and look at each of them.

    Args:
        simulator: of the drive's own settings.
        route: as it was planned.
        seed: of traffic and lights on this drive.
        hand: who drives.
        trace: the stored path, which the repetition must follow.
        cases: what is looked at.
        rules: of the drive; they tell what the expert would have met.
    """
    return _Repetition(simulator, route, rules, hand, [Seen(case) for case in cases]).run(
        seed, trace
    )


class _Repetition:
    def __init__(
        self, simulator: Simulator, route: Route, rules: RuleSet, hand: Hand, seen: list[Seen]
    ) -> None:
        self._simulator, self._route, self._rules, self._hand = simulator, route, rules, hand
        self._seen, self._watching = seen, Watching(simulator, route)

    def run(self, seed: int, trace: AnyArray) -> Repeated:
        simulator = self._simulator
        last_s = max((each.case.at_s for each in self._seen), default=0.0)
        state = simulator.reset(self._route, seed)
        for tick in range(len(trace) + 1):
            control = self._hand.control(simulator, state, tick)
            self._look(state)
            if state.time_s > last_s or control is None or tick == len(trace):
                break
            state = simulator.step(control)
            if not _same(trace[tick], state):
                return Repeated(tuple(self._seen), state.time_s)
        return Repeated(tuple(self._seen))

    def _look(self, state: WorldState) -> None:
        self._watching.move(state)
        now_s, tick_s = state.time_s, self._simulator.tick_s
        watched = [
            seen
            for seen in self._seen
            if seen.case.from_s - tick_s / 2 < now_s < seen.case.at_s + tick_s / 2
        ]
        if watched:
            self._simulator.expert()  # at every tick: it may keep in mind what it has seen
        for seen in watched:
            case = seen.case
            last = now_s > case.at_s - tick_s / 2
            shown = any(abs(now_s - at_s) < tick_s / 2 for at_s in case.shown_s)
            due = round((now_s - case.from_s) / tick_s) % max(1, round(case.step_s / tick_s)) == 0
            if due or shown or last:
                self._gather(seen, state, shown)
            taken_s = case.taken_over_s
            if taken_s is not None and abs(now_s - taken_s) < tick_s / 2:
                seen.expert_too = self._expert_meets(case)
            if last:
                seen.reached = True

    def _gather(self, seen: Seen, state: WorldState, shown: bool) -> None:
        instant = self._watching.instant(state, seen.case.stands)
        first_go = (
            seen.case.stands
            and instant.expert_goes
            and state.time_s >= seen.case.began_s
            and not any(each.expert_goes and each.time_s >= seen.case.began_s
                        for each in seen.instants)
        )  # fmt: skip
        seen.instants.append(instant)
        if shown or first_go:
            seen.shots.append(self._shot(instant, state))

    def _shot(self, instant: Instant, state: WorldState) -> Shot:
        simulator = self._simulator
        expert = None
        if isinstance(simulator, Foreseeing):
            ticks = [round(ahead_s / simulator.tick_s) for ahead_s in AHEAD_S]
            there = simulator.expert_ahead(ticks)
            expert = world_to_ego(
                np.array([(each.ego.x_m, each.ego.y_m) for each in there]), state.ego
            )
        frames = simulator.sense(SENSED)
        image = np.array(frames[Modality.RGB])
        instant = with_visibility(
            instant, state, self._watching.others, View(frames, simulator.camera)
        )
        predicted = self._hand.predicted(state.time_s)
        return Shot(instant, state.ego_centre, predicted, expert, image)

    def _expert_meets(self, case: Case) -> bool | None:
        """Whether the expert, at the wheel from now on, would meet what the driver met."""
        simulator = self._simulator
        if not isinstance(simulator, Foreseeing) or case.event is None:
            return None
        tried_s = case.event.time_s + TRIED_BEYOND_S - (case.taken_over_s or 0.0)
        last = round(tried_s / simulator.tick_s)
        criteria = self._rules.criteria(self._route)
        met: list[Event] = [
            event
            for state in simulator.expert_ahead(range(1, last + 1))
            for criterion in criteria
            for event in criterion.update(state)
        ]
        return any(event.kind is case.event.kind for event in met)


def _same(record: AnyArray, state: WorldState) -> bool:
    """Whether the world is where the stored path has it, to the last bit."""
    now = np.zeros((), record.dtype)
    now["time_s"], (now["x_m"], now["y_m"]) = state.time_s, state.ego_centre
    now["yaw_rad"], now["speed_mps"] = state.ego.yaw_rad, state.speed_mps
    now["steer_rad"] = state.steer_rad
    return bool(now == record)
