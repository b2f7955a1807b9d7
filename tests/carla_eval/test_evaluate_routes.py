"""Many routes: real bundles in the embedded simulator, workers, interruption and resuming,
refusals, and the report.
"""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.errors import DataError, SimulatorError, UsageError
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.runner import drive_route
from auxdrive_eval.driving.settings import DriverSource, traffic_seed
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.route_files import load_route, route_folder, save_route
from auxdrive_eval.report.drive_report import drive_report
from auxdrive_eval.route import Route
from auxdrive_eval.routes import RouteSpec, write_routes
from auxdrive_eval.routes.plan import (
    COLLECT_SEEDS,
    DRIVE_SEEDS,
    parse_seeds,
    routes_of_file,
    routes_of_seeds,
)
from auxdrive_eval.simulators.base import Simulator
from small_world import SETTINGS

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "sdk")
)  # tests are no package; the SDK's tests make genuine bundles
import bundle_factory


def test_every_repeat_of_every_route_has_traffic_of_its_own(
    short_routes: tuple[Route, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = []

    def spying(*arguments: Any, **named: Any) -> Any:
        seeds.append(named["seed"])
        return drive_route(*arguments, **named)

    monkeypatch.setattr("auxdrive_eval.driving.route_worker.drive_route", spying)
    drive_all(short_routes, DriverSource(None), SETTINGS, tmp_path / "out", repeats=2, seed=4)
    assert seeds == [traffic_seed(4, route, repeat) for route in short_routes for repeat in (0, 1)]
    assert len(set(seeds)) == 4


def without_wall_time(evaluation: Evaluation) -> list[dict[str, Any]]:
    records = [driven.record.model_dump() for driven in evaluation.driven]
    for record in records:
        del record["meta"]["duration_system"]
    return records


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(
        tmp_path_factory.mktemp("bundles") / "waypoints", "waypoints"
    )


@pytest.fixture(scope="module")
def reference(
    tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...], bundle: Path
) -> tuple[Path, Evaluation]:
    """A real bundle on two routes, each driven twice, in this process."""
    out = tmp_path_factory.mktemp("reference") / "out"
    return out, drive_all(short_routes, DriverSource(AgentSource(bundle)), SETTINGS, out, repeats=2)


def test_a_bundle_is_driven_and_its_results_are_the_leaderboards_document(
    reference: tuple[Path, Evaluation],
) -> None:
    out, evaluation = reference
    document = json.loads((out / "results.json").read_text())
    assert document["_checkpoint"]["progress"] == [4, 4]
    assert [record["index"] for record in document["_checkpoint"]["records"]] == [0, 1, 2, 3]
    assert [record["route_id"] for record in document["_checkpoint"]["records"]] == [
        "RouteScenario_0"
    ] * 2 + ["RouteScenario_1"] * 2
    assert document["sensors"] == ["carla_camera", "carla_speedometer"]
    assert "no CARLA scores" in document["auxdrive"]["note"]
    text = (out / "results.json").read_text()
    assert text == json.dumps(document, indent=4, sort_keys=True) + "\n"
    means = [driven.record.scores.score_composed for driven in evaluation.driven]
    assert document["_checkpoint"]["global_record"]["scores"]["score_composed"] == pytest.approx(
        math.fsum(means) / 4
    )


def test_several_workers_give_the_same_results(
    reference: tuple[Path, Evaluation],
    short_routes: tuple[Route, ...],
    bundle: Path,
    tmp_path: Path,
) -> None:
    _, alone = reference
    together = drive_all(
        short_routes,
        DriverSource(AgentSource(bundle)),
        SETTINGS,
        tmp_path / "out",
        repeats=2,
        workers=2,
    )
    assert without_wall_time(together) == without_wall_time(alone)
    for ours, theirs in zip(together.driven, alone.driven, strict=True):
        assert (ours.trace == theirs.trace).all()
        assert ours.film == theirs.film
        assert ours.events == theirs.events


def test_an_interrupted_evaluation_goes_on_where_it_was(
    reference: tuple[Path, Evaluation],
    short_routes: tuple[Route, ...],
    bundle: Path,
    tmp_path: Path,
) -> None:
    out, source = tmp_path / "out", DriverSource(AgentSource(bundle))

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drive_all(short_routes, source, SETTINGS, out, repeats=2, on_route=interrupt)
    document = json.loads((out / "results.json").read_text())
    assert (document["entry_status"], document["_checkpoint"]["progress"]) == ("Started", [1, 4])
    first = route_folder(out, 0).stat().st_mtime_ns
    with pytest.raises(UsageError, match="go on with --resume"):
        drive_all(short_routes, source, SETTINGS, out, repeats=2)
    with pytest.raises(UsageError, match=r"under other settings: seed was 0 and is 1"):
        drive_all(short_routes, source, SETTINGS, out, repeats=2, seed=1, resume=True)
    with pytest.raises(UsageError, match=r"routes_sha256 was \w+ and is"):
        drive_all(short_routes[::-1], source, SETTINGS, out, repeats=2, resume=True)
    resumed = drive_all(short_routes, source, SETTINGS, out, repeats=2, resume=True)
    assert route_folder(out, 0).stat().st_mtime_ns == first
    assert without_wall_time(resumed) == without_wall_time(reference[1])


def test_a_damaged_result_is_named(reference: tuple[Path, Evaluation], tmp_path: Path) -> None:
    import shutil

    out = tmp_path / "out"
    shutil.copytree(reference[0], out)
    result = route_folder(out, 1) / "result.json"
    result.write_text(result.read_text()[:-20])
    with pytest.raises(DataError, match=r"00001: this route's result is damaged"):
        load_route(out, 1)
    np.save(route_folder(out, 2) / "trace.npy", np.zeros(3))
    with pytest.raises(DataError, match=r"00002: trace\.npy is no driven path"):
        load_route(out, 2)
    assert load_route(out, 9) is None


def test_the_report_of_an_evaluation_is_whole(reference: tuple[Path, Evaluation]) -> None:
    text = drive_report(reference[1])
    assert "embedded" in text.split("</title>")[0]
    assert "no CARLA scores" in text
    assert text.count('class="map"') == 4
    assert text.count("data:image/jpeg;base64,") >= 8
    for driven in reference[1].driven:
        for messages in driven.record.infractions.values():
            assert all(message in text for message in messages)


def test_what_cannot_be_driven_is_said_before_anything_starts(
    short_routes: tuple[Route, ...], tmp_path: Path, bundle: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="no such bundle or run"):
        drive_all(short_routes, DriverSource(AgentSource(tmp_path / "missing")), SETTINGS, out)
    with pytest.raises(UsageError, match="a bundle holds a student"):
        drive_all(short_routes, DriverSource(AgentSource(bundle, "teacher")), SETTINGS, out)
    with pytest.raises(UsageError, match="no routes"):
        drive_all((), DriverSource(None), SETTINGS, out)
    with pytest.raises(UsageError, match="repeats must be 1 or more"):
        drive_all(short_routes, DriverSource(None), SETTINGS, out, repeats=0)
    with pytest.raises(UsageError, match="workers must be 1 or more"):
        drive_all(short_routes, DriverSource(None), SETTINGS, tmp_path / "other", workers=0)
    assert not out.exists()


def test_traffic_is_of_the_route_and_differs_between_routes_and_repeats(
    short_routes: tuple[Route, ...],
) -> None:
    routes = [
        replace(short_routes[0], route_id=str(number), town=town)
        for number in range(5)
        for town in ("a", "b")
    ]
    seeds = {
        traffic_seed(seed, route, repeat)
        for seed in range(3)
        for route in routes
        for repeat in range(3)
    }
    assert len(seeds) == 90
    assert traffic_seed(1, replace(routes[0]), 2) == traffic_seed(1, routes[0], 2)


def test_routes_of_files_are_planned_and_strange_towns_refused(
    simulator: Simulator, short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    path = tmp_path / "routes.xml"
    route = short_routes[0]
    write_routes(path, [RouteSpec("7", route.town, route.keypoints, route.weather)])
    (planned,) = routes_of_file(path, simulator)
    assert planned.route_id == "7"
    assert planned.points == pytest.approx(route.points, abs=1e-6)
    write_routes(path, [RouteSpec("7", "Town05", route.keypoints)])
    with pytest.raises(
        SimulatorError,
        match=r"route '7': 'Town05' is no town of the embedded simulator.*EmbeddedTown0000",
    ):
        routes_of_file(path, simulator)


def test_seeds_are_read_from_text(simulator: Simulator) -> None:
    assert parse_seeds("1000, 1005-1007") == (1000, 1005, 1006, 1007)
    for wrong in ("", "a", "5-", "7-3", "10000", "1,1", "-4", "1;2"):
        with pytest.raises(UsageError, match="route seeds"):
            parse_seeds(wrong)
    assert not set(COLLECT_SEEDS) & set(DRIVE_SEEDS)
    assert [route.town for route in routes_of_seeds([5], simulator)] == ["EmbeddedTown0005"]


@pytest.mark.skipif(
    not Path("/proc/self/fd").is_dir(), reason="learns in /proc which file is meant"
)
def test_a_finished_route_is_on_the_disk(
    reference: tuple[Path, Evaluation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forced: list[str] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        forced.append(os.path.basename(os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    save_route(tmp_path, reference[1].driven[0])
    assert {"result.json", "trace.npy", "film_0.jpg"} < set(forced)
    assert any(name.startswith(".partial-00000") for name in forced)
    assert forced[-1] == "routes"  # the folder's own name, after the rename
    stored = load_route(tmp_path, 0)
    assert stored is not None
    assert stored.record == reference[1].driven[0].record
