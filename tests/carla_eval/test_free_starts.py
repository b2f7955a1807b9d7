"""`benchmarks/free_starts.py` in the embedded simulator: the situations that it finds, the expert
that starts in each of them, and a driver that starts in none.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from auxdrive.standing import STANDING_MPS
from auxdrive.types import Control
from auxdrive_eval.driving.drivers import ExpertDriver
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from free_starts import (
    START,
    Outcome,
    Situation,
    goes,
    in_turns,
    kind_of,
    outcome,
    situations_of,
    summary,
)

SEED = 5113
"""Its route soon comes to a light."""


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return make_simulator(SimulatorSettings(options={"expert": "sighted"}), sensors=False)


@pytest.fixture(scope="module")
def found(simulator: Simulator) -> list[Situation]:
    return list(islice(situations_of(simulator, SEED), 2))


class Standing(ExpertDriver):
    """Never starts, and notes what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.watched, self.asked = 0, 0

    def watch(self, state: Any) -> None:
        self.watched += 1

    def control(self, simulator: Simulator, state: Any) -> Control:
        self.asked += 1
        return Control(0.0, 0.0, 1.0)


def test_the_expert_starts_where_it_was_seen_to_and_who_brakes_does_not(
    simulator: Simulator, found: list[Situation]
) -> None:
    route = simulator.random_route(SEED)
    begun, waited = found
    assert begun == Situation(START, SEED, 0, 0)
    assert waited.kind == "green light"
    assert waited.free_tick > waited.came_tick > 0
    first = outcome(simulator, route, ExpertDriver(), waited)
    assert first.started_s is not None
    assert first.started_s < 3.0
    driver = Standing()
    stood = outcome(simulator, route, driver, waited)
    assert stood.started_s is None
    assert stood.fastest_mps <= STANDING_MPS
    assert stood.free_s > 1.0
    # while the expert drives there it only follows the route, and while it waits it is asked
    assert driver.watched == waited.came_tick
    assert driver.asked == waited.free_tick - waited.came_tick + 200
    told = summary([(waited, first), (waited, stood)], simulator.tick_s)
    assert (told["situations"], told["started"]) == (2, 1)
    (lost,) = told["not started"]
    assert (lost["route"], lost["kind"]) == (SEED, waited.kind)


def test_kinds_are_told_by_what_held_the_expert_and_taken_in_turns() -> None:
    assert kind_of(0, Counter()) == START
    assert kind_of(40, Counter(light=30, ahead=50)) == "green light"
    assert kind_of(40, Counter({"stop sign": 20, "crossing": 90})) == "after a stop sign"
    assert kind_of(40, Counter(hidden=9)) == "clear junction"
    assert kind_of(40, Counter(ahead=50)) is None
    assert [goes(Control(0.0, *pedals)) for pedals in ((0.3, 0.0), (0.05, 0.0), (0.2, 0.1))] == [
        True, False, False,
    ]  # fmt: skip
    many = [Situation(START, route, 0, 0) for route in range(9)]
    few = [Situation("green light", route, 5, 50) for route in (2, 7)]
    chosen = in_turns([*many, *few], 5)
    assert Counter(each.kind for each in chosen) == {START: 3, "green light": 2}
    assert [each.route for each in chosen] == sorted(each.route for each in chosen)
    slow = Outcome(9.0, 1.1, 9.0)
    assert summary([(many[0], slow)], 0.05)["slowest_start_s"] == 9.0
