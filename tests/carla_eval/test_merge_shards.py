"""Results depend only on the routes, not on workers, their order or what was driven before. Shards
are joined into what one run would be.
"""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.errors import DataError, UsageError
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.merge import merge
from auxdrive_eval.driving.stored.plan import read_plan
from auxdrive_eval.driving.tally import LATENCY_DTYPE
from auxdrive_eval.report.drive_report import drive_report
from auxdrive_eval.route import Route
from auxdrive_eval.routes import RouteSpec, write_routes
from small_world import SETTINGS
from strange_agents import agent_folder, install


def without_wall_time(document: dict[str, Any]) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(json.dumps(document))
    for record in (*copied["_checkpoint"]["records"], copied["_checkpoint"]["global_record"]):
        del record["meta"]["duration_system"]
    return copied


def assert_equal(one: Evaluation, other: Evaluation) -> None:
    assert without_wall_time(one.document) == without_wall_time(other.document)
    for ours, theirs in zip(one.driven, other.driven, strict=True):
        assert (ours.trace == theirs.trace).all()
        assert (ours.events, ours.film) == (theirs.events, theirs.film)
        assert (ours.latency["time_s"] == theirs.latency["time_s"]).all()
    assert drive_report(without_latency(one)) == drive_report(without_latency(other))


def without_latency(evaluation: Evaluation) -> Evaluation:
    none = np.empty(0, LATENCY_DTYPE)
    driven = tuple(each.model_copy(update={"latency": none}) for each in evaluation.driven)
    return replace(evaluation, driven=driven)


@pytest.mark.parametrize("kind", ["remembers", "remembers_until_reset"])
def test_an_agent_with_memory_drives_the_same_in_one_process_in_two_and_in_shards(
    kind: str, short_routes: tuple[Route, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(install(tmp_path / "site")))
    source = DriverSource(AgentSource(agent_folder(tmp_path, kind)), "pure_pursuit")
    alone = drive_all(short_routes, source, SETTINGS, tmp_path / "alone")
    assert [driven.record.status for driven in alone.driven] == ["Completed", "Completed"]
    if kind == "remembers_until_reset":  # in shards, or without reset, no process drives two routes
        backwards = drive_all(short_routes[::-1], source, SETTINGS, tmp_path / "backwards")
        for ours, theirs in zip(backwards.driven[::-1], alone.driven, strict=True):
            assert (ours.trace == theirs.trace).all()
        return
    assert_equal(drive_all(short_routes, source, SETTINGS, tmp_path / "two", workers=2), alone)
    for number, route in enumerate(short_routes):
        drive_all([route], source, SETTINGS, tmp_path / f"shard_{number}")
    assert_equal(merge([tmp_path / "shard_0", tmp_path / "shard_1"], tmp_path / "whole"), alone)


@pytest.fixture(scope="module")
def shards(
    tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...]
) -> tuple[Path, Path]:
    """Two shards that the expert drove, each route twice."""
    parent = tmp_path_factory.mktemp("shards")
    for number, route in enumerate(short_routes):
        drive_all([route], DriverSource(None), SETTINGS, parent / str(number), repeats=2)
    return parent / "0", parent / "1"


def test_shards_become_what_one_run_is_and_can_be_gone_on_with(
    shards: tuple[Path, Path], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    whole = merge(shards, tmp_path / "whole")
    alone = drive_all(short_routes, DriverSource(None), SETTINGS, tmp_path / "alone", repeats=2)
    assert_equal(whole, alone)
    on_disk = json.loads((tmp_path / "whole/results.json").read_text())
    assert on_disk == whole.document
    assert [record["index"] for record in on_disk["_checkpoint"]["records"]] == [0, 1, 2, 3]
    resumed = drive_all(
        short_routes, DriverSource(None), SETTINGS, tmp_path / "whole", repeats=2, resume=True
    )
    assert resumed.document == whole.document
    assert_equal(merge([tmp_path / "whole"], tmp_path / "again"), alone)


def test_the_order_may_be_given_and_shows_holes(
    shards: tuple[Path, Path], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    backwards = merge(shards, tmp_path / "backwards", short_routes[::-1])
    assert [driven.record.route_id for driven in backwards.driven] == ["RouteScenario_1"] * 2 + [
        "RouteScenario_0"
    ] * 2
    with pytest.raises(
        UsageError,
        match=r"the shards have a hole: route 1 \(EmbeddedTown1003\) is not driven in any of them",
    ):
        merge(shards[:1], tmp_path / "out", short_routes)
    with pytest.raises(
        UsageError,
        match=r"more than the routes that are asked for: "
        r"route 1 \(EmbeddedTown1003\) is not among these",
    ):
        merge(shards, tmp_path / "out", short_routes[:1])
    other = (short_routes[0], replace(short_routes[1], points=short_routes[1].points + 1.0))
    with pytest.raises(
        UsageError, match=r"other routes of these names: route 1 \(EmbeddedTown1003\) is different"
    ):
        merge(shards, tmp_path / "out", other)
    assert not (tmp_path / "out").exists()


def test_what_does_not_belong_together_is_refused(
    shards: tuple[Path, Path], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match=r"route 0 \(EmbeddedTown1003\) is driven in .*0 as well"):
        merge([*shards, shards[0]], out)
    other = tmp_path / "other"
    drive_all(short_routes[1:], DriverSource(None), SETTINGS, other, repeats=2, seed=5)
    with pytest.raises(
        UsageError, match=r"other: was driven under other settings than .*0: seed was 0 and is 5"
    ):
        merge([shards[0], other], out)
    unfinished = tmp_path / "unfinished"
    shutil.copytree(shards[1], unfinished)
    shutil.rmtree(unfinished / "routes/00001")
    with pytest.raises(
        UsageError,
        match=r"is not finished: route 1 \(EmbeddedTown1003\), repeat 1 is not driven; go on with",
    ):
        merge([shards[0], unfinished], out)
    with pytest.raises(DataError, match=r"settings\.json: no such file"):
        merge([tmp_path / "nothing"], out)
    damaged = tmp_path / "damaged"
    shutil.copytree(shards[1], damaged)
    plan = json.loads((damaged / "plan.json").read_text())
    plan[0]["points"][3][0] += 1.0
    (damaged / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(
        DataError, match=r"plan\.json: is damaged: these are not the routes of settings\.json"
    ):
        merge([shards[0], damaged], out)
    assert not out.exists()
    with pytest.raises(UsageError, match="is not empty"):
        merge(shards, shards[0])


@pytest.mark.parametrize("name", ["auxdrive", "simulator_version"])
def test_another_version_is_another_result(
    name: str, shards: tuple[Path, Path], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    earlier = tmp_path / "earlier"
    shutil.copytree(shards[1], earlier)
    settings = json.loads((earlier / "settings.json").read_text())
    settings[name] = "0.0.1"
    (earlier / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(UsageError, match=f"under other settings than .*{name} was .* and is 0.0.1"):
        merge([shards[0], earlier], tmp_path / "out")
    with pytest.raises(UsageError, match=f"cannot be resumed.*{name} was 0.0.1 and is"):
        drive_all(short_routes[1:], DriverSource(None), SETTINGS, earlier, repeats=2, resume=True)


def test_every_part_of_a_route_is_stored(
    shards: tuple[Path, Path], short_routes: tuple[Route, ...]
) -> None:
    (read,) = read_plan(shards[1])
    assert read.__dataclass_fields__.keys() == short_routes[1].__dataclass_fields__.keys()
    for name in read.__dataclass_fields__:
        ours, theirs = getattr(read, name), getattr(short_routes[1], name)
        assert type(ours) is type(theirs)
        assert (ours == theirs).all() if hasattr(ours, "all") else ours == theirs


def test_the_command(
    shards: tuple[Path, Path],
    short_routes: tuple[Route, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "routes.xml"
    write_routes(
        file,
        [
            RouteSpec(route.route_id, route.town, route.keypoints, route.weather)
            for route in short_routes
        ],
    )

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["auxdrive", "merge", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            cli.main()
        return int(exit_info.value.code or 0)

    assert run(*shards, "--out", tmp_path / "a", "--json") == 0
    assert json.loads(capsys.readouterr().out) == json.loads(
        (tmp_path / "a/results.json").read_text()
    )
    assert run(*shards, "--out", tmp_path / "b") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "driving score, of 100 (± over 2 repeats of the benchmark; ± " in said
    assert "± over 2 repeats of the benchmark" in (tmp_path / "b/report.html").read_text()
    assert run(shards[0], "--out", tmp_path / "c", "--routes", file) == 2
    assert "the shards have a hole" in " ".join(capsys.readouterr().err.split())
