"""`auxdrive inspect` on drives: finished, interrupted, with a crashed agent, and damaged."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from auxdrive_eval.driving.agents.remote import AgentFailed
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.runner import not_driven
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.driving.stored.route import stored_route
from auxdrive_eval.driving.stored.route_files import load_route, route_folder, save_route
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.records import CRASHED
from small_world import SETTINGS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # tests are no package
from inspecting import invoke, summary_of

EXPERT = DriverSource(None)


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...]) -> Path:
    out = tmp_path_factory.mktemp("drives") / "expert"
    drive_all(short_routes, EXPERT, SETTINGS, out)
    return out


@pytest.fixture
def folder(driven: Path, tmp_path: Path) -> Path:
    """The finished drive, to be changed."""
    copied = tmp_path / "expert"
    shutil.copytree(driven, copied)
    return copied


def test_a_finished_drive(driven: Path) -> None:
    summary = summary_of(driven)
    assert (summary["kind"], summary["agent"], summary["settings"]["rules"]) == (
        "drive", "expert", "1.0",
    )  # fmt: skip
    assert "traffic 2" in summary["simulator"]
    assert (summary["drives"], summary["driven"], summary["unfinished"]) == (2, 2, [])
    document = json.loads((driven / "results.json").read_text())
    assert summary["scores"]["scores"] == document["_checkpoint"]["global_record"]["scores"]
    assert [each["status"] for each in summary["routes"]] == ["Completed", "Completed"]
    assert [each["route"] for each in summary["routes"]] == ["0", "1"]
    assert (summary["broken"], summary["doubts"]) == ([], [])
    assert "nothing is left to drive" in summary["resume"]["does"]
    shown = invoke(str(driven))
    assert shown.exit_code == 0
    assert "no CARLA scores" in shown.stdout
    assert "2 of 2, 0 left, 0 crashed" in shown.stdout


def test_one_of_its_routes(driven: Path) -> None:
    summary = summary_of(route_folder(driven, 1))
    stored = load_route(driven, 1)
    assert stored is not None
    assert (summary["kind"], summary["agent"], summary["index"]) == ("route", "expert", 1)
    assert summary["score_composed"] == stored.record.scores.score_composed
    assert summary["events"][-1]["kind"] == "route_completed"
    assert summary["path_driven"]["ticks"] == len(stored.trace)
    assert summary["path_driven"]["driven_m"] > 5
    # the expert predicts nothing, and nothing more was asked for
    assert (summary["latency_ms"], summary["interventions"], summary["kept"]) == (
        None,
        [],
        ["controls.npy"],
    )
    assert "Destination was" in invoke(str(route_folder(driven, 1))).stdout


def test_an_interrupted_drive_and_what_resuming_it_does(
    short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    out, driven_then = tmp_path / "out", []

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive_all(short_routes, EXPERT, SETTINGS, out, repeats=2, on_route=interrupt)
    (out / "results.json").write_text('{"_checkpoint": {"records": []}}')  # killed before it
    summary = summary_of(out)
    assert (summary["driven"], summary["unfinished"]) == (1, [1, 2, 3])
    assert "drives 3 of 4: #1, #2, #3" in summary["resume"]["does"]
    assert summary["doubts"] == [
        "results.json holds 0 of the 1 routes that were driven; --resume writes it anew"
    ]
    assert [(e["route"], e["repeat"], e["state"]) for e in summary["routes"]] == [
        ("0", 0, "driven"), ("0", 1, "not driven"), ("1", 0, "not driven"), ("1", 1, "not driven"),
    ]  # fmt: skip
    drive_all(
        short_routes, EXPERT, SETTINGS, out, repeats=2, resume=True,
        on_route=lambda route, earlier: driven_then.append((route.record.index, earlier)),
    )  # fmt: skip
    assert [index for index, earlier in driven_then if not earlier] == summary["unfinished"]
    assert summary_of(out)["unfinished"] == []


def test_a_route_on_which_the_agent_crashed(folder: Path, short_routes: tuple[Route, ...]) -> None:
    failed = AgentFailed(CRASHED, "ValueError: no road", "Traceback")
    result = not_driven(short_routes[1], failed, rules=RULE_SETS["1.0"], index=1)
    save_route(folder, stored_route(result))
    summary = summary_of(folder)
    assert summary["crashed"] == [1]
    assert summary["routes"][1]["failure"] == "ValueError: no road"
    assert "--resume --retry-crashed drives 1 again" in summary["resume"]["does"]
    # what stands in results.json is another record
    assert "1 of its 2 records are not those of the routes" in summary["broken"][0]
    route = summary_of(route_folder(folder, 1))
    assert route["error"].endswith("Traceback")
    assert "the agent failed: ValueError: no road" in invoke(str(route_folder(folder, 1))).stdout


def rewritten(path: Path, change: Callable[[Any], None]) -> None:
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


DAMAGE: list[tuple[str, Callable[[Any], None], str]] = [
    ("settings.json", lambda d: d.update(rules=3), "settings.json: is damaged"),
    ("driver.json", lambda d: d.update(sha256=None), "driver.json: is damaged"),
    ("plan.json", lambda d: d.pop(), "these are not the routes of settings.json"),
    ("results.json", lambda d: d.pop("_checkpoint"), "has no _checkpoint.records"),
    ("routes/00001/result.json", lambda d: d.pop("tally"), "this route's result is damaged"),
    (
        "routes/00001/result.json",
        lambda d: d["record"]["scores"].update(score_penalty=0.9),
        "its score is not completion times penalty",
    ),
    (
        "routes/00001/result.json",
        lambda d: d["record"]["infractions"]["red_light"].append("one"),
        "lists other infractions than its events",
    ),
    ("routes/00001/result.json", lambda d: d["record"].update(index=0), "it is the route 0"),
]


@pytest.mark.parametrize(("name", "change", "message"), DAMAGE)
def test_damage_is_a_finding(
    folder: Path, name: str, change: Callable[[Any], None], message: str
) -> None:
    rewritten(folder / name, change)
    summary = summary_of(folder)  # the exit code is 1
    assert any(message in line for line in summary["broken"]), summary["broken"]
    if name.startswith("routes/") and "damaged" not in message:
        assert any(message in line for line in summary_of(route_folder(folder, 1))["broken"])
    shown = invoke(str(folder))
    assert shown.exit_code == 1
    assert message in " ".join(shown.stderr.split())


def test_what_resume_refuses_is_said(folder: Path, short_routes: tuple[Route, ...]) -> None:
    rewritten(folder / "settings.json", lambda d: d.update(auxdrive="0.0.1"))
    assert "auxdrive was 0.0.1 and is" in summary_of(folder)["resume"]["does"]
    rewritten(folder / "settings.json", lambda d: d.update(rules=1))
    (folder / "routes" / "00000" / "trace.npy").write_bytes(b"")
    resume = summary_of(folder)["resume"]
    assert not resume["possible"]
    assert "settings.json is damaged" in resume["does"]
    assert "remove what is damaged first: routes/00000" in resume["does"]
    with pytest.raises(Exception, match="damaged"):
        drive_all(short_routes, EXPERT, SETTINGS, folder, resume=True)


WITHOUT_EXTRAS = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "panda3d", "jinja2", "filelock", "scipy", "yaml"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
from auxdrive.cli import main
main()
"""


def test_no_extra_is_needed(driven: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, "inspect", str(driven), "--json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["driven"] == 2
    page = driven.parent / "page.html"
    refused = invoke(str(driven), "--html", str(page))
    assert "is a drive, which has no page" in str(refused.exception)
    assert not page.exists()
