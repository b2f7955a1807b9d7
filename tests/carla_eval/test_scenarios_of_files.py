"""Scenarios that a route's file names: at their triggers, and told beside the results."""

from __future__ import annotations

import json
import logging
import math
from pathlib import Path

import numpy as np
import pytest
from auxdrive.modalities import SEGMENTATION_CLASSES, Modality
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.settings import collect_settings
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.driving.stored.inspection import summarise_route
from auxdrive_eval.driving.stored.plan import read_plan
from auxdrive_eval.driving.stored.route_files import read_route, route_folder
from auxdrive_eval.report.drive_report import drive_report
from auxdrive_eval.route import Route
from auxdrive_eval.routes.plan import routes_of_file
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.settings import simulator_settings
from auxdrive_eval.world import ScenarioOutcome
from route_text import route2
from small_world import CAMERA, SETTINGS

TRIGGER_M = 8


def with_scenarios(tmp_path: Path, kinds: tuple[str, ...], aside_m: float = 0.0) -> Path:
    """A file with a route of 70 m, and scenarios that begin `TRIGGER_M` along it."""
    simulator = EmbeddedSimulator(render=False, traffic=0)
    own = simulator.random_route(1007)
    positions = "".join(f'<position x="{x}" y="{-y}" z="0"/>' for x, y in own.points[[0, 70]])
    yaw = float(own.yaw_rad[TRIGGER_M])
    x, y = own.points[TRIGGER_M] + aside_m * np.array([-math.sin(yaw), math.cos(yaw)])
    trigger = f'<trigger_point x="{x}" y="{-y}" z="0" yaw="{-math.degrees(yaw)}"/>'
    scenarios = "".join(
        f'<scenario name="{kind}_1" type="{kind}">{trigger}</scenario>' for kind in kinds
    )
    text = route2(f"<scenarios>{scenarios}</scenarios>", f"<waypoints>{positions}</waypoints>")
    path = tmp_path / "routes.xml"
    path.write_text(text.replace('town="T"', f'town="{own.town}"'))
    return path


def planned(path: Path) -> Route:
    (route,) = routes_of_file(path, EmbeddedSimulator(render=False, traffic=0))
    return route


def test_a_route_runs_the_scenarios_that_its_file_names_at_their_triggers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = with_scenarios(tmp_path, ("DynamicObjectCrossing", "ParkedObstacle"))
    with caplog.at_level(logging.WARNING):
        route = planned(path)
    assert "without effect in this simulator: its scenarios ParkedObstacle" in caplog.text
    out = tmp_path / "out"
    drive_all([route], DriverSource(None), SETTINGS, out)
    (told,) = read_route(route_folder(out, 0)).scenarios
    assert (told.name, told.outcome) == ("DynamicObjectCrossing_1", ScenarioOutcome.PASSED)
    assert told.at_m == pytest.approx(TRIGGER_M, abs=1.0)
    assert read_plan(out)[0].scenarios == (route.scenarios)
    document = json.loads((out / "results.json").read_text())
    assert "scenario" not in json.dumps(document["_checkpoint"])


def test_a_trigger_away_from_the_route_is_told(tmp_path: Path) -> None:
    route = planned(with_scenarios(tmp_path, ("Scenario3",), aside_m=30.0))
    simulator = EmbeddedSimulator(render=False, traffic=0)
    (told,) = simulator.reset(route, 0).scenarios
    assert told.outcome is ScenarioOutcome.NOT_PLACED
    assert told.note == "its trigger lies 30.0 m from the route"


def test_a_route_without_scenarios_has_no_file_of_them(tmp_path: Path) -> None:
    route = planned(with_scenarios(tmp_path, ()))
    drive_all([route], DriverSource(None), SETTINGS, tmp_path / "out")
    folder = route_folder(tmp_path / "out", 0)
    assert read_route(folder).scenarios == ()
    assert not (folder / "scenarios.json").exists()


def test_the_page_and_inspect_tell_what_came_of_each_scenario(tmp_path: Path) -> None:
    route = planned(with_scenarios(tmp_path, ("DynamicObjectCrossing", "Scenario8")))
    out = tmp_path / "out"
    page = drive_report(drive_all([route], DriverSource(None), SETTINGS, out))
    (table,) = [part for part in page.split("<table") if "along the route, m" in part]
    assert "DynamicObjectCrossing" in table
    assert "passed" in table
    assert "the route does not turn left at the junction" in table
    told = summarise_route(route_folder(out, 0))["scenarios"]
    assert [each["outcome"] for each in told] == ["passed", "not placed"]


def test_a_recording_holds_drawn_scenarios(tmp_path: Path) -> None:
    simulator = simulator_settings(
        "embedded", {"traffic": 0, "camera": CAMERA, "scenarios": "PedestrianCrossing"}
    )
    settings = collect_settings(
        simulator, [Modality.SEGMENTATION], route_seeds=(1003,), episodes=1, max_episode_s=60.0
    )
    collect(settings, tmp_path / "data")
    (path,) = tmp_path.glob("data/episodes/*/segmentation.npy")
    pedestrian = SEGMENTATION_CLASSES.index("pedestrian")
    seen = (np.load(path) == pedestrian).any(axis=(1, 2))
    assert seen.any()
