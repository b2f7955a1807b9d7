"""`auxdrive drive` as a user calls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from auxdrive import cli
from auxdrive_eval.routes import RouteSpec, write_routes
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from strange_agents import agent_folder, install


@pytest.fixture(scope="module")
def route_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One short route in an embedded town, as a leaderboard file."""
    planner = EmbeddedSimulator(render=False, traffic=0)
    whole = planner.random_route(1003)
    path = tmp_path_factory.mktemp("routes") / "short.xml"
    write_routes(
        path, [RouteSpec("4", whole.town, (tuple(whole.points[0]), tuple(whole.points[35])))]
    )
    return path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["auxdrive", "drive", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    return int(exit_info.value.code or 0)


def test_the_expert_is_driven_and_reported(
    route_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    common = ("expert", "--routes", route_file, "--out", out, "--traffic", 2)
    assert run(monkeypatch, *common) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "embedded scores, rule set 1.0 (no CARLA scores)" in shown
    assert "Completed" in shown
    assert "<svg" in (out / "report.html").read_text()
    assert run(monkeypatch, *common) == 2
    assert "--resume" in capsys.readouterr().err
    assert run(monkeypatch, *common, "--resume", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["entry_status"] == "Finished"
    assert document == json.loads((out / "results.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["missing"], "missing: no such bundle or run"),
        (
            ["expert", "--routes", "a.xml", "--route-seeds", "3"],
            "--routes or --route-seeds, not both",
        ),
        (["expert", "--routes", "a.xml"], "a.xml: no such file"),
        (["expert", "--count", "0"], "--count is the number of routes"),
        (["expert", "--route-seeds", "99999"], "they go from 0 to 9999"),
        (["expert", "--sim", "carlo"], "unknown simulator 'carlo'"),
        (["expert", "--rules", "9", "--count", "1"], "unknown rule set '9'"),
        (["expert", "--repeats", "0", "--count", "1"], "Invalid value for '--repeats'"),
        (["expert", "--controller", "pid"], "the expert steers itself"),
        (["expert", "--role", "teacher"], "the expert steers itself"),
        (["expert", "--envelope", "stop"], "the expert steers itself"),
        (["x", "--envelope", "stpo"], "Did you mean 'stop'"),
        (["expert", "--workers", "0", "--count", "1"], "Invalid value for '--workers'"),
        (["expert", "--seed", "-1", "--count", "1"], "Invalid value for '--seed'"),
        (["x", "--creep-after-s", "nan"], "seconds above 0"),
        (["x", "--creep-after-s", "inf"], "seconds above 0"),
        (["x", "--creep-after-s", "0"], "seconds above 0"),
        (
            ["x", "--tick-timeout-s", "0"],
            "the time that an agent has for a prediction is a number of seconds above 0",
        ),
        (
            ["x", "--setup-timeout-s", "nan"],
            "the time that an agent has to be set up is a number of seconds above 0",
        ),
        (["x", "--retry-crashed"], "give --resume as well"),
        (["x", "--controller", "pdi"], "Did you mean 'pid'"),
    ],
)
def test_mistakes(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, *arguments) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert message in said
    assert "Traceback" not in said
    assert not (tmp_path / "drives").exists()


def test_an_agent_of_a_third_party_by_the_role_that_it_offers(
    route_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    agent = agent_folder(tmp_path, "raises")
    common = (agent, "--routes", route_file, "--out", tmp_path / "out", "--traffic", 2)
    assert run(monkeypatch, *common, "--role", "ensembel") == 2
    assert "unknown role 'ensembel'. Did you mean 'ensemble'? Valid: ensemble, student" in " ".join(
        capsys.readouterr().err.split()
    )
    assert not (tmp_path / "out").exists()
    assert run(monkeypatch, *common, "--role", "ensemble", "--json") == 0
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["auxdrive"]["settings"]["role"] == "ensemble"
    said = " ".join(shown.err.split())
    assert "#0 RouteScenario_4: Failed - Agent crashed: ValueError: boom" in said
    assert "ValueError: boom" in (tmp_path / "out/report.html").read_text()


def test_a_folder_that_holds_something_else_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    assert run(monkeypatch, "expert", "--count", "1", "--out", str(tmp_path)) == 2
    assert "is not empty and holds something else" in " ".join(capsys.readouterr().err.split())
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_killed_evaluation_goes_on_at_once_and_a_refused_one_leaves_nothing_in_the_way(
    route_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = [
        "drive",
        "expert",
        "--routes",
        str(route_file),
        "--repeats",
        "3",
        "--workers",
        "2",
        "--out",
        str(out),
        "--traffic",
        "2",
    ]
    command = [sys.executable, "-c", "from auxdrive.cli import main; main()", *arguments]
    out.mkdir()
    (out / "settings.json").write_text(
        "{}"
    )  # begun under other settings, and no route was finished
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + 60
        while not list((out / "routes").glob("0*")):
            assert process.poll() is None, process.stderr and process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        process.kill()
        process.communicate()
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "go on with --resume" in refused.stderr
    resumed = subprocess.run([*command, "--resume"], capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads((out / "results.json").read_text())["_checkpoint"]["progress"] == [3, 3]
    assert not list((out / "routes").glob(".partial-*"))


def test_an_interrupt_ends_workers_and_says_how_to_go_on(route_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = "from auxdrive.cli import main; main()"
    arguments = [
        "drive",
        "expert",
        "--routes",
        str(route_file),
        "--repeats",
        "80",
        "--workers",
        "2",
        "--out",
        str(out),
        "--traffic",
        "2",
    ]
    # A shell that runs the tests in its background lets them ignore Ctrl-C, and processes inherit
    # that.
    heeds = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, preexec_fn=heeds
    )
    try:
        deadline = time.monotonic() + 60
        while not (out / "routes/00000").is_dir():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode not in (0, None)
    assert "with --resume goes on" in said
    assert "Traceback" not in said
    document = json.loads((out / "results.json").read_text())
    assert document["entry_status"] == "Started"
    assert document["_checkpoint"]["progress"][1] == 80
