"""Which scenarios of a scenario file of leaderboard 1.0 a route meets."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import pytest
from auxdrive.errors import UsageError
from auxdrive_eval.route import Route
from auxdrive_eval.routes.plan import with_scenario_file
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.world import ScenarioOutcome
from tiny_simulator import TinyOptions, TinySimulator


def site(route: Route, index: int, aside_m: float = 0.0, turned_deg: float = 0.0) -> dict[str, str]:
    """A trigger at a point of a route, as the file writes it: in CARLA's frame, as text."""
    yaw = float(route.yaw_rad[index])
    x, y = route.points[index].tolist()
    place = (x - aside_m * math.sin(yaw), y + aside_m * math.cos(yaw))
    return {
        "x": str(place[0]), "y": str(-place[1]), "z": "0",
        "yaw": str(-math.degrees(yaw) + turned_deg), "pitch": "0",
    }  # fmt: skip


def write(path: Path, town: str, kinds: dict[str, list[dict[str, str]]]) -> Path:
    entries = [
        {
            "scenario_type": kind,
            "available_event_configurations": [{"transform": place} for place in places],
        }
        for kind, places in kinds.items()
    ]
    path.write_text(json.dumps({"available_scenarios": [{town: entries}]}))
    return path


def test_a_route_meets_sites_within_2_m_and_10_degrees_in_its_order(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    simulator = EmbeddedSimulator(render=False, traffic=0)
    route = simulator.random_route(1007)
    far, turned = site(route, 60, aside_m=2.5), site(route, 70, turned_deg=12.0)
    path = write(
        tmp_path / "scenarios.json",
        route.town,
        {
            "Scenario3": [site(route, 90, aside_m=1.5), far, turned, site(route, 13)],
            "Scenario2": [site(route, 50, turned_deg=8.0)],
            "Scenario6": [site(route, 30)],
        },
    )
    with caplog.at_level(logging.WARNING):
        (met,) = with_scenario_file([route], path, simulator)
    assert [each.kind for each in met.scenarios] == ["Scenario3", "Scenario2", "Scenario3"]
    assert "without effect in this simulator: Scenario6" in caplog.text
    told = simulator.reset(met, 0).scenarios
    assert [each.kind for each in told] == [
        "DynamicObjectCrossing", "FollowLeadingVehicle", "DynamicObjectCrossing",
    ]  # fmt: skip
    assert told[0].outcome is ScenarioOutcome.AHEAD
    assert told[0].at_m == pytest.approx(13.0, abs=1.5)


def test_of_several_at_one_place_the_route_decides_which(tmp_path: Path) -> None:
    simulator = EmbeddedSimulator(render=False, traffic=0)
    route = simulator.random_route(1007)
    kinds = {f"Scenario{number}": [site(route, 13)] for number in (1, 2, 3, 4, 7)}
    path = write(tmp_path / "scenarios.json", route.town, kinds)
    chosen = {with_scenario_file([route], path, simulator)[0].scenarios for _ in range(2)}
    assert len(chosen) == 1
    assert len(chosen.pop()) == 1


def test_a_simulator_without_scenarios_refuses_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "scenarios.json", "Plane", {})
    with pytest.raises(UsageError, match="this simulator sets up no scenarios"):
        with_scenario_file([], path, TinySimulator(TinyOptions(), sensors=False))
