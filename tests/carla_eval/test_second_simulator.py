"""A second simulator, from another package: every command can use it."""

from __future__ import annotations

import json
import logging
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.data.dataset import Dataset
from auxdrive.errors import UsageError
from auxdrive.machine.capabilities import SIMULATORS as DOCTORS_SIMULATORS
from auxdrive.machine.capabilities import Findings, capabilities, loaded
from auxdrive.machine.facts import PROBES, Package
from auxdrive.modalities import Modality
from auxdrive.runtimes import RUNTIMES
from auxdrive_eval.collecting.collect import collect
from auxdrive_eval.collecting.settings import collect_settings
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.routes.plan import routes_of_seeds
from auxdrive_eval.simulators import SIMULATORS
from auxdrive_eval.simulators.settings import (
    SimulatorSettings,
    make_simulator,
    simulator_settings,
)
from foreign_packages import install_package
from strange_agents import agent_folder, install

SOURCE = (Path(__file__).parent / "tiny_simulator.py").read_text()
GROUP = "auxdrive.simulators"


@pytest.fixture(autouse=True)
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The package `tiny`, installed."""
    site = tmp_path / "site"
    monkeypatch.syspath_prepend(str(site))
    install_package(site, "tiny", GROUP, {"tiny": "tiny_module:TINY"}, SOURCE)


def printed(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    assert cli.run([*map(str, arguments), "--json"]) == 0, capsys.readouterr().err
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


@pytest.mark.parametrize("workers", [1, 2])
def test_it_is_collected_from(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "data"
    how = ("--sim", "tiny", "--out", out, "--workers", workers)
    result = printed(
        capsys, "collect", *how, "--episodes", 3, "--sim-option", "grey=60", "--rate-hz", 5
    )
    assert result["modalities"] == ["rgb"]  # all that it can sense
    data = Dataset.open(out)
    assert (data.card.name, len(data.episode_ids)) == ("tiny-s0", 3)
    assert data.card.source == "a point on a plane, driven by its expert; settings in collect.json"
    assert (data.card.camera.width, data.card.vehicle.name) == (24, "point")
    assert data.card.steering.max_road_wheel_rad == pytest.approx(0.6)
    frames = data.episode(data.episode_ids[0]).frames(Modality.RGB)
    assert set(np.unique(frames)) == {60, 255}
    state = data.episode(data.episode_ids[0]).state
    assert state["x_m"][-1] > 25  # it was driven
    assert np.diff(state["time_s"]) == pytest.approx(0.2)
    settings = json.loads((out / "collect.json").read_text())["simulator"]
    assert settings["kind"] == "tiny"
    assert settings["options"]["grey"] == 60
    assert printed(capsys, "collect", "--out", out, "--more", 1)["episodes"] == 4
    again = (*how, "--episodes", 5, "--sim-option", "grey=61", "--rate-hz", 5)
    assert cli.run(["collect", *map(str, again)]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "simulator was tiny (grey 60) and is tiny (grey 61)" in said


@pytest.mark.parametrize("workers", [1, 2])
def test_it_is_driven_in_and_reported_on(
    workers: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    how = ("--sim", "tiny", "--count", 2, "--out", out, "--workers", workers)
    assert cli.run([*map(str, ("drive", "expert", *how))]) == 0
    shown, said = (" ".join(text.split()) for text in capsys.readouterr())
    assert "tiny scores, rule set 1.0 (no CARLA scores)" in shown
    assert said.count("the plane of seed") == 2  # what a simulator logs is shown
    document = json.loads((out / "results.json").read_text())
    assert document["entry_status"] == "Finished"
    assert document["auxdrive"]["settings"]["simulator_version"] == "tiny-1"
    assert [record["status"] for record in document["_checkpoint"]["records"]] == ["Completed"] * 2
    report = (out / "report.html").read_text()
    assert "simulator &#39;tiny&#39;" in report
    assert report.count('class="map"') == 2
    assert "M-10.0 -0.0L40.0 -0.0" in report  # its lane


def lines_of(said: str, unit: str) -> list[str]:
    return [line for line in said.splitlines() if line.startswith((unit, "recording", "driving"))]


def test_every_episode_is_said_with_what_is_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ("collect", "--sim", "tiny", "--out", str(tmp_path / "data"))
    assert cli.run([*how, "--episodes", "2", "--json"]) == 0
    out, said = capsys.readouterr()
    frames = json.loads(out)["frames"]
    begin, first, last = lines_of(said, "episode")
    assert begin == "recording: 2 episodes"
    assert re.fullmatch(r"episode 1/2 · \d+ s left · \d\d frames", first)
    assert re.fullmatch(rf"episode 2/2 · took \d+ s · {frames} frames", last)
    assert cli.run([*how, "--episodes", "3"]) == 0
    said = capsys.readouterr().err
    assert "2 of them were there already" in said
    assert lines_of(said, "episode")[-1].startswith("episode 3/3 · took")
    wanted = ("--frames", str(frames), "--out", str(tmp_path / "by frames"))
    assert cli.run([*how[:3], *wanted, "--json"]) == 0
    said = capsys.readouterr().err
    assert f"recording: {frames} frames" in said
    assert lines_of(said, "frame ")[-1].startswith(f"frame {frames}/{frames} · took")
    assert "· 2 episodes" in said
    assert cli.run([*how, "--episodes", "4", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_every_route_is_said_with_its_score(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    how = ("drive", "expert", "--sim", "tiny", "--out", str(tmp_path / "out"), "--count", "2")
    assert cli.run([*how, "--json"]) == 0
    out, said = capsys.readouterr()
    ids = [record["route_id"] for record in json.loads(out)["_checkpoint"]["records"]]
    begin, *routes = lines_of(said, "route")
    assert begin == "driving (tiny): 2 routes"
    for number, (line, name) in enumerate(zip(routes, ids, strict=True), start=1):
        time = "left" if number == 1 else "took"
        pattern = rf"route {number}/2 · .*{time}.* · {name} · score \d+\.\d · Completed"
        assert re.fullmatch(pattern, line)
    assert cli.run([*how, "--resume", "--verbose"]) == 0
    assert capsys.readouterr().err.count("2 of them were there already") == 1


def test_a_file_of_routes_and_an_agent_with_a_camera_of_its_own_and_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from auxdrive_eval.routes import RouteSpec, write_routes

    monkeypatch.syspath_prepend(str(install(tmp_path / "agents")))
    agent = agent_folder(tmp_path, "goal")
    for number in (1, 2):
        spec = RouteSpec(str(number), "Plane", ((0.0, 0.0), (15.0, float(number))))
        write_routes(tmp_path / f"{number}.xml", [spec])
        how = ("--sim", "tiny", "--routes", tmp_path / f"{number}.xml")
        printed(capsys, "drive", agent, *how, "--out", tmp_path / str(number))
    shards = (tmp_path / "1", tmp_path / "2")
    order = ("--routes", tmp_path / "2.xml")
    assert cli.run([*map(str, ("merge", *shards, "--out", tmp_path / "whole", *order))]) == 2
    assert "more than the routes that are asked for" in " ".join(capsys.readouterr().err.split())
    document = printed(capsys, "merge", *shards, "--out", tmp_path / "whole")
    statuses = [record["status"] for record in document["_checkpoint"]["records"]]
    assert not any("Agent c" in status for status in statuses)  # crashed, or could not be set up


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--sim", "tinny"), "unknown simulator 'tinny'. Did you mean 'tiny'?"),
        (("--sim", "tiny", "--traffic", "3"), "the simulator 'tiny': traffic: unknown key"),
        (("--sim", "tiny", "--sim-option", "grey=201"), "grey: must be less than or equal"),
        (("--sim", "tiny", "--modalities", "lidar"), "record some of rgb, each once"),
    ],
)
def test_mistakes(
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.run(["collect", "--out", str(tmp_path / "data"), *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "data").exists()


def test_help_and_doctor_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    packages = {name: Package(name, True, "1.0", {}, None) for name in PROBES}
    tables = loaded(RUNTIMES), loaded(DOCTORS_SIMULATORS)
    asked = dict.fromkeys(RUNTIMES, packages["numpy"])
    runs = dict(capabilities(Findings(*tables, packages, asked, ())))
    assert runs["collect and drive in the simulator 'tiny'"] == ""
    assert runs["collect and drive in the simulator 'embedded'"].startswith("this install knows no")


def test_settings_keep_the_type_of_their_options_and_make_the_simulator() -> None:
    settings = simulator_settings("tiny", {"grey": 7})
    again = SimulatorSettings.model_validate_json(settings.model_dump_json())
    assert again == settings
    assert again != simulator_settings("tiny", {"grey": 8})
    assert type(again.options).__name__ == "TinyOptions"
    assert str(again) == "tiny (grey 7)"
    assert str(SimulatorSettings(kind="tiny")) == "tiny"
    wide = again.with_camera(again.options.camera.model_copy(update={"width": 48}))
    assert str(wide) == "tiny (camera.width 48, grey 7)"
    made = make_simulator(again)
    made.reset(made.random_route(3), 0)
    assert made.sense([Modality.RGB])[Modality.RGB].min() == 7
    with pytest.raises(UsageError, match="Did you mean 'grey'"):
        simulator_settings("tiny", {"gray": 7})


def test_the_library_says_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    simulator = simulator_settings("tiny", {})
    collect(collect_settings(simulator=simulator, episodes=2), tmp_path / "data", workers=2)
    with closing(make_simulator(simulator, sensors=False)) as made:
        routes = routes_of_seeds([1000, 1001], made)
    drive_all(routes, DriverSource(None), simulator, tmp_path / "out", workers=2)
    assert capfd.readouterr() == ("", "")


def test_what_is_no_simulator_breaks_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    site = tmp_path / "more"
    monkeypatch.syspath_prepend(str(site))
    install_package(site, "odd", GROUP, {"odd": "odd_module:ODD", "embedded": "odd_module:ODD"},
                    "ODD = 3\n")  # fmt: skip
    with pytest.raises(UsageError, match=r"the package 'odd' .*3 is no simulator"):
        SIMULATORS["odd"]
    with caplog.at_level(logging.WARNING):
        assert SIMULATORS["embedded"].title == "auxdrive's embedded simulator"
    assert "nobody replaces what the package 'auxdrive' brings" in caplog.text
    assert SIMULATORS["tiny"].title == "a point on a plane"


RULES = """
from auxdrive_eval.criteria import RouteCompletion, RouteTimeout
from auxdrive_eval.scoring.rule_sets import RuleSet

LENIENT = RuleSet(lambda route: (RouteTimeout(route),), RouteCompletion, lambda events: 0.25)
"""


def test_a_rule_set_of_another_package_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    site = tmp_path / "more"
    monkeypatch.syspath_prepend(str(site))
    points = {"lenient": "mild_module:LENIENT"}
    install_package(site, "mild", "auxdrive.rule_sets", points, RULES)
    how = ("--sim", "tiny", "--count", 1, "--out", tmp_path / "out")
    document = printed(capsys, "drive", "expert", *how, "--rules", "lenient")
    (record,) = document["_checkpoint"]["records"]
    assert record["scores"]["score_composed"] == 25.0
    assert document["auxdrive"]["settings"]["rules"] == "lenient"


@pytest.mark.parametrize("rules", ["2.0", "2.1", "bench2drive"])
def test_a_drive_is_written_in_the_form_of_its_rule_set(
    rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    how = ("--sim", "tiny", "--count", 2, "--out", out, "--rules", rules)
    document = printed(capsys, "drive", "expert", *how)
    assert list(document)[:3] == ["_checkpoint", "entry_status", "eligible"]
    assert len(document["labels"]) == 15
    records = document["_checkpoint"]["records"]
    if rules == "bench2drive":  # it tells the speed at each of its checkpoints
        assert all(each["status"] == "Completed" for each in records)
        for each in records:
            assert each["num_infractions"] == len(each["infractions"]["min_speed_infractions"]) > 18
    else:
        assert [(each["status"], each["num_infractions"]) for each in records] == (
            [("Perfect", 0)] * 2
        )
    unwatched = document["auxdrive"]["unwatched"]
    assert "scenario timeouts" in unwatched
    assert "speed" not in unwatched
    assert ("success rate" in document) == (rules == "bench2drive")
    assert (out / "results.json").read_text().startswith('{\n    "_checkpoint": {\n        "glob')
    assert "kilometres driven off the road" in (out / "report.html").read_text()
    found = printed(capsys, "inspect", out)
    assert (found["broken"], found["scores"]["scores"]["score_composed"]) == ([], 100.0)
    compared = printed(capsys, "compare", out)
    assert compared["groups"][0]["metrics"]["driving score"]["value"] == 100.0
