"""Real short drives of strange drivers are taken apart: the kinds come out as they drove."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from auxdrive.errors import UsageError
from auxdrive.types import Control, Prediction, RoadOption
from auxdrive_eval.commands.diagnose import diagnose as command
from auxdrive_eval.criteria import EventKind
from auxdrive_eval.diagnosis.diagnose import diagnose
from auxdrive_eval.diagnosis.kinds import Kind
from auxdrive_eval.diagnosis.page.page import PAGE_NAME
from auxdrive_eval.diagnosis.record import DIAGNOSIS_NAME, Diagnosis
from auxdrive_eval.diagnosis.repeats.log import FactsLog
from auxdrive_eval.driving.drivers import ExpertDriver, Seen
from auxdrive_eval.driving.onlookers.base import Moment
from auxdrive_eval.driving.onlookers.decisions import read_controls
from auxdrive_eval.driving.onlookers.keeping import NOTHING_KEPT
from auxdrive_eval.driving.runner import drive_route
from auxdrive_eval.driving.settings import DriverSource, evaluation_settings, traffic_seed
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity
from auxdrive_eval.driving.stored.folder import write_folder, write_results
from auxdrive_eval.driving.stored.plan import read_plan
from auxdrive_eval.driving.stored.route import stored_route
from auxdrive_eval.driving.stored.route_files import CONTROLS, load_route, save_route
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.base import DEFAULT_CAMERA, Simulator
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.settings import SimulatorSettings
from auxdrive_eval.world import HeldBy, LightColour, WorldState

CAMERA = DEFAULT_CAMERA.model_copy(update={"width": 128, "height": 72})
SETTINGS = SimulatorSettings(options={"traffic": 0, "camera": CAMERA})
MPS, SEED = 6.0, 0


class Strange(ExpertDriver):
    """Drives as a function says, and predicts that it will go straight on at 6 m/s."""

    def __init__(self, how: Callable[[Simulator, WorldState], Control]) -> None:
        super().__init__()
        self._how = how

    def control(self, simulator: Simulator, state: WorldState) -> Control:
        points = np.array([(3.0, 0.0), (6.0, 0.0)], np.float32)
        prediction = Prediction(state.time_s, 1.0, None, points, (0.5, 1.0))
        self.seen = Seen((20.0, 0.0), RoadOption.LANE_FOLLOW, prediction, 1.0)
        return self._how(simulator, state)


def never_starts(simulator: Simulator, state: WorldState) -> Control:
    return Control(0.0, 0.0, 1.0)


def ignores_lights(simulator: Simulator, state: WorldState) -> Control:
    return Control(simulator.expert().steer_rad, 0.5 if state.speed_mps < MPS else 0.0, 0.0)


def cuts_corners(route: Route) -> Callable[[Simulator, WorldState], Control]:
    """Steers for a point of the route that is far ahead."""

    def how(simulator: Simulator, state: WorldState) -> Control:
        del simulator
        near = int(np.argmin(np.hypot(*(route.points - state.ego_centre).T)))
        x_m, y_m = route.points[min(near + 14, len(route.points) - 1)].tolist()
        towards = math.atan2(y_m - state.ego.y_m, x_m - state.ego.x_m) - state.ego.yaw_rad
        steer = 1.2 * math.remainder(towards, math.tau)
        return Control(steer, 0.4 if state.speed_mps < 4.0 else 0.0, 0.0)

    return how


def part(seed: int, first: int, last: int) -> Route:
    planner = EmbeddedSimulator(render=False, traffic=0)
    whole = planner.random_route(seed)
    ends = [tuple(whole.points[first]), tuple(whole.points[last])]
    return planner.plan(whole.town, ends, route_id=f"{seed}-{first}")


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive of three routes, each with a strange driver of its own."""
    folder = tmp_path_factory.mktemp("strange")
    routes = [part(1001, 0, 15), part(1001, 0, 45), part(1001, 205, 250)]
    drivers = [Strange(never_starts), Strange(ignores_lights), Strange(cuts_corners(routes[2]))]
    rules = RULE_SETS["1.0"]
    settings = evaluation_settings(
        routes, DriverSource(None), SETTINGS, rules="1.0", repeats=1, seed=SEED
    )
    write_folder(folder, settings, DriverIdentity(camera=CAMERA), routes)
    simulator = EmbeddedSimulator(camera=CAMERA, traffic=0)
    for index, (route, driver) in enumerate(zip(routes, drivers, strict=True)):
        onlookers = NOTHING_KEPT.onlookers(simulator, route, index)
        seed = traffic_seed(SEED, route, 0)
        result: Any = drive_route(
            simulator, route, driver, rules=rules, seed=seed, index=index, onlookers=onlookers
        )
        kept = {name: data for each in onlookers for name, data in each.end(result).items()}
        save_route(folder, stored_route(replace(result, beside=kept)))
    simulator.close()
    done = {index: load_route(folder, index) for index in range(3)}
    write_results(folder, settings, {i: each for i, each in done.items() if each}, [])
    return folder


@pytest.fixture(scope="module")
def diagnosis(driven: Path) -> Diagnosis:
    """What the command writes beside the drive."""
    command([driven])
    return Diagnosis.model_validate_json((driven / DIAGNOSIS_NAME).read_bytes())


def test_each_driver_is_found_to_have_driven_as_it_did(diagnosis: Diagnosis) -> None:
    assert diagnosis.notes == ()  # driven again, each route was the same to the last bit
    kinds = {n: {case.kind for case in diagnosis.cases if case.index == n} for n in range(3)}
    assert kinds == {0: {Kind.NOT_STARTED}, 1: {Kind.LIGHT}, 2: {Kind.CUT}}
    idle, over_red, cut = (route.costs for route in diagnosis.routes)
    assert idle.by_kind == {Kind.NOT_STARTED: pytest.approx(100.0 - idle.score)}
    assert over_red.by_kind == {Kind.LIGHT: pytest.approx(30.0)}
    assert cut.by_kind[Kind.CUT] > 5.0
    assert cut.together == pytest.approx(0.0)
    costs = diagnosis.costs
    assert costs.score + sum(costs.by_kind.values()) + costs.together == pytest.approx(100.0)


def test_a_case_holds_what_was_predicted_planned_and_in_view(diagnosis: Diagnosis) -> None:
    red = next(case for case in diagnosis.cases if case.event is EventKind.RED_LIGHT)
    assert len(red.moments) == 5
    before = red.moments[0]
    assert (before.predicts, before.predicted) == ("waypoints_ego_m", (3.0, 0.0, 6.0, 0.0))
    light = before.facts.light
    assert light is not None
    assert (light.colour, light.visible) == (LightColour.YELLOW, True)
    last = red.moments[-1].facts.light  # the front is beyond the line, and the lamp out of view
    assert last is not None
    assert (last.colour, last.visible) == (LightColour.RED, False)
    assert last.to_line_m < 0.0 < light.to_line_m
    assert red.at_s - before.facts.time_s == pytest.approx(4.0)
    assert any(each.facts.expert_brakes > 0.0 for each in red.moments)  # it would have stopped
    held = [each.facts.held_by for each in red.moments]
    assert HeldBy("light", True) in held or HeldBy("line", True) in held
    after = [math.hypot(*point) for point in before.expert_ego_m]
    assert after == sorted(after)
    assert after[-1] < 2.0 * MPS
    assert any("The expert would have braked" in words for words in red.words)
    idle = next(case for case in diagnosis.cases if case.index == 0)
    assert idle.moments[0].facts.expert_goes
    assert idle.event is EventKind.ROUTE_TIMEOUT
    assert "driven on for" in idle.why


def test_the_page_shows_each_case_and_loads_nothing(driven: Path, diagnosis: Diagnosis) -> None:
    text = (driven / PAGE_NAME).read_text(encoding="utf-8")
    shown = sum(len(case.moments) for case in diagnosis.cases)
    assert text.count("<img") == shown == 15
    assert text.count('class="map"') == len(diagnosis.cases) == 3
    for case in diagnosis.cases:
        assert f"Rule: {case.why}." in text
    assert "out of view" in text
    assert not re.search(r"""(src|href)=["'](?!data:)""", text)


def test_what_cannot_be_repeated_is_said_and_not_made_up(
    driven: Path, diagnosis: Diagnosis, tmp_path: Path
) -> None:
    copied = Path(shutil.copytree(driven, tmp_path / "drive"))
    for gone in ("routes/00000", "routes/00001"):
        shutil.rmtree(copied / gone)
    (copied / "results.json").unlink()
    (copied / "routes/00002" / CONTROLS).unlink()
    told = diagnose(copied).diagnosis  # by its settings the expert drove, and it drives otherwise
    assert "2 of 3 drives are not driven" in told.notes[0]
    assert "another drive from 0." in told.notes[1]
    assert told.costs.score == diagnosis.routes[2].costs.score
    assert {case.kind for case in told.cases} == {Kind.OTHER}
    assert not any(case.moments for case in told.cases)
    settings = json.loads((copied / "settings.json").read_text())
    (copied / "settings.json").write_text(json.dumps(settings | {"driver_sha256": "1" * 64}))
    with pytest.raises(UsageError, match="give the bundle or run that drove"):
        diagnose(copied)
    (copied / "settings.json").write_text(json.dumps(settings | {"simulator_version": "0"}))
    with pytest.raises(UsageError, match="was driven in version 0 of the worlds"):
        diagnose(copied)


class Blind:
    """The embedded simulator without its foresight, as a server of CARLA is."""

    def __init__(self, simulator: EmbeddedSimulator) -> None:
        self._simulator = simulator
        for name in ("tick_s", "reset", "step", "expert", "expert_plan", "road_users"):
            setattr(self, name, getattr(simulator, name))


def test_a_drive_that_cannot_be_repeated_keeps_its_facts(
    driven: Path, diagnosis: Diagnosis, tmp_path: Path
) -> None:
    """What was kept while it was driven gives the same kinds."""
    folder = Path(shutil.copytree(driven, tmp_path / "drive"))
    simulator: Any = Blind(EmbeddedSimulator(render=False, traffic=0))
    for index, route in enumerate(read_plan(folder)):
        stored = load_route(folder, index)
        assert stored is not None
        log = NOTHING_KEPT.onlookers(simulator, route, index)
        assert isinstance(log[-1], FactsLog)
        controls = read_controls(stored)
        assert controls is not None
        state = simulator.reset(route, traffic_seed(SEED, route, 0))
        for tick in range(len(stored.trace)):
            control = Control(*controls[tick].tolist())
            log[-1].look(Moment(simulator, state, control))
            state = simulator.step(control)
        kept = log[-1].end(SimpleNamespace(crashed=False))
        save_route(folder, stored.model_copy(update={"beside": {**stored.beside, **kept}}))
    told = diagnose(folder).diagnosis
    assert [case.kind for case in told.cases] == [case.kind for case in diagnosis.cases]
    assert told.costs == diagnosis.costs
    red = next(case for case in told.cases if case.event is EventKind.RED_LIGHT)
    assert red.moments[0].predicted == (3.0, 0.0, 6.0, 0.0)
    assert len(red.moments[0].expert_ego_m) == 4
