"""Ray: two nodes on this machine, of which one is killed in the middle; the results are those of
one process, bit for bit. What keeps a cluster or a node from working is told in one sentence.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="needs the extra 'distributed'")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # tests are no package
import bundle_factory
from auxdrive.commands.workers_options import chosen_workers
from auxdrive.errors import UsageError
from auxdrive.machine.ray_workers import RayWorkers
from auxdrive_eval.routes import RouteSpec, write_routes
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from cli_processes import auxdrive, refused
from ray_nodes import RayNodes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="kills nodes as Linux does"),
]
SMALL = ("--traffic", "2")
BEGINS = re.compile(r"route \S+ begins")


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """A cluster whose head has one CPU; each test adds what it needs more."""
    cluster = RayNodes(cpus=1)
    yield cluster
    cluster.close()


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


class Command:
    """`auxdrive` in a process whose standard error is read while it runs."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from auxdrive.cli import main; main()", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        )
        self.said: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stderr is not None
        self.said.extend(iter(self._process.stderr.readline, ""))

    def wait_until(self, pattern: re.Pattern[str], count: int) -> None:
        """Wait until so many lines hold the pattern."""
        deadline = time.monotonic() + 120
        while sum(pattern.search(line) is not None for line in list(self.said)) < count:
            assert time.monotonic() < deadline, self.said
            assert self._process.poll() is None, self.said
            time.sleep(0.02)

    def end(self) -> tuple[int, str, str]:
        """Wait for the end. Returns exit code, standard output and standard error."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        out = self._process.stdout.read()
        code = self._process.wait(120)
        self._reader.join()
        self._process.stdout.close()
        self._process.stderr.close()
        return code, out, "".join(self.said)


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


def test_a_drive_of_which_a_node_is_killed_is_that_of_one_process(
    nodes: RayNodes, routes: Path, bundle: Path, tmp_path: Path
) -> None:
    order = ("drive", bundle, "--routes", routes, *SMALL, "--json")
    alone = auxdrive(*order, "--out", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    other = nodes.add(cpus=1)
    command = Command(*order, "--out", tmp_path / "ray", "--ray", nodes.address, "-v")
    command.wait_until(BEGINS, 2)  # one on each node
    nodes.kill(other)
    code, out, said = command.end()
    assert code == 0, said
    assert "its job begins again" in said  # what was under way on the lost node
    assert len(BEGINS.findall(said)) == 5  # and no other drive than that
    assert json.loads(out).keys() == json.loads(alone.stdout).keys()  # alone on standard output
    assert driven(tmp_path / "ray") == driven(tmp_path / "alone")


def test_a_drive_that_was_stopped_goes_on_elsewhere(
    nodes: RayNodes, routes: Path, tmp_path: Path
) -> None:
    order = ("drive", "expert", "--routes", routes, *SMALL, "--json")
    alone = auxdrive(*order, "--out", tmp_path / "alone")
    assert alone.returncode == 0, alone.stderr
    begun = Command(*order, "--out", tmp_path / "ray", "--ray", nodes.address, "-v")
    begun.wait_until(BEGINS, 2)  # so the first is finished
    begun._process.kill()
    begun.end()
    rest = auxdrive(*order, "--out", tmp_path / "ray", "--ray", nodes.address, "--resume", "-v")
    assert rest.returncode == 0, rest.stderr
    assert 1 <= len(BEGINS.findall(rest.stderr)) <= 3
    assert driven(tmp_path / "ray") == driven(tmp_path / "alone")


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

    small = ("--epochs", 12, "--set", "preprocessing.size=[64, 80]", "--set", "batch_size=16")
    data = write_stripe_data(tmp_path / "data")
    order = ("sweep", "--data", data, "--methods", "baseline", "--seeds", "0-2", *small)
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
    assert len(names) == 6
    for name in names:
        ours, theirs = (load_file(tmp_path / where / name) for where in ("ray", "alone"))
        assert ours.keys() == theirs.keys()
        assert all(ours[each].equal(theirs[each]) for each in ours), name
    assert len(list(runs.glob("*/result.json"))) == 3


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


def test_a_cluster_that_cannot_be_had_is_refused_in_one_sentence(
    nodes: RayNodes, tmp_path: Path
) -> None:
    carla = ("--ray", nodes.address, "--ray-takes", "carla=1")
    said = refused(auxdrive("drive", "expert", "--out", tmp_path / "out", *carla))
    assert "no node of the cluster has what a worker takes (1 CPU, 1 carla)" in said
    assert said.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("ray", "takes", "message"),
    [
        ("ray://127.0.0.1:10001", [], "give auto, or HOST:PORT"),
        ("head", [], "give auto, or HOST:PORT"),
        ("127.0.0.1:9", [], "nothing answers there"),
        (None, ["GPU=1"], "give --ray as well"),
        ("auto", ["GPU=some"], "give an amount"),
    ],
)
def test_an_address_or_an_amount_that_cannot_be_is_refused_before_ray_is_asked(
    ray: str | None, takes: list[str], message: str
) -> None:
    with pytest.raises(UsageError, match=message), chosen_workers(None, ray, takes):
        pytest.fail("it was taken")


def test_what_is_no_head_of_ray_is_refused_at_once() -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as server:
        assert server.stdout is not None
        port = re.search(r"port (\d+)", server.stdout.readline())
        assert port is not None
        with pytest.raises(UsageError, match="what answers there is not Ray's head"):
            RayWorkers(f"127.0.0.1:{port[1]}")
        server.kill()


OTHER_VERSION = """
import ray
ray.__version__ = "2.0.0"
from auxdrive.machine.ray_workers import RayWorkers
from auxdrive.errors import UsageError
import sys
try:
    RayWorkers(sys.argv[1])
except UsageError as error:
    print(error)
"""


def test_another_version_of_ray_is_refused(nodes: RayNodes) -> None:
    run = subprocess.run(
        [sys.executable, "-c", OTHER_VERSION, nodes.address],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Version mismatch" in run.stdout
    assert "Install the same versions of Ray and Python here and there" in run.stdout
    assert run.stdout.count("\n") == 1


SQUARES = """
import logging, os, sys, time
from auxdrive.errors import DataError

class Squares:
    def __call__(self, job):
        if job == -1:
            raise DataError("the disk is full")
        if job == -3:
            raise KeyError("a defect")
        if job == -4:
            logging.getLogger("auxdrive_eval.squares").warning("attempt at %s", job)
            os._exit(3)
        if job == 6:
            logging.getLogger("auxdrive_eval.squares").warning("%s is a lot", job)
        return job * job
    def close(self):
        pass

def main():
    from auxdrive.machine.ray_workers import RayWorkers
    from auxdrive.machine.workers import run_each, run_jobs
    logging.basicConfig(stream=sys.stderr)
    workers = RayWorkers(sys.argv[1], 1)
    for job, result in run_each(squares.Squares, [2, -1, -3, -4, 6], workers):
        print(job, type(result).__name__, str(result).splitlines()[-1])
    try:
        print(list(run_jobs(squares.Squares, [3, -1, 4], workers)))
    except DataError as error:
        print("ended:", error)
    workers.close()

if __name__ == "__main__":
    import squares
    main()
"""


def test_errors_deaths_and_the_log_come_from_the_nodes(nodes: RayNodes, tmp_path: Path) -> None:
    (tmp_path / "squares.py").write_text(SQUARES)
    run = subprocess.run(
        [sys.executable, str(tmp_path / "squares.py"), nodes.address],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [
        "2 int 4",
        "-1 DataError the disk is full",
        "-3 RuntimeError KeyError: 'a defect'",
        "-4 WorkerDied its process died (exit code 3)",
        "6 int 36",
        "ended: the disk is full",
    ]
    assert run.stderr.count("attempt at -4") == 3
    assert run.stderr.count("6 is a lot") == 1
