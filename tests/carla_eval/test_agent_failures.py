"""Whatever another package's agent does, it ends its route as the leaderboard does, and the next
route begins.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import strange_agents
from auxdrive.errors import UsageError
from auxdrive.machine.processes import is_running
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.process import AgentLimits
from auxdrive_eval.driving.agents.remote import AgentFailed, RemoteAgent
from auxdrive_eval.driving.drivers import AgentDriver
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.route_store import load_route, save_route, stored_route
from auxdrive_eval.driving.runner import RouteResult, drive_route, not_driven
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.report.drive_report import drive_report
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.world import Route
from small_world import SETTINGS
from strange_agents import agent_folder, install

LIMITS = AgentLimits(setup_s=60.0, tick_s=1.5)
RULES = RULE_SETS["1.0"]


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The agents' package, installed; beside it another package whose entry points are broken in
    every way.
    """
    site = install(
        tmp_path / "site",
        "absent = no_such_module:load",
        "wrong = strange_agents:no_such_name",
        "aaa = exits_on_import:load",
    )
    (site / "exits_on_import.py").write_text("raise SystemExit('broken')")
    monkeypatch.syspath_prepend(str(site))
    return site


def drive_twice(
    kind: str,
    simulator: EmbeddedSimulator,
    routes: tuple[Route, ...],
    folder: Path,
    limits: AgentLimits = LIMITS,
) -> list[RouteResult]:
    driver = AgentDriver(RemoteAgent(AgentSource(agent_folder(folder, kind)), limits), None)
    try:
        return [
            drive_route(simulator, route, driver, rules=RULES, seed=1, index=n)
            for n, route in enumerate(routes)
        ]
    finally:
        driver.close()


REASONS = {
    "exits": "SystemExit: 3",
    "ends_its_process": "its process ended with exit code 3",
    "segfaults": "its process ended by the signal SIGSEGV",
    "aborts": "its process ended by the signal SIGABRT",
    "hangs": "it gave no reply within 1.5 s",
    "spins": "it gave no reply within 1.5 s",
    "raises": "ValueError: boom",
    "raises_ours": "auxdrive.errors.InputError: an input of its own",
    "interrupts": "KeyboardInterrupt",
    "recurses": "RecursionError: maximum recursion depth exceeded",
    "lacks_memory": "MemoryError",
    "takes_memory": "numpy._core._exceptions._ArrayMemoryError: Unable to allocate",
    "prints_for_ever": "it gave no reply within 1.5 s",
    "closes_everything": "its process ended with exit code",
    "writes_everywhere": "its process cannot be understood",
    "returns_none": "TypeError: act() returned a NoneType; "
    "it must return an auxdrive.types.Prediction",
}
WHERE = {"segfaults": "Fatal Python error: Segmentation fault", "hangs": "in _hang"}


@pytest.mark.parametrize("kind", sorted(strange_agents.MISDEEDS.keys() - {"leaves_a_child"}))
def test_what_an_agent_does_ends_its_route_alone(
    kind: str, simulator: EmbeddedSimulator, short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    both = kind in ("exits", "segfaults", "hangs")  # the others fail only in the first route
    results = drive_twice(kind, simulator, short_routes if both else short_routes[:1], tmp_path)
    for result in results:
        assert result.record.status == "Failed - Agent crashed"
        assert result.error.startswith(REASONS[kind]), result.error
        assert 3 <= len(result.trace) <= 6  # what was driven until then counts
        assert result.record.scores.score_penalty == 1.0
        assert WHERE.get(kind, "") in result.error
    save_route(tmp_path, stored_route(results[0]))
    stored = load_route(tmp_path, 0)
    assert stored is not None
    assert stored.reason.startswith(REASONS[kind])


SET_UP = {
    "does_not_load": "ValueError: the checkpoint has no key model.0.weight",
    "exits_at_once": "SystemExit: 5",
    "segfaults_at_once": "its process ended by the signal SIGSEGV",
    "hangs_at_once": "it gave no reply within 3 s",
    "has_no_camera": "ValueError: the agent gives a NoneType where a CameraSpec belongs",
    "does_not_reset": "RuntimeError: cannot reset",
}


@pytest.mark.parametrize("kind", SET_UP)
def test_an_agent_that_cannot_be_set_up_ends_its_route_alone(
    kind: str, short_routes: tuple[Route, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source = DriverSource(
        AgentSource(agent_folder(tmp_path, kind)), limits=AgentLimits(setup_s=3.0)
    )
    evaluation = drive_all(short_routes[:1], source, SETTINGS, tmp_path / "out")
    (driven,) = evaluation.driven
    assert driven.record.status == "Failed - Agent couldn't be set up"
    assert driven.reason.startswith(SET_UP[kind])
    assert driven.record.scores.model_dump() == {
        "score_composed": 0.0,
        "score_penalty": 1.0,
        "score_route": 0.0,
    }
    assert driven.record.meta.route_length > 0
    assert evaluation.document["entry_status"] == "Finished with agent errors"
    assert evaluation.document["auxdrive"]["agent_failures"][0]["reason"] == driven.reason
    assert "Failed - Agent couldn&#39;t be set up" in drive_report(evaluation)
    if kind != "does_not_reset":
        assert "Every route will try again" in caplog.text


@pytest.mark.parametrize("kind", ["goes_elsewhere", "talks", "does_not_close", "gives_lists"])
def test_what_harms_nobody_ends_no_route(
    kind: str,
    simulator: EmbeddedSimulator,
    short_routes: tuple[Route, ...],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    routes = short_routes if kind == "goes_elsewhere" else short_routes[:1]
    results = drive_twice(kind, simulator, routes, Path())  # a relative path
    assert not any(result.error for result in results)
    assert all(len(result.trace) > 20 for result in results)
    assert capfd.readouterr() == ("", "")
    if kind == "does_not_close":
        assert "closing the agent failed: RuntimeError: cannot close" in caplog.text
    if kind == "talks":
        assert "I see" in results[0].output
        assert len(results[0].output) <= 65_536
        save_route(tmp_path, stored_route(results[0]))
        stored = load_route(tmp_path, 0)
        assert stored is not None
        assert stored.output == results[0].output


def test_a_thread_that_never_ends_is_ended(
    simulator: EmbeddedSimulator,
    short_routes: tuple[Route, ...],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("auxdrive_eval.driving.agents.process.CLOSE_S", 1.0)
    (result,) = drive_twice("leaves_a_thread", simulator, short_routes[:1], tmp_path)
    assert result.error == ""
    assert "did not end within 1 s after close()" in caplog.text


def test_what_an_agent_has_started_ends_with_it(
    simulator: EmbeddedSimulator,
    short_routes: tuple[Route, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (result,) = drive_twice("leaves_a_child", simulator, short_routes[:1], tmp_path)
    assert result.error.startswith("its process ended with exit code 4")
    deadline = time.monotonic() + 10
    while is_running(int((tmp_path / "child").read_text())):
        assert time.monotonic() < deadline
        time.sleep(0.05)


HANGING = """
import sys
from pathlib import Path
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.process import AgentLimits
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
    kind: str, tmp_path: Path, plugin: Path
) -> None:
    folder = agent_folder(tmp_path, kind)
    driver = subprocess.Popen(
        [sys.executable, "-c", HANGING, folder, Path(__file__).parent],
        env={**os.environ, "PYTHONPATH": str(plugin)},
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
    (result,) = drive_twice("hides_a_child", simulator, short_routes[:1], tmp_path)
    assert result.error == ""
    assert "1 of the processes that it had started went on, and were killed" in caplog.text
    await_end(int((tmp_path / "hides_a_child/child").read_text()), time.monotonic() + 10)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_agent_replies_once(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    (result,) = drive_twice("forks", simulator, short_routes[:1], tmp_path)
    (alone,) = drive_twice("goal", simulator, short_routes[:1], tmp_path)
    assert (result.error, result.tally) == ("", alone.tally)
    assert (result.trace == alone.trace).all()


@pytest.mark.parametrize(
    "kind", ["is_not_finite", "steers_infinitely", "flags_and_keeps", "guesses"]
)
def test_a_prediction_is_braked_for_where_it_is_counted_as_withheld_and_driven_where_not(
    kind: str, simulator: EmbeddedSimulator, short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    (result,) = drive_twice(kind, simulator, short_routes[:1], tmp_path)
    tally = result.tally
    assert result.error == ""
    assert tally.predictions > 0
    if kind == "guesses":
        assert (tally.braked, tally.flagged, dict(tally.flags)) == (
            0,
            tally.predictions,
            {"input_out_of_range": tally.predictions},
        )
        assert result.trace["speed_mps"].max() > 2.0
    else:
        assert (tally.braked, tally.flagged, dict(tally.flags)) == (
            tally.predictions,
            0,
            {"non_finite_output": tally.predictions},
        )
        assert result.trace["speed_mps"].max() < 0.5


def test_crashed_routes_are_driven_again_when_asked(
    short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    """The agent writes a file into its own folder during the drive; this does not make it a
    different agent.
    """
    out, source = (
        tmp_path / "out",
        DriverSource(AgentSource(agent_folder(tmp_path, "crashes_once"))),
    )
    first = drive_all(short_routes, source, SETTINGS, out)
    assert [driven.record.status for driven in first.driven] == [
        "Failed - Agent crashed",
        "Completed",
    ]
    seen: list[tuple[int, bool]] = []
    kept = drive_all(
        short_routes,
        source,
        SETTINGS,
        out,
        resume=True,
        on_route=lambda stored, old: seen.append((stored.record.index, old)),
    )
    assert kept.driven[0].record == first.driven[0].record
    assert seen == [(0, True), (1, True)]
    again = drive_all(short_routes, source, SETTINGS, out, resume=True, retry_crashed=True)
    assert [driven.record.status for driven in again.driven] == ["Completed", "Completed"]
    assert again.driven[1].record == first.driven[1].record
    assert json.loads((out / "results.json").read_text())["auxdrive"]["agent_failures"] == []
    assert sorted(path.name for path in (out / "routes").iterdir()) == ["00000", "00001"]
    (source.agent.path / "weights.pth").touch()  # type: ignore[union-attr]
    with pytest.raises(UsageError, match=r"the agent is another one: weights\.pth is new"):
        drive_all(short_routes, source, SETTINGS, out, resume=True)


@pytest.mark.parametrize("breakdown", ["os._exit(9)", "time.sleep(600)"])
def test_a_loader_of_another_agent_that_ends_the_process_or_hangs_is_passed_over(
    breakdown: str, plugin: Path, tmp_path: Path
) -> None:
    points = plugin / "strange_agents-0.1.dist-info/entry_points.txt"
    points.write_text(points.read_text() + "also = breaks_down:load\n")
    (plugin / "breaks_down.py").write_text(f"import os, time\n{breakdown}\n")
    agent = RemoteAgent(AgentSource(agent_folder(tmp_path, "goal")), AgentLimits(setup_s=4.0))
    assert agent.description.name == "strange"
    assert agent.source.without == {"strange-agents:also"}
    agent.close()
    (tmp_path / "goal/agent.txt").unlink()  # the reason, if no other loader takes it
    nobody = RemoteAgent(AgentSource(tmp_path / "goal"), AgentLimits(setup_s=4.0))
    with pytest.raises(
        AgentFailed,
        match="its process ended with exit code 9"
        if "exit" in breakdown
        else "no reply within 4 s",
    ):
        nobody.begin(0)


def test_where_nobody_loads_it_the_broken_loaders_are_named(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    said = (
        r"nor anything that an installed package can drive\. "
        r"Not all packages could be asked: 'aaa' of the package 'strange-agents' cannot"
    )
    with pytest.raises(UsageError, match=said):
        AgentSource(tmp_path / "other").load()


def test_an_agent_that_calls_itself_another_is_not_driven(
    tmp_path: Path, short_routes: tuple[Route, ...]
) -> None:
    source = AgentSource(agent_folder(tmp_path, "goal"))
    agent = RemoteAgent(source, LIMITS)
    described = agent.description
    agent.close()
    other = RemoteAgent(source, LIMITS, described.model_copy(update={"name": "another"}))
    with pytest.raises(
        AgentFailed, match="not the agent that the evaluation began with: name was 'another'"
    ) as failed:
        other.begin(0)
    result = not_driven(short_routes[0], failed.value, rules=RULES)
    assert result.record.status == "Failed - Agent couldn't be set up"


def test_a_limit_is_a_number_of_seconds() -> None:
    for wrong in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="a number of seconds above 0"):
            AgentLimits(tick_s=wrong)
    assert AgentLimits(setup_s=float("inf")).tick_s == 60.0
