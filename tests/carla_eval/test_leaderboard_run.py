"""The unmodified leaderboard 1.0, 2.1 or master with its scenario_runner runs the agent, through
the stock client, against the test server.

Their code is not part of this project. AUXDRIVE_LEADERBOARD_PATH names folders (separated as in
PATH) that hold the packages `leaderboard`, `srunner` and `agents`, and those that they need;
without it these tests are skipped. AUXDRIVE_LEADERBOARD_PYTHON names a Python for them where it is
not this one: the bundle then runs in this one. Clients 0.9.15 and 0.9.16 are spoken to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import carla_towns
import leaderboard_parts as parts
import pytest
from auxdrive import cli
from auxdrive_eval import leaderboard_agent

pytest.importorskip("msgpack", reason="the test server needs it")
from carla_server.dialects import DIALECTS
from carla_server.process import ServerProcess, free_port

WHERE, PYTHON_THERE = "AUXDRIVE_LEADERBOARD_PATH", "AUXDRIVE_LEADERBOARD_PYTHON"
EVALUATOR = "leaderboard/leaderboard_evaluator.py"
ROUTES = {
    "Town02, ahead": ("Town02", [(30.0, 306.5), (90.0, 306.5), (150.0, 306.5)]),
    "Town01, ahead": ("Town01", [(120.0, 2.0), (180.0, 2.0)]),
    "Town02, left and right": ("Town02", [(193.7, 275.0), (160.0, 236.9), (136.1, 210.0)]),
}
"""In CARLA's frame (y to the right)."""
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Leaderboard:
    """A leaderboard on this machine.

    Attributes:
        evaluator: its program.
        is_first: whether it is 1.0.
        python: that runs it.
        environment: in which it runs.
        client: version of the client there.
    """

    evaluator: Path
    is_first: bool
    python: str
    environment: dict[str, str]
    client: str

    @property
    def served(self) -> list[str]:
        """How the test server must speak to it."""
        bare = ["--bare-names"] if self.is_first else []
        return ["--client", self.client, "--scene", "carla_eval.leaderboard_scenes:Noise", *bare]


@pytest.fixture(scope="module")
def leaderboard() -> Leaderboard:
    """The one that the environment names."""
    folders = [each for each in os.environ.get(WHERE, "").split(os.pathsep) if each]
    if not folders:
        pytest.skip(f"{WHERE} does not say where a leaderboard is")
    carla_towns.needs_carla()
    if not carla_towns.TOWNS.is_dir():
        pytest.skip(f"there are no towns in {carla_towns.TOWNS}")
    evaluator = next(
        (path for each in folders if (path := Path(each).resolve() / EVALUATOR).is_file()), None
    )
    assert evaluator is not None, f"no folder of {WHERE} holds {EVALUATOR}"
    python = os.environ.get(PYTHON_THERE, sys.executable)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(map(os.path.abspath, folders)),
        "LEADERBOARD_ROOT": str(evaluator.parents[1]),
        "SCENARIO_RUNNER_ROOT": str(evaluator.parents[1]),
    }
    if python != sys.executable:
        environment[leaderboard_agent.PYTHON] = sys.executable
    asked = "from importlib.metadata import version; print(version('carla'))"
    client = subprocess.run(
        [python, "-c", asked], env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert client in DIALECTS, f"the test server does not speak to the client {client}"
    return Leaderboard(
        evaluator, "--trafficManagerPort" in evaluator.read_text(), python, environment, client
    )


@dataclass(frozen=True)
class Run:
    """What a leaderboard's run gave.

    Attributes:
        results: of its checkpoint.
        file: that holds them.
        output: what it printed.
        report: of the test server.
    """

    results: dict[str, Any]
    file: Path
    output: str
    report: dict[str, Any]

    @property
    def records(self) -> list[dict[str, Any]]:
        """Those of the routes."""
        found: list[dict[str, Any]] = self.results["_checkpoint"]["records"]
        return found


def run_leaderboard(
    there: Leaderboard, here: Path, config: str, names: list[str], scene: str = ""
) -> Run:
    """Run the evaluator with the agent.

    Args:
        there: the leaderboard.
        here: folder for the files of the run.
        config: of the agent, a path.
        names: of routes.
        scene: what the cameras see; noise if it is empty.
    """
    if there.is_first and there.client == "0.9.16":
        pytest.skip("leaderboard 1.0 ends in load_world with the client 0.9.16 (docs/carla.md)")
    out = here / "results.json"
    options: dict[str, object] = {
        "host": "127.0.0.1", "routes": here / "routes.xml", "timeout": 30, "checkpoint": out,
        "agent": leaderboard_agent.__file__, "agent-config": config, "track": "SENSORS",
    }  # fmt: skip
    if there.is_first:
        (here / "routes.xml").write_text(first_routes_text(names))
        (here / "scenarios.json").write_text('{"available_scenarios": [{"Town01": []}]}')
        options |= {"trafficManagerPort": free_port(), "scenarios": here / "scenarios.json"}
    else:
        (here / "routes.xml").write_text(routes_text(names))
        options |= {"traffic-manager-port": free_port(), "debug-checkpoint": here / "live.txt"}
    served = [*there.served, *(["--scene", scene] if scene else [])]
    town = ["--town", "Town02", "--xodr", str(carla_towns.TOWNS)]
    with ServerProcess([*town, *served]) as server:
        options["port"] = server.port
        given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        finished = subprocess.run(
            [there.python, "-W", "ignore", str(there.evaluator), *given],
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
            env=there.environment,
        )
        output = finished.stdout + finished.stderr
        assert finished.returncode == 0, output[-3000:]
        report = server.report()
    return Run(json.loads(out.read_text()), out, output, report)


def first_routes_text(names: list[str]) -> str:
    """A file of routes in the format of 1.0.

    Args:
        names: of routes.
    """
    routes = []
    for number, name in enumerate(names):
        town, places = ROUTES[name]
        points = "".join(
            f'<waypoint x="{x}" y="{y}" z="0" pitch="0" roll="0" yaw="0"/>' for x, y in places
        )
        routes.append(f'<route id="{number}" town="{town}">{points}</route>')
    return f"<routes>{''.join(routes)}</routes>"


def routes_text(names: list[str]) -> str:
    """A file of routes in the format of 2.x.

    Args:
        names: of routes.
    """
    weather = '<weather route_percentage="{}" cloudiness="5.0" sun_altitude_angle="{}"/>'
    weathers = f"<weathers>{weather.format(0, 60)}{weather.format(100, 15)}</weathers>"
    routes = []
    for number, name in enumerate(names):
        town, places = ROUTES[name]
        points = "".join(f'<position x="{x}" y="{y}" z="0.0"/>' for x, y in places)
        routes.append(
            f'<route id="{number}" town="{town}">{weathers}<waypoints>{points}</waypoints>'
            "<scenarios/></route>"
        )
    return f"<routes>{''.join(routes)}</routes>"


def config_of(folder: Path, bundle: Path) -> str:
    """A config for the cars of the test server, whose front wheels turn by 40 degrees.

    Args:
        folder: for the file.
        bundle: that drives.
    """
    file = folder / "agent.yaml"
    file.write_text(f"bundle: {bundle}\nmax_steer_deg: 40\n")
    return str(file)


def rescored(
    file: Path, rules: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """What `auxdrive score` says of a file.

    Args:
        file: of results.
        rules: of the rule set.
        capsys: of the test.
        monkeypatch: of the test.
    """
    words = ["auxdrive", "score", str(file), "--rules", rules, "--json"]
    monkeypatch.setattr("sys.argv", words)
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_it_drives_every_route_to_its_end(
    leaderboard: Leaderboard,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that drives straight at its target points comes to the end of each route, which it
    does only if plan, position, heading and steering are right. `auxdrive score` reads the file,
    and gives the same scores by the rule set of that leaderboard.
    """
    names = list(ROUTES)[: 2 if leaderboard.is_first else None]  # its traffic stands in the turns
    config = config_of(tmp_path, parts.chasing(tmp_path / "bundle"))
    run = run_leaderboard(leaderboard, tmp_path, config, names)
    print(run.output[-3000:])
    assert [each["scores"]["score_route"] for each in run.records] == [100.0] * len(names)
    assert {each["status"] for each in run.records} <= {"Perfect", "Completed"}
    assert run.results["entry_status"] == "Finished"
    assert run.results["eligible"] is True
    assert run.results["sensors"] == [
        "carla_camera", "carla_gnss", "carla_imu", "carla_speedometer",
    ]  # fmt: skip
    assert [kind for kind in run.report["actors"] if "sensor" in kind] == []
    again = rescored(run.file, "2.0", capsys, monkeypatch)
    (own,) = again["auxdrive"]["scored_before_by"]
    again = rescored(run.file, own, capsys, monkeypatch)
    told, before = (each["_checkpoint"] for each in (again, run.results))
    mean = "scores" if leaderboard.is_first else "scores_mean"
    assert told["global_record"][mean] == before["global_record"][mean]
    assert [each["scores"] for each in told["records"]] == [each["scores"] for each in run.records]


def test_a_steering_bundle_drives(leaderboard: Leaderboard, tmp_path: Path) -> None:
    bundle = parts.steering(tmp_path / "bundle")
    config = config_of(tmp_path, bundle)
    (record,) = run_leaderboard(leaderboard, tmp_path, config, ["Town01, ahead"]).records
    assert record["scores"]["score_route"] == 100.0


@pytest.mark.parametrize(
    ("camera", "why"),
    [
        (None, "there is no such bundle or YAML file"),
        ({"z_m": 4.0}, "the bundle's camera is mounted 4.01 m from the origin"),
    ],
)
def test_a_bundle_that_cannot_drive_is_told(
    leaderboard: Leaderboard, tmp_path: Path, camera: dict[str, Any] | None, why: str
) -> None:
    config = str(tmp_path / "nowhere")
    if camera is not None:
        given = parts.CAMERA.model_copy(update=camera)
        config = config_of(tmp_path, parts.steering(tmp_path / "bundle", camera=given))
    run = run_leaderboard(leaderboard, tmp_path, config, ["Town01, ahead"])
    (record,) = run.records
    assert record["status"] == "Failed - Agent couldn't be set up"
    assert why in run.output


def test_leaderboard_10_drives_it_by_its_own_parts(
    leaderboard: Leaderboard, tmp_path: Path
) -> None:
    """Its constructor, its plan with a point every 50 m, its sensors, which may be a frame late."""
    if not leaderboard.is_first or leaderboard.python != sys.executable:
        pytest.skip("this is no leaderboard 1.0 in this Python")
    config = config_of(tmp_path, parts.chasing(tmp_path / "bundle"))
    town, places = ROUTES["Town02, left and right"]
    program = Path(__file__).with_name("leaderboard10_drive.py")
    served = ["--town", town, "--xodr", str(carla_towns.TOWNS), *leaderboard.served]
    with ServerProcess(served) as server:
        given = [server.port, leaderboard_agent.__file__, config, 90]
        places_text = [f"{x},{y}" for x, y in places]
        finished = subprocess.run(
            [sys.executable, "-W", "ignore", program, *map(str, given), *places_text],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
            env=leaderboard.environment,
        )
        assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-3000:]
        told = json.loads(finished.stdout.splitlines()[-1])
        assert told["left_m"] < 10.0
        assert told["plan"] > 100
        assert [kind for kind in server.report()["actors"] if "sensor" in kind] == []
