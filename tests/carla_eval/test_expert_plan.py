"""What an expert says that it means to do is what it then does; asking changes nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.data.plan import HELD_BY, PLAN_TIMES_S, holding, plan_record
from auxdrive.errors import SimulatorError
from auxdrive.frames import ego_to_world
from auxdrive.geometry import pure_pursuit_tan
from auxdrive_eval.carla_axles import Axles
from auxdrive_eval.simulators.capabilities import Planning
from auxdrive_eval.simulators.carla.ego.expert import Expert
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import ExpertKind
from auxdrive_eval.world import LightColour, TrafficLightView
from states_by_hand import state, straight_route

TICKS = tuple(round(time_s / 0.05) for time_s in PLAN_TIMES_S)


def test_the_plan_is_what_the_expert_then_does() -> None:
    """Its speeds by the rolled law against the world that is driven on (`expert_ahead`), its path
    against where it comes by, its target speed against what it does at once.
    """
    simulator = EmbeddedSimulator(render=False, traffic=8)
    state = simulator.reset(simulator.random_route(1000), 0)
    apart_mps, aside_m, stood = [], [], 0
    for tick in range(700):
        control = simulator.expert()
        if tick % 35 == 0:
            plan = simulator.expert_plan()
            assert simulator.expert() == control
            later = simulator.expert_ahead(TICKS)
            apart_mps.append(np.abs(plan.speeds_mps - [each.speed_mps for each in later]))
            path = ego_to_world(plan.path_ego_m, state.ego)
            aside_m += [np.hypot(*(path - (s.ego.x_m, s.ego.y_m)).T).min() for s in later]
            wanted = plan.target_speed_mps - state.speed_mps
            if abs(wanted) > 0.3:
                assert (control.throttle > 0) == (wanted > 0)
            stood += plan.target_speed_mps == 0.0
            near = plan.path_ego_m[4]
            wheel = math.atan(float(pure_pursuit_tan(near, 2.8, 2.0)))
            assert wheel == pytest.approx(control.steer_rad, abs=0.06)
        state = simulator.step(control)
    assert np.mean(apart_mps, axis=0) == pytest.approx([0.05] * 4, abs=0.2)
    assert np.mean(aside_m) < 0.5
    assert stood  # it waited somewhere


@pytest.mark.parametrize("expert", ExpertKind)
def test_it_says_what_holds_it(expert: ExpertKind) -> None:
    """The least that any reason allows is the target speed, none allows more than the road does,
    and what the plan calls the strictest is what `expert_held_by` does.
    """
    simulator = EmbeddedSimulator(render=False, traffic=30, expert=expert)
    simulator.reset(simulator.random_route(1002), 0)
    seen = set()
    words = {"room": "ahead", "line": "crossing"}
    for tick in range(1000):
        control = simulator.expert()
        if tick % 10 == 0:
            plan, held_by = simulator.expert_plan(), simulator.expert_held_by()
            allowed = plan.allowed_mps
            assert allowed is not None
            assert allowed.min() == plan.target_speed_mps
            assert allowed.max() == allowed[0]
            name = HELD_BY[holding(np.array([plan_record(plan)]))[0]]
            seen.add(name)
            if name != "road":
                assert held_by is not None
                assert words.get(held_by.what, held_by.what) == name.replace("_", " ")
        simulator.step(control)
    assert {"road", "ahead", "stop_sign"} <= seen


def test_where_no_route_is_driven_nothing_is_planned() -> None:
    simulator = EmbeddedSimulator(render=False)
    assert isinstance(simulator, Planning)
    with pytest.raises(SimulatorError, match="no route is being driven"):
        simulator.expert_plan()


def test_carlas_expert_plans_to_stand_at_a_red_light() -> None:
    roads = EmbeddedSimulator(render=False).road_map("EmbeddedTown0001")
    expert = Expert(straight_route(), Axles(2.8, 1.4), math.radians(45.0), roads)
    now = state(x_m=50.0, speed_mps=5.0)
    free = expert.plan(now, ())
    np.testing.assert_allclose(free.path_ego_m, np.stack([np.arange(1.0, 21.0), np.zeros(20)], 1))
    assert (free.target_speed_mps, free.speeds_mps.tolist()) == (8.0, [6.0, 7.0, 8.0, 8.0])
    line = ((62.0, 2.0), (62.0, -2.0))
    red = TrafficLightView(0, LightColour.RED, (65.0, 3.0), line, 1, 0.0)
    stops = expert.plan(state(x_m=50.0, speed_mps=5.0, lights=(red,)), ())
    assert stops.target_speed_mps == pytest.approx(math.sqrt(2 * 2.0 * (12.0 - 2.4 - 1.0)))
    assert stops.speeds_mps.tolist() == sorted(stops.speeds_mps, reverse=True)
    assert stops.speeds_mps[-1] < 3.0
    for plan, name in ((free, "road"), (stops, "light")):
        assert plan.allowed_mps is not None
        assert plan.allowed_mps.min() == plan.target_speed_mps
        assert HELD_BY[holding(np.array([plan_record(plan)]))[0]] == name
