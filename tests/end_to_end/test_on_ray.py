"""Ray: two nodes on this machine, of which one is killed in the middle; the results are those of
one process, bit for bit.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs the extra 'distributed'")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # tests are no package
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "carla_eval"))
import bundle_factory
from auxdrive.errors import UsageError
from auxdrive_eval.routes import RouteSpec, write_routes
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from cli_processes import auxdrive
from ray_nodes import RayNodes
from running_command import Command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="kills nodes as Linux does"),
]
SMALL = ("--traffic", "2")
RECORDED = ("--record-rate-hz", "1", "--record-modalities", "rgb,depth")
BEGINS = re.compile(r"route \S+ begins")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(
        tmp_path_factory.mktemp("bundles") / "waypoints", "waypoints"
    )


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four routes of one town, of about 5 s of driving each."""
    with contextlib.closing(make_simulator(SimulatorSettings(), sensors=False)) as planner:
        whole = planner.random_route(1003)
    points = [tuple(map(float, point)) for point in whole.points]
    specs = [
        RouteSpec(str(number), whole.town, (points[first], points[first + 25]))
        for number, first in enumerate((0, 10, 20, 30))
    ]
    path = tmp_path_factory.mktemp("routes") / "routes.xml"
    write_routes(path, specs)
    return path


def without_wall_time(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: without_wall_time(each)
            for name, each in value.items()
            if name != "duration_system"
        }
    return [without_wall_time(each) for each in value] if isinstance(value, list) else value


def driven(folder: Path) -> dict[str, Any]:
    """Every file of a drive but its page, without what tells of this machine's time."""
    return {
        str(path.relative_to(folder)): without_wall_time(json.loads(path.read_bytes()))
        if path.suffix == ".json"
        else path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix != ".html" and path.name != "latency.npy"
    }


@pytest.fixture(scope="module")
def alone(routes: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one process drives and records."""
    out = tmp_path_factory.mktemp("alone")
    order = ("drive", bundle, "--routes", routes, *SMALL, "--json", *RECORDED)
    done = auxdrive(*order, "--out", out / "drive", "--record", out / "data")
    assert done.returncode == 0, done.stderr
    (out / "result.json").write_text(done.stdout)
    return out


def test_a_drive_of_which_a_node_is_killed_is_that_of_one_process(
    nodes: RayNodes, routes: Path, bundle: Path, alone: Path, tmp_path: Path
) -> None:
    order = ("drive", bundle, "--routes", routes, *SMALL, "--json", *RECORDED)
    other = nodes.add(cpus=1)
    to = ("--out", tmp_path / "ray", "--record", tmp_path / "ray-data")
    command = Command(*order, *to, "--ray", nodes.address, "-v")
    command.wait_until(BEGINS, 2)  # one on each node
    nodes.kill(other)
    code, out, said = command.end()
    assert code == 0, said
    assert "its job begins again" in said  # what was under way on the lost node
    assert len(BEGINS.findall(said)) == 5  # and no other drive than that
    result = json.loads((alone / "result.json").read_text())
    assert json.loads(out).keys() == result.keys()  # alone on standard output
    assert driven(tmp_path / "ray") == driven(alone / "drive")
    assert driven(tmp_path / "ray-data") == driven(alone / "data")
    assert len(list(tmp_path.glob("ray-data/episodes/*/depth.npy"))) == 4


def test_a_drive_that_was_stopped_goes_on_elsewhere(
    nodes: RayNodes, routes: Path, bundle: Path, alone: Path, tmp_path: Path
) -> None:
    order = ("drive", bundle, "--routes", routes, *SMALL, "--json", *RECORDED)
    to = ("--out", tmp_path / "ray", "--record", tmp_path / "ray-data", "--ray", nodes.address)
    begun = Command(*order, *to, "-v")
    begun.wait_until(BEGINS, 2)  # so the first is finished
    begun.kill()
    begun.end()
    rest = auxdrive(*order, *to, "--resume", "-v")
    assert rest.returncode == 0, rest.stderr
    assert 1 <= len(BEGINS.findall(rest.stderr)) <= 3
    assert driven(tmp_path / "ray") == driven(alone / "drive")
    assert driven(tmp_path / "ray-data") == driven(alone / "data")


def test_a_recording_of_which_a_node_is_killed_is_that_of_one_process(
    nodes: RayNodes, tmp_path: Path
) -> None:
    short = ("--episodes", 5, "--max-episode-s", 5, "--size", "64x36")
    order = ("collect", *short, *SMALL, "--json")
    alone = auxdrive(*order, "--out", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    other = nodes.add(cpus=1)
    command = Command(*order, "--out", tmp_path / "ray", "--ray", nodes.address)
    command.wait_until(re.compile(r"episode 1/5"), 1)  # so both nodes are at work
    nodes.kill(other)
    code, out, said = command.end()
    assert code == 0, said
    assert "its job begins again" in said
    assert json.loads(out)["newly_recorded_episodes"] == 5
    assert driven(tmp_path / "ray") == driven(tmp_path / "alone")
    assert not list(tmp_path.rglob("*partial*"))


def test_a_sweep_of_which_a_node_is_killed_has_the_weights_of_one_process(
    nodes: RayNodes, tmp_path: Path
) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    from safetensors.torch import load_file
    from stripes import write_stripe_data

    small = ("--epochs", 6, "--set", "preprocessing.size=[64, 80]", "--set", "batch_size=16")
    data = write_stripe_data(tmp_path / "data")
    order = ("sweep", "--data", data, "--methods", "baseline", "--seeds", "0,1", *small)
    alone = auxdrive(*order, "--out", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    other = nodes.add(cpus=1)
    command = Command(*order, "--out", tmp_path / "ray", "--ray", nodes.address)
    runs = tmp_path / "ray" / "runs"
    deadline = time.monotonic() + 120
    while len(list(runs.glob("*/checkpoints/last.safetensors"))) < 2:  # one on each node
        assert time.monotonic() < deadline, command.said
        time.sleep(0.02)
    nodes.kill(other)
    code, _, said = command.end()
    assert code == 0, said
    assert "its job begins again" in said
    names = [path.relative_to(tmp_path / "alone") for path in tmp_path.glob("alone/runs/*/*/*.s*")]
    assert len(names) == 4
    for name in names:
        ours, theirs = (load_file(tmp_path / where / name) for where in ("ray", "alone"))
        assert ours.keys() == theirs.keys()
        assert all(ours[each].equal(theirs[each]) for each in ours), name
    assert len(list(runs.glob("*/result.json"))) == 2


def test_a_sweep_whose_folder_is_not_shared_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra 'train'")
    from auxdrive_train.sweeping.config import parse_sweep
    from auxdrive_train.sweeping.folder import SweepFolder
    from auxdrive_train.sweeping.sweep import _MakeTrainer

    sweep = parse_sweep({"base": {"data": "data"}, "methods": ["baseline"], "seeds": [0]}, "it")
    folder = SweepFolder(tmp_path / "sweep")
    folder.write(sweep, [])
    make = _MakeTrainer(folder.path, folder.sha256, (tmp_path,))
    make.check_machine()
    for other in (
        replace(make, sweep=tmp_path / "elsewhere"),
        replace(make, sha256="0"),
        replace(make, data=(tmp_path / "data",)),
    ):
        with pytest.raises(UsageError, match="must lie in folders that all nodes share"):
            other.check_machine()


WAYS = [  # in the test server's own town
    ((30.0, -1.75), (70.0, -1.75)),
    ((150.0, 1.75), (120.0, 1.75)),
    ((150.0, 81.75), (110.0, 81.75)),
    ((60.0, 1.75), (35.0, 1.75)),
]


def test_workers_in_carla_are_placed_where_servers_are_and_have_one_each(
    nodes: RayNodes, tmp_path: Path
) -> None:
    """The head has room and no server. With the node that is killed its server ends."""
    pytest.importorskip("carla", reason="needs the extra 'carla'")
    from carla_folder import carla_folder
    from carla_server.process import free_port

    root = carla_folder(tmp_path / "carla", "--scene", "carla_eval.carla_scenes:Still")
    specs = [RouteSpec(str(number), "Small", way) for number, way in enumerate(WAYS)]
    write_routes(tmp_path / "routes.xml", specs)
    camera = json.dumps({"width": 16, "height": 12, "fov_deg": 90.0, "x_m": 1.7, "z_m": 1.6})
    own = {"town": "Small", "modalities": '["rgb"]', "camera": camera, "max_steer_deg": 40}
    options = [f"--sim-option={name}={value}" for name, value in own.items()]
    sim = ("--sim", "carla", "--carla-root", root, "--port", free_port(), *options, *SMALL)
    order = ("drive", "expert", "--routes", tmp_path / "routes.xml", *sim, "--json")
    alone = auxdrive(*order, "--out", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    first, second = nodes.add(cpus=2, carla=1), nodes.add(cpus=2, carla=1)
    command = Command(*order, "--out", tmp_path / "ray", "--ray", nodes.address, "-v")
    deadline = time.monotonic() + 120
    while len(servers(root)) < 2:
        assert time.monotonic() < deadline, command.said
        time.sleep(0.05)
    nodes.kill(second)
    code, _, said = command.end()
    nodes.kill(first)
    assert code == 0, said
    assert "its job begins again" in said
    assert driven(tmp_path / "ray") == driven(tmp_path / "alone")
    deadline = time.monotonic() + 60
    while servers(root):
        assert time.monotonic() < deadline, servers(root)
        time.sleep(0.1)


def servers(root: Path) -> set[str]:
    """The ports of the servers that were started from a folder and run."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (process / "cmdline").read_bytes().decode().split("\0")
            if "carla_server" in words and (process / "cwd").resolve() == root.resolve():
                found.add(words[words.index("--port") + 1])
    return found
