"""With a prediction without mistakes, which is the expert's own plan, the controller of path_speed
drives as the expert does.
"""

from __future__ import annotations

import pytest
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import ExpertKind
from perfect_drives import drive


@pytest.mark.parametrize("expert", ExpertKind)
def test_a_perfect_prediction_drives_a_route_without_a_mistake(expert: ExpertKind) -> None:
    simulator = EmbeddedSimulator(render=False, traffic=8, expert=expert)
    driven = drive(simulator, simulator.random_route(2021), 2021)
    assert (driven.completed, driven.events) == (True, ())
    assert driven.seconds < 60.0
    assert driven.aside_m < 1.5  # at the start the rear axle lies so far behind the route
