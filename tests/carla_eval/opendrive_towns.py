"""Towns from OpenDRIVE maps for tests: small ones that are written here, and CARLA's own where
their files are at hand.
"""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from pathlib import Path

import carla_towns
import pytest
from auxdrive_eval.criteria import TERMINAL_KINDS
from auxdrive_eval.criteria.base import EventKind
from auxdrive_eval.road_maps.carla_map import open_map
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.town.model import Town
from auxdrive_eval.simulators.settings import make_simulator, simulator_settings
from auxdrive_eval.world import WorldState

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests are no package
from carla_server.small_town import small_xodr

REAL = ("Town01", "Town02", "Town07", "Town10HD")
SMALL = small_xodr(latitude=10.0)


def _with_second_lane(text: str) -> str:
    found = re.search(r'<lane id="-1".*?</lane>', text, re.DOTALL)
    assert found is not None
    free = found.group().replace('laneChange="none"', 'laneChange="both"')
    return text.replace(found.group(), free + free.replace('"-1"', '"-2"'))


WIDE = _with_second_lane(SMALL)
"""The small town with a second lane to the right of the outer one, into which one may change."""


def _with_bridge(text: str) -> str:
    roads = text[text.index("<road ") : text.rindex("</road>") + len("</road>")]
    above = re.sub(r"<signal .*?</signal>", "", roads, flags=re.DOTALL)
    above = re.sub(r'(elementId|\bid)="(\d)"', r'\1="1\2"', above)
    above = re.sub(r'(name="Road \d" length="[^"]*" )id="(\d)"', r'\1id="1\2"', above)
    above = re.sub(r'<lane id="1(\d)"', r'<lane id="\1"', above)
    above = re.sub(r'<(predecessor|successor) id="1(\d)"', r'<\1 id="\2"', above)
    above = re.sub(r' x="([^"]*)"', lambda found: f' x="{float(found[1]) + 100}"', above)
    above = re.sub(r' y="([^"]*)"', lambda found: f' y="{float(found[1]) + 40}"', above)
    return text.replace(
        roads, roads + above.replace('<elevation s="0" a="0"', '<elevation s="0" a="6"')
    )


BRIDGED = _with_bridge(SMALL)
"""The small town, and another oval 6 m above it, which crosses it."""


def written(folder: Path, name: str, text: str) -> Path:
    """The file of a map that is written here; skipped without the extra."""
    carla_towns.needs_carla()
    path = folder / f"{name}.xodr"
    path.write_text(text)
    return path


def real(name: str) -> Path:
    """The file of one of CARLA's towns."""
    carla_towns.needs_carla()
    path = next(iter(carla_towns.TOWNS.glob(f"{name}*.xodr.gz")), None)
    if path is None:
        pytest.skip(f"the map of {name} is not in {carla_towns.TOWNS}")
    return path


def simulator_of(path: Path, traffic: int = 8) -> EmbeddedSimulator:
    settings = simulator_settings("embedded", {"town": str(path), "traffic": traffic})
    simulator = make_simulator(settings, sensors=False)
    assert isinstance(simulator, EmbeddedSimulator)
    return simulator


def town_of(path: Path) -> Town:
    simulator = simulator_of(path, 0)
    return simulator.town(simulator.random_route(0).town)


def drive(simulator: EmbeddedSimulator, route: Route, seed: int, path: Path) -> list[EventKind]:
    """The kinds of events when the expert drives a route, judged twice: by the simulator's own view
    of the lanes, and by that of the stock client.
    """
    rules, roads = RULE_SETS["1.0"], open_map(path)

    def seen_by_carla(state: WorldState) -> WorldState:
        lane = roads.lane_view(*state.ego_centre, state.ego.yaw_rad)
        return replace(state, lane=lane, stop_signs=roads.stop_signs(state.ego_centre))

    judges = [(view, (rules.completion(route), *rules.criteria(route)))
              for view in (lambda state: state, seen_by_carla)]  # fmt: skip
    state = simulator.reset(route, seed)
    kinds: list[EventKind] = []
    while not any(kind in TERMINAL_KINDS for kind in kinds):
        state = simulator.step(simulator.expert())
        for view, criteria in judges:
            kinds += [event.kind for one in criteria for event in one.update(view(state))]
    return kinds + [event.kind for _, criteria in judges for one in criteria
                    for event in one.finish(state)]  # fmt: skip
