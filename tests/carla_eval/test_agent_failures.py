"""Whatever another package's agent does, it ends its route as the leaderboard does, and the next
route begins.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import strange_agents
from auxdrive.errors import UsageError
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.limits import AgentLimits
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.driving.stored.route import stored_route
from auxdrive_eval.driving.stored.route_files import load_route, save_route
from auxdrive_eval.report.drive_report import drive_report
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from small_world import SETTINGS
from strange_agents import agent_folder
from strange_drives import drive_routes

pytestmark = pytest.mark.usefixtures("agents_package")
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
    results = drive_routes(kind, simulator, short_routes if both else short_routes[:1], tmp_path)
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
    results = drive_routes(kind, simulator, routes, Path())  # a relative path
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


@pytest.mark.parametrize(
    "kind", ["is_not_finite", "steers_infinitely", "flags_and_keeps", "guesses"]
)
def test_a_prediction_is_braked_for_where_it_is_counted_as_withheld_and_driven_where_not(
    kind: str, simulator: EmbeddedSimulator, short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    (result,) = drive_routes(kind, simulator, short_routes[:1], tmp_path)
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
