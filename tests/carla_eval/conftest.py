"""A simulator with a small image and little traffic, a renderer, towns, short routes in one town, a
small recording, and a package of strange agents; a module may define its own.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from auxdrive_eval.collecting.collect import Collected, collect
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.town.generate import town_from_name
from auxdrive_eval.simulators.embedded.town.model import Town

sys.path.insert(0, str(Path(__file__).parent))  # tests are no package
import opendrive_towns
import small_recording
import strange_agents
import town_by_hand
from carla_report import CarlaReport
from small_world import CAMERA


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(CarlaReport())


@pytest.fixture(scope="module")
def simulator() -> Any:
    made = EmbeddedSimulator(camera=CAMERA, traffic=2)
    yield made
    made.close()


@pytest.fixture(scope="module")
def renderer() -> Iterator[Any]:
    """One renderer for the module, with the camera of `town_by_hand`; every test loads its own
    town.
    """
    from auxdrive_eval.simulators.embedded.render.panda import PandaRenderer

    made = PandaRenderer(town_by_hand.CAMERA)
    yield made
    made.close()


@pytest.fixture(scope="module")
def short_routes() -> tuple[Route, ...]:
    """Two short routes in one town, so that the tests spend their time on driving."""
    planner = EmbeddedSimulator(render=False, traffic=0)
    whole = planner.random_route(1003)
    ends = [(0, 15), (20, 35)]
    return tuple(
        planner.plan(
            whole.town,
            [tuple(whole.points[first]), tuple(whole.points[last])],
            route_id=str(number),
        )
        for number, (first, last) in enumerate(ends)
    )


@pytest.fixture(scope="module")
def longer_route() -> Route:
    planner = EmbeddedSimulator(render=False, traffic=0)
    whole = planner.random_route(1003)
    return planner.plan(whole.town, [tuple(whole.points[0]), tuple(whole.points[45])])


@pytest.fixture(scope="module", params=["EmbeddedTown0003", "EmbeddedTown0011"])
def town(request: pytest.FixtureRequest) -> Town:
    """Two towns, one after the other."""
    return town_from_name(request.param)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenDRIVE file of a small town."""
    return opendrive_towns.written(tmp_path_factory.mktemp("map"), "Small", opendrive_towns.SMALL)


@pytest.fixture(scope="session")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenDRIVE file of a small town in which lanes can be changed."""
    return opendrive_towns.written(tmp_path_factory.mktemp("map"), "Wide", opendrive_towns.WIDE)


@pytest.fixture(scope="session")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """The two episodes of `small_recording`, recorded in this process. They are only read."""
    return collect(small_recording.settings(), tmp_path_factory.mktemp("recorded") / "data")


@pytest.fixture
def agents_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package of `strange_agents`, installed; beside it another package whose entry points are
    broken in every way.
    """
    site = strange_agents.install(
        tmp_path / "site",
        "absent = no_such_module:load",
        "wrong = strange_agents:no_such_name",
        "aaa = exits_on_import:load",
    )
    (site / "exits_on_import.py").write_text("raise SystemExit('broken')")
    monkeypatch.syspath_prepend(str(site))
    return site
