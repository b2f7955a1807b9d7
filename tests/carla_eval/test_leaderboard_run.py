"""The unmodified leaderboard 2.x with its scenario_runner runs the agent, through the stock client,
against the test server.

Their code is not part of this project. AUXDRIVE_LEADERBOARD_PATH names folders (separated as in
PATH) that hold the packages `leaderboard`, `srunner` and `agents`, and those that they need;
without it these tests are skipped.
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
from carla_server.process import ServerProcess, free_port

WHERE = "AUXDRIVE_LEADERBOARD_PATH"
EVALUATOR = "leaderboard/leaderboard_evaluator.py"
ROUTES = {
    "Town02, ahead": ("Town02", [(30.0, 306.5), (90.0, 306.5), (150.0, 306.5)]),
    "Town01, ahead": ("Town01", [(120.0, 2.0), (180.0, 2.0)]),
    "Town02, left and right": ("Town02", [(193.7, 275.0), (160.0, 236.9), (136.1, 210.0)]),
}
"""In CARLA's frame (y to the right)."""
pytestmark = pytest.mark.slow


def is_first(evaluator: Path) -> bool:
    """Whether this is the evaluator of leaderboard 1.0."""
    return "--trafficManagerPort" in evaluator.read_text()


def evaluator_of(folders: list[Path]) -> Path:
    """The evaluator in some folders."""
    found = next((each / EVALUATOR for each in folders if (each / EVALUATOR).is_file()), None)
    assert found is not None, f"no folder of {WHERE} holds {EVALUATOR}"
    return found


@pytest.fixture(scope="module")
def given_folders() -> list[Path]:
    """Where a leaderboard is."""
    given = [Path(each).resolve() for each in os.environ.get(WHERE, "").split(os.pathsep) if each]
    if not given:
        pytest.skip(f"{WHERE} does not say where a leaderboard is")
    carla_towns.needs_carla()
    if not carla_towns.TOWNS.is_dir():
        pytest.skip(f"there are no towns in {carla_towns.TOWNS}")
    return given


@pytest.fixture(scope="module")
def folders(given_folders: list[Path]) -> list[Path]:
    """Where a leaderboard 2.x is."""
    if is_first(evaluator_of(given_folders)):
        pytest.skip("leaderboard 1.0 ends in load_world with the client 0.9.16 (docs/carla.md)")
    return given_folders


def surroundings(folders: list[Path]) -> dict[str, str]:
    """The environment in which a leaderboard runs."""
    paths = [*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])]
    root = str(evaluator_of(folders).parents[1])
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(paths),
        "LEADERBOARD_ROOT": root,
        "SCENARIO_RUNNER_ROOT": root,
    }


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
    folders: list[Path],
    here: Path,
    config: str,
    names: list[str],
    scenarios: str = "",
    scene: str = "carla_eval.leaderboard_scenes:Noise",
) -> Run:
    """Run the evaluator with the agent.

    Args:
        folders: see `WHERE`.
        here: folder for the files of the run.
        config: of the agent, a path.
        names: of routes.
        scenarios: of each route, XML.
        scene: what the cameras see.
    """
    file, out = here / "routes.xml", here / "results.json"
    file.write_text(routes_text(names, scenarios))
    town = ["--town", "Town02", "--xodr", str(carla_towns.TOWNS)]
    with ServerProcess([*town, "--scene", scene]) as server:
        options = {
            "host": "127.0.0.1", "port": server.port, "traffic-manager-port": free_port(),
            "routes": file, "agent": leaderboard_agent.__file__, "agent-config": config,
            "track": "SENSORS", "timeout": 30, "checkpoint": out,
            "debug-checkpoint": here / "live.txt",
        }  # fmt: skip
        given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        finished = subprocess.run(
            [sys.executable, "-W", "ignore", str(evaluator_of(folders)), *given],
            cwd=here,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
            env=surroundings(folders),
        )
        output = finished.stdout + finished.stderr
        assert finished.returncode == 0, output[-3000:]
        report = server.report()
    return Run(json.loads(out.read_text()), out, output, report)


def routes_text(names: list[str], scenarios: str) -> str:
    """A file of routes in the format of 2.x.

    Args:
        names: of routes.
        scenarios: of each, XML.
    """
    weather = '<weather route_percentage="{}" cloudiness="5.0" sun_altitude_angle="{}"/>'
    weathers = f"<weathers>{weather.format(0, 60)}{weather.format(100, 15)}</weathers>"
    routes = []
    for number, name in enumerate(names):
        town, places = ROUTES[name]
        points = "".join(f'<position x="{x}" y="{y}" z="0.0"/>' for x, y in places)
        routes.append(
            f'<route id="{number}" town="{town}">{weathers}<waypoints>{points}</waypoints>'
            f"<scenarios>{scenarios}</scenarios></route>"
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
    folders: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A model that drives straight at its target points comes to the end of each route, which it
    does only if plan, position, heading and steering are right. `auxdrive score` reads the file,
    and gives the same scores by the rule set of that leaderboard.
    """
    bundle = parts.chasing(tmp_path / "bundle")
    run = run_leaderboard(folders, tmp_path, config_of(tmp_path, bundle), list(ROUTES))
    print(run.output[-3000:])
    assert [each["scores"]["score_route"] for each in run.records] == [100.0] * len(ROUTES)
    assert {each["status"] for each in run.records} <= {"Perfect", "Completed"}
    assert run.results["entry_status"] == "Finished"
    assert run.results["eligible"] is True
    assert run.results["sensors"] == [
        "carla_camera", "carla_gnss", "carla_imu", "carla_speedometer",
    ]  # fmt: skip
    assert [kind for kind in run.report["actors"] if "sensor" in kind] == []
    again = {rules: rescored(run.file, rules, capsys, monkeypatch) for rules in ("2.0", "2.1")}
    (own,) = again["2.0"]["auxdrive"]["scored_before_by"]
    told, before = (each["_checkpoint"] for each in (again[own], run.results))
    assert told["global_record"]["scores_mean"] == before["global_record"]["scores_mean"]
    assert [each["scores"] for each in told["records"]] == [each["scores"] for each in run.records]


def test_a_steering_bundle_drives(folders: list[Path], tmp_path: Path) -> None:
    bundle = parts.steering(tmp_path / "bundle")
    config = config_of(tmp_path, bundle)
    (record,) = run_leaderboard(folders, tmp_path, config, ["Town01, ahead"]).records
    assert record["scores"]["score_route"] == 100.0


@pytest.mark.parametrize(
    ("camera", "why"),
    [
        (None, "there is no such bundle or YAML file"),
        ({"z_m": 4.0}, "the bundle's camera is mounted 4.01 m from the origin"),
    ],
)
def test_a_bundle_that_cannot_drive_is_told(
    folders: list[Path], tmp_path: Path, camera: dict[str, Any] | None, why: str
) -> None:
    config = str(tmp_path / "nowhere")
    if camera is not None:
        given = parts.CAMERA.model_copy(update=camera)
        config = config_of(tmp_path, parts.steering(tmp_path / "bundle", camera=given))
    run = run_leaderboard(folders, tmp_path, config, ["Town01, ahead"])
    (record,) = run.records
    assert record["status"] == "Failed - Agent couldn't be set up"
    assert why in run.output


def test_leaderboard_10_drives_it_by_its_own_parts(
    given_folders: list[Path], tmp_path: Path
) -> None:
    """Its constructor, its plan with a point every 50 m, its sensors, which may be a frame late."""
    if not is_first(evaluator_of(given_folders)):
        pytest.skip("this is no leaderboard 1.0")
    config = config_of(tmp_path, parts.chasing(tmp_path / "bundle"))
    town, places = ROUTES["Town02, left and right"]
    scene = ["--scene", "carla_eval.leaderboard_scenes:Noise"]
    program = Path(__file__).with_name("leaderboard10_drive.py")
    with ServerProcess(["--town", town, "--xodr", str(carla_towns.TOWNS), *scene]) as server:
        given = [server.port, leaderboard_agent.__file__, config, 90]
        finished = subprocess.run(
            [sys.executable, "-W", "ignore", program, *map(str, given),
             *(f"{x},{y}" for x, y in places)],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=400,
            env=surroundings(given_folders),
        )  # fmt: skip
        assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-3000:]
        told = json.loads(finished.stdout.splitlines()[-1])
        assert told["left_m"] < 10.0
        assert told["plan"] > 100
        assert [kind for kind in server.report()["actors"] if "sensor" in kind] == []
