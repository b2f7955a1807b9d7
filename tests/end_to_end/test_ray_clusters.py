"""What keeps a Ray cluster or a node from working is told in one sentence; errors, deaths and the
log come from the nodes, and nothing goes beyond them.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="needs the extra 'distributed'")
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # tests are no package
from auxdrive.commands.workers_options import chosen_workers
from auxdrive.errors import UsageError
from auxdrive.machine.ray_crew import _actor_class
from auxdrive.machine.ray_workers import RayWorkers
from cli_processes import auxdrive, refused
from ray_nodes import RayNodes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.thorough,
    pytest.mark.skipif(sys.platform != "linux", reason="kills nodes as Linux does"),
]


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


def test_auto_is_what_the_variable_of_ray_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")
    with pytest.raises(UsageError, match=r"--ray 127\.0\.0\.1:9: nothing answers there"):
        RayWorkers("auto")


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


WITHOUT_AUXDRIVE = """
import sys
sys.modules["auxdrive"] = None
from ray import cloudpickle
made = cloudpickle.loads(sys.stdin.buffer.read())
print(made().greet(b"", 30, ".", {"auxdrive": "0.1.0"})[1])
"""


def test_a_node_without_auxdrive_can_say_so() -> None:
    """What stands there comes whole, and does not import auxdrive to be made."""
    from ray import cloudpickle  # the format in which Ray sends it

    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_AUXDRIVE],
        input=cloudpickle.dumps(_actor_class()),
        capture_output=True,
        check=True,
    )
    assert run.stdout.startswith(b"it has no auxdrive 0.1.0 to import: ")


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
    node = f"on the node {socket.gethostname()}:"
    assert run.stdout.splitlines() == [
        "2 int 4",
        f"-1 DataError {node} the disk is full",
        "-3 RuntimeError KeyError: 'a defect'",
        f"-4 WorkerDied {node} its process died (exit code 3)",
        "6 int 36",
        f"ended: {node} the disk is full",
    ]
    assert run.stderr.count("attempt at -4") == 3
    assert run.stderr.count("6 is a lot") == 1


WAITING = """
import os, sys, time

class Waits:
    def __call__(self, job):
        while not os.path.exists(job):
            time.sleep(0.05)
    def close(self):
        pass

if __name__ == "__main__":
    from auxdrive.machine.ray_workers import RayWorkers
    from auxdrive.machine.workers import run_jobs
    import waiting
    for job, _ in run_jobs(waiting.Waits, ["later", *"...."], RayWorkers(sys.argv[1], 5)):
        print(job, flush=True)
"""


def test_a_node_that_is_lost_with_its_idle_workers_costs_one_attempt(
    nodes: RayNodes, tmp_path: Path
) -> None:
    """Else the job that is lost would be given to the idle ones that are lost too, time after
    time.
    """
    (tmp_path / "waiting.py").write_text(WAITING)
    other = nodes.add(cpus=4)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "waiting.py"), nodes.address],
        stdout=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert [process.stdout.readline() for _ in range(4)] == [".\n"] * 4
        nodes.kill(other)
        (tmp_path / "later").touch()
        assert process.stdout.read() == "later\n"
    assert process.returncode == 0


REACHED = """
import os, sys, time

def reached():
    ours = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            ours.add(os.readlink(f"/proc/self/fd/{number}"))
        except OSError:
            pass
    found = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        with open(f"/proc/self/net/{table}") as lines:
            for words in list(map(str.split, lines))[1:]:
                if f"socket:[{words[9]}]" in ours:
                    found.add(words[2].rpartition(":")[0])
    return found

class Reaches:
    def __call__(self, job):
        time.sleep(0.2)
        return reached()
    def close(self):
        pass

if __name__ == "__main__":
    from auxdrive.machine.ray_workers import RayWorkers
    from auxdrive.machine.workers import run_jobs
    import reaching
    workers = RayWorkers(sys.argv[1], 1)
    found = set()
    for _, there in run_jobs(reaching.Reaches, range(10), workers):
        found |= there | reached()
    workers.close()
    print(os.environ["RAY_USAGE_STATS_ENABLED"], *sorted(found))
"""


def test_no_process_reaches_another_machine(nodes: RayNodes, tmp_path: Path) -> None:
    """Also without CI, where Ray would report."""
    (tmp_path / "reaching.py").write_text(REACHED)
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    run = subprocess.run(
        [sys.executable, str(tmp_path / "reaching.py"), nodes.address],
        capture_output=True,
        text=True,
        check=True,
        env={**kept, "HOME": str(tmp_path)},
    )
    switch, *found = run.stdout.split()
    assert switch == "0"
    host = nodes.address.partition(":")[0].split(".")
    own = "".join(f"{int(part):02X}" for part in reversed(host))
    machine = {own, "0100007F", "0" * 8, "0" * 32}  # itself, and nobody yet
    mapped = {f"{'0' * 16}FFFF0000{each}" for each in machine if len(each) == 8}
    assert set(found) <= machine | mapped, found
    assert own in found or f"{'0' * 16}FFFF0000{own}" in found  # the head
