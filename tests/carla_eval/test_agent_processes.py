"""What an agent has started ends with it: threads, processes, and the agent itself where who drives
is killed.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from auxdrive.machine.processes import is_running
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from strange_agents import agent_folder
from strange_drives import drive_routes

pytestmark = pytest.mark.usefixtures("agents_package")


def test_a_thread_that_never_ends_is_ended(
    simulator: EmbeddedSimulator,
    short_routes: tuple[Route, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auxdrive_eval.driving.agents.process.CLOSE_S", 1.0)
    (result,) = drive_routes("leaves_a_thread", simulator, short_routes[:1], tmp_path)
    assert result.error == ""
    assert "did not end within 1 s after close()" in caplog.text


def test_what_an_agent_has_started_ends_with_it(
    simulator: EmbeddedSimulator,
    short_routes: tuple[Route, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (result,) = drive_routes("leaves_a_child", simulator, short_routes[:1], tmp_path)
    assert result.error.startswith("its process ended with exit code 4")
    deadline = time.monotonic() + 10
    while is_running(int((tmp_path / "child").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)


HANGING = """
import sys
from pathlib import Path
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.limits import AgentLimits
from auxdrive_eval.driving.agents.remote import RemoteAgent
sys.path.append(sys.argv[2])
RemoteAgent(AgentSource(Path(sys.argv[1])), AgentLimits()).begin(0)
"""


@pytest.mark.skipif(
    sys.platform != "linux",
    reason="elsewhere the system does not tell a child that its parent was killed",
)
@pytest.mark.parametrize("kind", ["hangs_at_once", "hides_a_child_and_hangs"])
def test_an_agent_that_hangs_ends_with_whoever_drives_and_all_that_it_has_started(
    kind: str, tmp_path: Path, agents_package: Path
) -> None:
    folder = agent_folder(tmp_path, kind)
    driver = subprocess.Popen(
        [sys.executable, "-c", HANGING, folder, Path(__file__).parent],
        env={**os.environ, "PYTHONPATH": str(agents_package)},
    )
    deadline = time.monotonic() + 60
    while not (folder / "pid").exists() or not (folder / "pid").read_text():
        assert driver.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    for started in folder.glob("[pc]*id*"):  # pid, child
        await_end(int(started.read_text()), deadline)


def await_end(process: int, deadline: float) -> None:
    """Wait until a process has ended that is not our child."""
    status = Path(f"/proc/{process}/status")
    while status.exists() and "State:\tZ" not in status.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere the system does not tell whose such a process is"
)
def test_a_process_that_has_left_the_agents_group_ends_with_it_and_is_told_of(
    simulator: EmbeddedSimulator,
    short_routes: tuple[Route, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (result,) = drive_routes("hides_a_child", simulator, short_routes[:1], tmp_path)
    assert result.error == ""
    assert "1 of the processes that it had started went on, and were killed" in caplog.text
    await_end(int((tmp_path / "hides_a_child/child").read_text()), time.monotonic() + 10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_agent_replies_once(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    (result,) = drive_routes("forks", simulator, short_routes[:1], tmp_path)
    (alone,) = drive_routes("goal", simulator, short_routes[:1], tmp_path)
    assert (result.error, result.tally) == ("", alone.tally)
    assert (result.trace == alone.trace).all()
