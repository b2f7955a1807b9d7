"""What the embedded expert would do from now on is what it then does; asking changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from auxdrive.errors import SimulatorError
from auxdrive_eval.simulators.capabilities import Foreseeing
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.world import WorldState

TICKS = (5, 10, 40)


def driven(asked: bool, ticks: int = 240) -> tuple[list[WorldState], dict[int, WorldState]]:
    """A drive of the expert through scenarios, and what was foretold of it, by tick."""
    settings = SimulatorSettings(options={"traffic": 8, "scenarios": "all"})
    simulator: Any = make_simulator(settings, sensors=False)
    state = simulator.reset(simulator.random_route(1000), 0)
    states, foretold = [state], {}
    for tick in range(ticks):
        if asked and tick % 60 == 0:
            ahead = simulator.expert_ahead(TICKS)
            foretold |= {tick + after: seen for after, seen in zip(TICKS, ahead, strict=True)}
        state = simulator.step(simulator.expert())
        states.append(state)
    simulator.close()
    return states, foretold


def test_it_is_what_happens_tick_by_tick_with_traffic_lights_and_scenarios() -> None:
    states, foretold = driven(asked=True)
    assert len(foretold) == 12
    assert all(states[tick] == seen for tick, seen in foretold.items())
    assert states[0].scenarios  # there is somebody who could be copied wrongly
    undisturbed, _ = driven(asked=False)
    assert states == undisturbed


def test_it_can_be_asked_up_to_the_end_of_a_route(longer_route: Any) -> None:
    simulator = EmbeddedSimulator(render=False, traffic=0)
    state = simulator.reset(longer_route, 1)
    goal = longer_route.points[-1]
    while (state.ego_centre[0] - goal[0]) ** 2 + (state.ego_centre[1] - goal[1]) ** 2 > 1.0:
        if state.frame % 20 == 0:
            assert len(simulator.expert_ahead((20, 40))) == 2
        state = simulator.step(simulator.expert())
        assert state.frame < 600
    assert simulator.expert_ahead((40,))[0].time_s == pytest.approx(state.time_s + 2.0)


def test_without_a_route_there_is_nothing_ahead() -> None:
    simulator = EmbeddedSimulator(render=False)
    assert isinstance(simulator, Foreseeing)
    with pytest.raises(SimulatorError, match="no route is being driven"):
        simulator.expert_ahead((1,))
