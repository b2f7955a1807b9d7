"""Does a student set off where the expert would? The car stands where the road is free: at the
start of a route, at a light that has turned green, at a junction that has become clear, after a
stop sign. The expert has brought it there, and from the moment at which it would go the student
drives.

    python benchmarks/free_starts.py BUNDLE|RUN|expert [--count 100] [--condition day]
        [--first-route 5100] [--role student] [--controller NAME] [--least 100]

Situations come from the routes of seeds from --first-route on, in turns of the four kinds as far as
the routes have them; the same arguments give the same ones. While the expert waits the student is
asked at every second tick, as in any drive, and what it says is not heeded. It has started once it
is faster than 1 m/s, within 10 s. Listed are those in which it has not, with how long of the 10 s
the expert would have driven on. The result goes to benchmarks/results/free_starts.json; with
--least N, fewer starts than N end with exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from auxdrive.precisions import FP32
from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control
from auxdrive_eval.collecting.delayed_starts import START_THROTTLE
from auxdrive_eval.commands.driver_source import driver_source
from auxdrive_eval.conditions import CONDITIONS, in_condition
from auxdrive_eval.criteria import TERMINAL_KINDS
from auxdrive_eval.driving.agents.limits import AgentLimits
from auxdrive_eval.driving.drivers import Driver
from auxdrive_eval.driving.make_driver import MakeDriver
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import DEFAULT_RULES, RULE_SETS
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import Explaining
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.world import WorldState
from record import RESULTS, write_result

FIRST_ROUTE, MOST_ROUTES = 5100, 400
STARTED_MPS, WITHIN_S = 1.0, 10.0
START = "start of a route"
KIND_OF = {
    "stop sign": "after a stop sign", "light": "green light", "crossing": "clear junction",
    "hidden": "clear junction", "line": "clear junction", "room": "clear junction",
}  # fmt: skip
"""What held the standing expert, by `Explaining`; of several the first of these decides."""
KINDS = (START, *dict.fromkeys(KIND_OF.values()))
LEAST_STAND_S = 0.5


@dataclass(frozen=True)
class Situation:
    """A moment at which the expert sets off.

    Attributes:
        kind: one of `KINDS`.
        route: seed of the route, and of its traffic.
        came_tick: when the car came to a stand; 0 at the start of a route.
        free_tick: from when on the expert would go.
    """

    kind: str
    route: int
    came_tick: int
    free_tick: int


@dataclass(frozen=True)
class Outcome:
    """What a driver did in a situation.

    Attributes:
        started_s: when it was faster than `STARTED_MPS`, in seconds after it could go; None if it
            was not within `WITHIN_S`.
        fastest_mps: its highest speed until then.
        free_s: for how long of that time the expert would have driven on.
    """

    started_s: float | None
    fastest_mps: float
    free_s: float


def main() -> None:
    """Find the situations, try each, and write what came of them."""
    given = parsed()
    source = driver_source(
        given.driver, given.role, given.controller, None, None, AgentLimits(), {}, FP32, None
    )
    options = {"traffic": given.traffic, "expert": given.expert}
    settings = SimulatorSettings(options=options)
    with closing(make_simulator(settings, sensors=False)) as scout:
        chosen = situations(scout, given.count, given.first_route)
    print("situations:", dict(Counter(each.kind for each in chosen)), flush=True)
    with closing(MakeDriver(source)()) as driver:
        seen = settings if driver.camera is None else settings.with_camera(driver.camera)
        with closing(make_simulator(seen)) as simulator:
            tried = []
            for number, each in enumerate(chosen, start=1):
                route = in_condition(
                    simulator.random_route(each.route), given.condition, each.route
                )
                tried.append((each, outcome(simulator, route, driver, each)))
                if number % 10 == 0:
                    done = sum(one.started_s is not None for _, one in tried)
                    print(f"{done} of {number} started", flush=True)
    result = summary(tried, simulator.tick_s)
    told = {"driver": Path(given.driver).name, "role": given.role, "condition": given.condition}
    write_result(given.result, told | {"expert": given.expert, "traffic": given.traffic} | result)
    show(result)
    if given.least is not None and result["started"] < given.least:
        sys.exit(1)


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("driver", metavar="BUNDLE|RUN|expert")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--condition", choices=list(CONDITIONS), default="day")
    parser.add_argument("--first-route", type=int, default=FIRST_ROUTE)
    parser.add_argument("--role", default="student")
    parser.add_argument("--controller")
    parser.add_argument("--expert", choices=("sighted", "all_knowing"), default="sighted")
    parser.add_argument("--traffic", type=int, default=20)
    parser.add_argument("--least", type=int)
    parser.add_argument("--result", type=Path, default=RESULTS / "free_starts.json")
    return parser.parse_args()


def situations(scout: Simulator, count: int, first_route: int) -> list[Situation]:
    """So many situations, in the order of their routes: of each kind the same number, as far as
    `MOST_ROUTES` routes have them, and more of the others where they have fewer.

    Args:
        scout: a simulator without sensors.
        count: how many.
        first_route: seed of the first route.
    """
    wanted = -(-count // len(KINDS))
    found: list[Situation] = []
    for seed in range(first_route, first_route + MOST_ROUTES):
        of_kind = Counter(each.kind for each in found)
        if all(of_kind[kind] >= wanted for kind in KINDS):
            break
        found += situations_of(scout, seed)
    return in_turns(found, count)


def in_turns(found: Sequence[Situation], count: int) -> list[Situation]:
    """The first so many, one of each kind after the other.

    Args:
        found: situations in the order of their routes.
        count: how many.
    """
    ranked = []
    of_kind: Counter[str] = Counter()
    for each in found:
        ranked.append((of_kind[each.kind], each))
        of_kind[each.kind] += 1
    ranked.sort(key=lambda pair: (pair[0], KINDS.index(pair[1].kind)))
    chosen = [each for _, each in ranked[:count]]
    return sorted(chosen, key=lambda each: (each.route, each.free_tick))


def situations_of(scout: Simulator, seed: int) -> Iterator[Situation]:
    """The situations of one route, as the expert drives it.

    Args:
        scout: a simulator whose expert says what holds it.
        seed: of route and traffic.
    """
    assert isinstance(scout, Explaining)
    route = scout.random_route(seed)
    rules = RULE_SETS[DEFAULT_RULES]
    criteria = (rules.completion(route), *rules.criteria(route))
    state, tick, over = scout.reset(route, seed), 0, False
    came: int | None = None
    free: int | None = None
    held: Counter[str] = Counter()
    while not over:
        control = scout.expert()
        if state.speed_mps <= STANDING_MPS:
            came = tick if came is None else came
            if goes(control):
                free = tick if free is None else free
            else:
                free = None
                if (what := scout.expert_held_by()) is not None:
                    held[what.what] += 1
        elif state.speed_mps > STARTED_MPS and came is not None:
            kind = kind_of(came, held)
            stood_s = 0.0 if free is None else (free - came) * scout.tick_s
            if kind is not None and free is not None and (came == 0 or stood_s >= LEAST_STAND_S):
                yield Situation(kind, seed, came, free)
            came, free, held = None, None, Counter()
        state = scout.step(control)
        tick += 1
        news = [event for criterion in criteria for event in criterion.update(state)]
        over = any(event.kind in TERMINAL_KINDS for event in news)


def goes(control: Control) -> bool:
    """Whether a control sets the car off, and not only up to the line or to the car ahead."""
    return control.throttle > START_THROTTLE and not control.brake


def kind_of(came_tick: int, held: Counter[str]) -> str | None:
    """The kind of a situation; None where it is none of these: a car ahead has driven on.

    Args:
        came_tick: when the car came to a stand.
        held: what held it there, with the number of ticks.
    """
    known = (kind for what, kind in KIND_OF.items() if held[what])
    if (kind := next(known, None)) is not None:
        return kind
    return START if came_tick == 0 and not held else None


def outcome(simulator: Simulator, route: Route, driver: Driver, situation: Situation) -> Outcome:
    """Bring the car into a situation, and let a driver go on.

    Args:
        simulator: with sensors, where the driver needs them.
        route: of the situation, in any weather.
        driver: who is tried.
        situation: which.
    """
    driver.start(route, situation.route)
    state = simulator.reset(route, situation.route)
    for tick in range(situation.free_tick):
        if tick < situation.came_tick:
            driver.watch(state)
        else:
            driver.control(simulator, state)
        state = simulator.step(simulator.expert())
    return _tried(simulator, driver, state)


def _tried(simulator: Simulator, driver: Driver, state: WorldState) -> Outcome:
    fastest_mps, free_s = 0.0, 0.0
    for tick in range(1, round(WITHIN_S / simulator.tick_s) + 1):
        control = driver.control(simulator, state)
        free_s += simulator.tick_s * goes(simulator.expert())
        state = simulator.step(control)
        fastest_mps = max(fastest_mps, state.speed_mps)
        if fastest_mps > STARTED_MPS:
            return Outcome(round(tick * simulator.tick_s, 3), fastest_mps, free_s)
    return Outcome(None, fastest_mps, free_s)


def summary(tried: Sequence[tuple[Situation, Outcome]], tick_s: float) -> dict[str, Any]:
    """How many started, by kind, and those that did not.

    Args:
        tried: all situations and what came of them.
        tick_s: of the simulator.
    """
    started = [(each, one) for each, one in tried if one.started_s is not None]
    return {
        "situations": len(tried),
        "started": len(started),
        "by kind": {
            kind: {
                "situations": sum(each.kind == kind for each, _ in tried),
                "started": sum(each.kind == kind for each, _ in started),
            }
            for kind in KINDS
        },
        "slowest_start_s": max((one.started_s or 0.0 for _, one in started), default=None),
        "not started": [
            {
                "kind": each.kind,
                "route": each.route,
                "time_s": round(each.free_tick * tick_s, 2),
                "fastest_mps": round(one.fastest_mps, 2),
                "free_s": round(one.free_s, 2),
            }
            for each, one in tried
            if one.started_s is None
        ],
        "all": [asdict(each) | asdict(one) for each, one in tried],
    }


def show(result: dict[str, Any]) -> None:
    """Print the summary.

    Args:
        result: by `summary`.
    """
    print(f"started in {result['started']} of {result['situations']} situations")
    for kind, counts in result["by kind"].items():
        print(f"  {kind}: {counts['started']} of {counts['situations']}")
    for each in result["not started"]:
        print(
            f"  not started: {each['kind']}, route {each['route']} at {each['time_s']:.1f} s "
            f"(fastest {each['fastest_mps']:.2f} m/s; free for {each['free_s']:.1f} of "
            f"{WITHIN_S:.0f} s)"
        )


if __name__ == "__main__":
    main()
