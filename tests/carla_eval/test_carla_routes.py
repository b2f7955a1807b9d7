"""Route files driven in CARLA: their weather changes on the way, and bridges are bridges."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive_eval import DriverSource, drive_all
from auxdrive_eval.driving.stored.plan import read_plan
from auxdrive_eval.route import Route
from auxdrive_eval.routes.plan import routes_of_file
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from carla_server.process import ServerProcess

AUXDRIVE = (sys.executable, "-c", "from auxdrive.cli import main; main()")
HEIGHT_M = 8.0
ROUTE = """<routes><route id="0" town="{town}"><weathers>{weathers}</weathers><waypoints>
<position x="{ax}" y="{ay}" z="{z}"/><position x="{bx}" y="{by}" z="{z}"/></waypoints>
<scenarios/></route></routes>"""
CLEARS_UP = (
    '<weather route_percentage="0" cloudiness="100" fog_falloff="2" sun_altitude_angle="70"/>'
    '<weather route_percentage="100" cloudiness="0" sun_altitude_angle="70"/>'
)


def settings_of(
    server: ServerProcess, town: str, pedestrians: int = 0, crossing: float = 0.0
) -> SimulatorSettings:
    """Settings without cars.

    Args:
        server: that runs.
        town: of it.
        pedestrians: number of them.
        crossing: the share of them who cross.
    """
    camera = {"width": 16, "height": 12, "fov_deg": 90.0, "x_m": 1.7, "z_m": 1.6}
    own = {"port": server.port, "town": town, "max_steer_deg": 40.0, "camera": camera}
    others = {"traffic": 0, "pedestrians": pedestrians, "crossing": crossing}
    return SimulatorSettings(
        kind="carla", options={**others, "modalities": ["rgb"], "wait_s": 2.0, **own}
    )


def route_file(path: Path, **given: Any) -> Path:
    """Write a file of one route.

    Args:
        path: of the file.
        given: what it says.
    """
    path.write_text(ROUTE.format(**given))
    return path


def test_the_weather_changes_along_the_route(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ends = {"ax": 30, "ay": 1.75, "bx": 60, "by": 1.75, "z": 0}
    file = route_file(tmp_path / "r.xml", town="Small", weathers=CLEARS_UP, **ends)
    with ServerProcess(["--scene", "carla_eval.carla_scenes:Still"]) as server:
        settings = settings_of(server, "Small")
        with closing(make_simulator(settings, sensors=False)) as simulator:
            routes = routes_of_file(file, simulator)
            simulator.reset(routes[0], 0)
            cloudiness, fog_falloff = (server.report()["weather"][index] for index in (0, 8))
            assert (cloudiness, fog_falloff) == (100.0, 2.0)
        drive_all(routes, DriverSource(None), settings, tmp_path / "out")
        assert server.report()["weather"][0] < 15.0
    assert "without effect" not in caplog.text
    (stored,) = read_plan(tmp_path / "out")
    assert stored.weathers == routes[0].weathers
    assert stored.heights_m == routes[0].heights_m


def test_the_command_takes_a_server(tmp_path: Path) -> None:
    ends = {"ax": 30, "ay": 1.75, "bx": 60, "by": 1.75, "z": 0}
    file = route_file(tmp_path / "r.xml", town="Small", weathers=CLEARS_UP, **ends)
    with ServerProcess(["--scene", "carla_eval.carla_scenes:Still"]) as server:
        where = ["--sim", "carla", "--host", "127.0.0.1", "--port", str(server.port)]
        options = ["--traffic", "1", "--sim-option", "max_steer_deg=40", "--json"]
        ran = subprocess.run(
            [*AUXDRIVE, "drive", "expert", *where, *options, "--routes", file, "--out", "out"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)
    records = json.loads((tmp_path / "out/results.json").read_text())["_checkpoint"]["records"]
    assert [record["status"] for record in records] == ["Completed"]


def bridge() -> str:
    """OpenDRIVE of a road to the east at height 0, and one to the north on a bridge over its
    middle.
    """
    along = [_road(n, (x_m, 0.0, 0.0), 0.0) for n, x_m in ((1, 0.0), (2, 100.0))]
    above = [_road(n, (100.0, y_m, 1.5707963), HEIGHT_M) for n, y_m in ((3, -100.0), (4, 0.0))]
    return (
        '<OpenDRIVE><header revMajor="1" revMinor="4" name="" north="0" south="0" east="0" '
        f'west="0"/>{"".join(along + above)}</OpenDRIVE>'
    )


def _road(number: int, start: tuple[float, float, float], height_m: float) -> str:
    odd = number % 2 == 1
    link, other, contact = ("successor", 1, "start") if odd else ("predecessor", -1, "end")
    x_m, y_m, heading = start
    left, right = (
        "".join(
            f'<lane id="{lane}" type="{kind}" level="false"><link><{link} id="{lane}"/></link>'
            f'<width sOffset="0" a="{width_m}" b="0" c="0" d="0"/></lane>'
            for lane, kind, width_m in lanes
        )
        for lanes in (
            ((2, "sidewalk", 2.0), (1, "driving", 3.5)),
            ((-1, "driving", 3.5), (-2, "sidewalk", 2.0)),
        )
    )
    return (
        f'<road name="r" length="100" id="{number}" junction="-1"><link><{link} elementType="road" '
        f'elementId="{number + other}" contactPoint="{contact}"/></link><planView>'
        f'<geometry s="0" x="{x_m}" y="{y_m}" hdg="{heading}" length="100"><line/></geometry>'
        f'</planView><elevationProfile><elevation s="0" a="{height_m}" b="0" c="0" d="0"/>'
        f'</elevationProfile><lanes><laneSection s="0"><left>{left}</left><center><lane id="0" '
        f'type="none" level="false"/></center><right>{right}</right></laneSection></lanes></road>'
    )


def test_pedestrians_walk_along_pavements(tmp_path: Path) -> None:
    (tmp_path / "Bridge.xodr").write_text(bridge())
    arguments = ["--scene", "carla_eval.carla_scenes:Still", "--xodr", str(tmp_path)]
    with ServerProcess([*arguments, "--town", "Bridge"]) as server:
        settings = settings_of(server, "Bridge", pedestrians=4)
        with closing(make_simulator(settings, sensors=False)) as simulator:
            route = simulator.plan("Bridge", [(10.0, -1.75), (80.0, -1.75)])
            first, second = (walked(simulator, route, server) for _ in range(2))
        left = server.report()["actors"]
    assert first == second
    assert len(first) == 4
    for ax, ay, bx, by in first:
        along_x = abs(ax - bx) > abs(ay - by)
        assert abs(by if along_x else bx - 100.0) == pytest.approx(4.5, abs=0.5)
        assert 0.5 < abs(ax - bx) + abs(ay - by) < 6.0
    assert not [name for name in left if name.startswith("walker")]


def test_pedestrians_cross_the_street_and_the_same_seed_sends_the_same(tmp_path: Path) -> None:
    (tmp_path / "Bridge.xodr").write_text(bridge())
    with ServerProcess(["--xodr", str(tmp_path), "--town", "Bridge"]) as server:
        settings = settings_of(server, "Bridge", pedestrians=4, crossing=1.0)
        with closing(make_simulator(settings, sensors=False)) as simulator:
            route = simulator.plan("Bridge", [(10.0, -1.75), (80.0, -1.75)])
            first, second = (walked(simulator, route, server, 400) for _ in range(2))
    assert first == second
    changed = 0
    for ax, ay, bx, by in first:
        on_first = abs(abs(ay) - 4.5) < 0.6
        before, after = (ay, by) if on_first else (ax - 100.0, bx - 100.0)
        assert abs(after) < 5.1  # on a pavement, or between the two
        changed += before * after < 0.0
    assert changed >= 1  # is on the other side, or has passed the middle


def walked(
    simulator: Simulator, route: Route, server: ServerProcess, ticks_between: int = 60
) -> list[tuple[float, ...]]:
    """Where each pedestrian is 1 s after the start of a route, and where 3 s later.

    Args:
        simulator: that has pedestrians.
        route: that is driven.
        server: of the simulator.
        ticks_between: instead of those 3 s.
    """
    simulator.reset(route, 3)
    world = carla.Client("127.0.0.1", server.port).get_world()

    def places(ticks: int) -> list[tuple[float, float]]:
        for _ in range(ticks):
            simulator.step(simulator.expert())
        until = time.monotonic() + 10.0
        while world.get_snapshot().frame != server.report()["frame"]:
            assert time.monotonic() < until
        walkers = sorted(world.get_actors().filter("walker.*"), key=lambda each: int(each.id))
        found = [each.get_location() for each in walkers]
        return [(round(at.x, 4), round(at.y, 4)) for at in found]

    return [(*a, *b) for a, b in zip(places(20), places(ticks_between), strict=True)]


def test_a_route_on_a_bridge_begins_there(tmp_path: Path) -> None:
    (tmp_path / "Bridge.xodr").write_text(bridge())
    ends = {"ax": 101.75, "ay": 1.75, "bx": 101.75, "by": -60, "z": HEIGHT_M}
    file = route_file(tmp_path / "r.xml", town="Bridge", weathers="", **ends)
    arguments = ["--scene", "carla_eval.carla_scenes:Still", "--xodr", str(tmp_path)]
    with (
        ServerProcess([*arguments, "--town", "Bridge"]) as server,
        closing(make_simulator(settings_of(server, "Bridge"), sensors=False)) as simulator,
    ):
        (route,) = routes_of_file(file, simulator)
        assert set(route.heights_m) == {HEIGHT_M}
        state = simulator.reset(route, 0)
        assert state.lane is not None
        assert state.lane.lane_id in route.lane_ids
        world = carla.Client("127.0.0.1", server.port).get_world()
        while not (heroes := world.get_actors().filter("vehicle.*")):
            state = simulator.step(simulator.expert())
        assert heroes[0].get_transform().location.z == pytest.approx(HEIGHT_M, abs=0.1)
        for _ in range(60):
            state = simulator.step(simulator.expert())
        assert state.ego_centre[1] > 2.0
        assert state.lane is not None
        assert state.lane.lane_id in route.lane_ids
