"""How a leaderboard loads the agent and lets it go; the bundle in a process of another Python."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import carla_towns
import leaderboard_parts as parts
import numpy as np
import pytest
from auxdrive.errors import AuxdriveError, UsageError
from auxdrive_eval import leaderboard_agent
from auxdrive_eval.leaderboard_agent import PYTHON, AgentError
from leaderboard_parts import GEO, START, Agent1, Agent2, Car, driven, made


@pytest.fixture(scope="module")
def waypoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return parts.chasing(tmp_path_factory.mktemp("bundles") / "waypoints")


@pytest.fixture(params=[Agent1, Agent2], ids=["1.0", "2.x"])
def base(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> type:
    carla_towns.needs_carla()
    parts.stand_in(monkeypatch, request.param)
    return request.param


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bundle is driven in a process of its own, as if this Python were too old."""
    monkeypatch.setenv(PYTHON, sys.executable)


def test_destroy_releases_the_bundle(base: type, waypoints: Path) -> None:
    agent, car = made(base, waypoints), Car(START, GEO)
    driven(agent, car, 0.2)
    predictor = agent._seat._driver._predictor
    agent.destroy()
    agent.destroy()
    with pytest.raises(UsageError, match="closed"):
        predictor.warm_up(1)
    with pytest.raises(AgentError, match="setup comes first, and destroy comes last"):
        agent.run_step(car.sensed(), 1.0)


def test_a_failed_setup_can_be_destroyed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    carla_towns.needs_carla()
    parts.stand_in(monkeypatch, Agent2)
    agent = getattr(leaderboard_agent, leaderboard_agent.get_entry_point())("localhost", 2000)
    with pytest.raises(AuxdriveError, match="no such bundle or YAML file"):
        agent.setup(str(tmp_path / "none"))
    agent.destroy()
    with pytest.raises(AgentError, match="setup comes first"):
        agent.sensors()


def test_without_a_leaderboard_it_says_how_to_run_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "leaderboard", None)
    leaderboard_agent._agent_class.cache_clear()
    assert leaderboard_agent.get_entry_point() == "AuxdriveAgent"
    with pytest.raises(AgentError, match=r"inside of a CARLA leaderboard.*PYTHONPATH.*--agent /"):
        _ = leaderboard_agent.AuxdriveAgent
    with pytest.raises(AttributeError, match="has no attribute 'Agent'"):
        _ = leaderboard_agent.Agent


def test_it_is_loaded_by_its_path(tmp_path: Path) -> None:
    """As the evaluators do: its folder comes first on the path, and the module is imported by the
    file's name.
    """
    program = (
        "import sys, os, importlib; path = sys.argv[1]\n"
        "sys.path.insert(0, os.path.dirname(path))\n"
        "module = importlib.import_module(os.path.basename(path).split('.')[0])\n"
        "print(module.get_entry_point())\n"
    )
    command = [sys.executable, "-W", "error", "-c", program, leaderboard_agent.__file__]
    found = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert found.stdout.strip() == "AuxdriveAgent"


# Bench2Drive


def test_bench2drive_gets_its_metrics(
    base: type, waypoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its base of agents tells how the ego moves, and its evaluator adds the route's name."""
    monkeypatch.setattr(base, "get_metric_info", lambda _: {"location": [1, 2, 3]}, raising=False)
    agent, car = made(base, f"{waypoints}+RouteScenario_1+RouteScenario_2"), Car(START, GEO)
    driven(agent, car, 0.2)
    agent.destroy()
    assert list(tmp_path.iterdir()) == []  # nothing is to be saved
    monkeypatch.setenv("SAVE_PATH", str(tmp_path))
    agent = made(base, f"{waypoints}+RouteScenario_1+RouteScenario_2")
    driven(agent, Car(START, GEO), 0.2)
    agent.destroy()
    told = json.loads((tmp_path / "RouteScenario_2/metric_info.json").read_text())
    assert told == {str(step): {"location": [1, 2, 3]} for step in range(4)}
    agent = made(base, f"{waypoints}+/proc/none")
    driven(agent, Car(START, GEO), 0.2)
    with pytest.raises(AgentError, match=r"SAVE_PATH: /proc/none.* cannot be written"):
        agent.destroy()


# In the process of another Python


def test_a_process_of_its_own_gives_the_same_controls(
    base: type, waypoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drives = []
    for python in ("", sys.executable):
        monkeypatch.setenv(PYTHON, python)
        agent, car = made(base, waypoints), Car(START, GEO, 5e-6)
        sensors = agent.sensors()
        drives.append((sensors, [(c.steer, c.throttle, c.brake) for c in driven(agent, car, 4.0)]))
        agent.destroy()
    assert drives[0] == drives[1]
    assert car.speed_mps > 1.0


@pytest.mark.usefixtures("elsewhere")
def test_what_the_process_refuses_is_one_sentence(base: type, waypoints: Path) -> None:
    with pytest.raises(AgentError, match=r"^UsageError: --agent-config nowhere: there is no such"):
        made(base, "nowhere")
    agent, car = made(base, waypoints), Car(START, GEO)
    given = car.sensed()
    given["rgb"] = (0, np.zeros((10, 10, 4), np.uint8))
    with pytest.raises(AgentError, match=r"^InputError: the image has the shape \(10, 10, 3\)"):
        agent.run_step(given, 0.0)
    with pytest.raises(AgentError, match="the sensor 'rgb' sent a bytes"):
        agent.run_step(car.sensed() | {"rgb": (0, b"")}, 0.05)
    assert agent.run_step(car.sensed(), 0.1).brake == 0.0
    agent.destroy()


@pytest.mark.usefixtures("elsewhere")
def test_a_process_that_has_ended_is_told(base: type, waypoints: Path) -> None:
    agent, car = made(base, waypoints), Car(START, GEO)
    process = agent._seat._process
    agent.run_step(car.sensed(), 0.0)
    process.kill()
    with pytest.raises(AgentError, match=r"the agent's process has ended at 'step' \(exit code -9"):
        agent.run_step(car.sensed(), 0.05)
    agent.destroy()


@pytest.mark.usefixtures("elsewhere")
def test_destroy_ends_the_process(
    base: type, waypoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = made(base, waypoints)
    process = agent._seat._process
    agent.destroy()
    assert process.poll() == 0
    monkeypatch.setattr(leaderboard_agent, "TICK_S", 0.2)
    agent, car = made(base, waypoints), Car(START, GEO)
    agent.run_step(car.sensed(), 0.0)
    os.kill(agent._seat._process.pid, signal.SIGSTOP)
    with pytest.raises(AgentError, match=r"gave no reply within 0\.2 s at 'step'"):
        agent.run_step(car.sensed(), 0.05)
    agent.destroy()


def test_a_python_that_is_none(
    base: type, waypoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PYTHON, "/nowhere/python")
    with pytest.raises(AgentError, match="AUXDRIVE_PYTHON=/nowhere/python: cannot be started"):
        made(base, waypoints)
    monkeypatch.delenv(PYTHON)
    monkeypatch.setitem(sys.modules, "auxdrive_eval.team_agent.seat", None)
    with pytest.raises(
        AgentError, match=r"this Python 3\.\d+ cannot import auxdrive .*AUXDRIVE_PYTH"
    ):
        made(base, waypoints)


@pytest.mark.parametrize("file", ["leaderboard_agent.py", "driving/agents/wire.py"])
def test_what_a_leaderboard_imports_runs_in_python_37(file: str) -> None:
    path = Path(leaderboard_agent.__file__).parent / file
    tree = ast.parse(path.read_text(), feature_version=(3, 7))
    at_once = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name) or ""
        for node in at_once
    }
    assert {name.split(".")[0] for name in names} <= {"numpy", *sys.stdlib_module_names}


def test_its_folder_hides_no_module() -> None:
    """Its folder comes first on a leaderboard's path: nothing there may be called like a module
    that a leaderboard imports.
    """
    folder = Path(leaderboard_agent.__file__).parent
    own = {path.stem for path in folder.iterdir() if path.suffix in ("", ".py")} - {"__init__"}
    assert {"routes", "leaderboard_agent"} <= own
    needed = {"leaderboard", "srunner", "agents", "carla", "py_trees", "dictor"}
    assert not own & (needed | sys.stdlib_module_names)
    assert [name for name in own if name != "__pycache__" and find_spec(name) is not None] == []
