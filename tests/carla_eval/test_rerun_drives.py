"""`auxdrive drive --rerun`: each drive as a Rerun recording, read back by rerun's own reader."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.types import Prediction
from auxdrive_eval.driving.drivers import AgentDriver
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.onlookers.keeping import KeepOptions, kept
from auxdrive_eval.driving.runner import RouteResult, drive_route
from auxdrive_eval.driving.settings import DriverSource, evaluation_settings
from auxdrive_eval.driving.stored.merge import merge
from auxdrive_eval.driving.stored.route_files import RERUN
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from PIL import Image
from small_world import SETTINGS, Agent

ROOT = Path(__file__).resolve().parents[2]


def test_one_module_imports_rerun() -> None:
    sources = [
        path
        for package in ("sdk", "train", "deploy", "carla_eval")
        for path in (ROOT / package).rglob("*.py")
    ]
    owners = [
        path.name
        for path in sources
        if re.search(r"^\s*(import|from) rerun\b", path.read_text(), re.MULTILINE)
    ]
    assert owners == ["rerun_file.py"]


def test_without_rerun_nothing_begins(
    short_routes: tuple[Route, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auxdrive.extras.find_spec", lambda _: None)
    settings = evaluation_settings(
        short_routes, DriverSource(None), SETTINGS, rules="1.0", repeats=1, seed=0
    )
    with (
        pytest.raises(ModuleNotFoundError, match="'rerun'"),
        kept(KeepOptions(rerun=True), settings),
    ):
        pass


class Turns(Agent):
    """Predicts waypoints ahead, further to the left each time."""

    def act(self, *given: Any) -> Prediction:
        super().act(*given)
        (observation, _), number = given, len(self.seen)
        points = np.array([[2.0, 0.01 * number], [4.0, 0.02 * number]], np.float32)
        return Prediction(
            observation.time_s, 3.0, waypoints_ego_m=points, waypoint_times_s=(0.5, 1.0)
        )


Columns = dict[str, dict[str, list[Any]]]


def read_back(content: bytes, folder: Path) -> tuple[Columns, str]:
    """What the file holds: by entity and component, of each row its time in seconds and value."""
    rerun = pytest.importorskip("rerun")
    path = folder / "read.rrd"
    path.write_bytes(content)
    reader = rerun.chunk.RrdReader(str(path))
    (entry,) = reader.recordings()
    assert (entry.application_id, len(reader.blueprints())) == ("auxdrive", 1)
    found: Columns = {}
    for chunk in reader.stream():
        rows = chunk.to_record_batch()
        names = rows.schema.names
        times = rows.column(names.index("game_time")).to_pylist() if "game_time" in names else None
        for name in names:
            if ":" in name:
                values = rows.column(names.index(name)).to_pylist()
                at = [None] * len(values) if times is None else times
                component = found.setdefault(chunk.entity_path, {}).setdefault(name, [])
                component += [
                    (None if t is None else t.total_seconds(), value)
                    for t, value in zip(at, values, strict=True)
                    if value is not None
                ]
    return found, entry.recording_id


@pytest.fixture(scope="module")
def driven(
    simulator: EmbeddedSimulator, short_routes: tuple[Route, ...]
) -> tuple[RouteResult, bytes]:
    pytest.importorskip("rerun")
    from auxdrive_eval.driving.onlookers.rerun_file import RouteRerun

    driver = AgentDriver(Turns(), "pure_pursuit", envelope="slow_straight")
    onlooker = RouteRerun(simulator, short_routes[0], 7)
    result = drive_route(
        simulator, short_routes[0], driver, rules=RULE_SETS["1.0"], seed=1, onlookers=(onlooker,)
    )
    return result, onlooker.end(result)[RERUN]


def test_a_recording_holds_camera_plan_controls_path_and_infractions(
    driven: tuple[RouteResult, bytes], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    result, content = driven
    found, name = read_back(content, tmp_path)
    assert name == "7"
    ticks = len(result.trace)

    def rows(entity: str, component: str) -> list[tuple[float | None, Any]]:
        by_time = sorted(found[entity][component], key=lambda row: row[0] or 0.0)
        return [(time_s, value) for time_s, value in by_time]

    speeds = rows("/speed_mps", "Scalars:scalars")
    assert [time_s for time_s, _ in speeds] == pytest.approx(0.05 * np.arange(ticks))
    assert [value[0] for _, value in speeds[1:]] == pytest.approx(result.trace["speed_mps"][:-1])
    images = rows("/world/ego/camera", "EncodedImage:blob")
    assert len(images) == result.tally.predictions
    shown = Image.open(io.BytesIO(bytes(images[0][1][0])))
    assert shown.size == (32, 24)
    plans = rows("/world/ego/plan", "LineStrips3D:strips")
    assert len(plans) == result.tally.predictions
    path = np.array(plans[9][1][0])
    np.testing.assert_allclose(path, [[0, 0, 0], [2, 0.1, 0], [4, 0.2, 0]], atol=1e-6)
    poses = rows("/world/ego", "Transform3D:translation")
    assert len(poses) == ticks
    latency = rows("/latency/model_ms", "Scalars:scalars")
    assert {value[0] for _, value in latency} == {3.0}
    assert set(found["/controls/brake"]) >= {"Scalars:scalars"}
    planned = np.array(found["/world/route"]["LineStrips3D:strips"][0][1][0])
    np.testing.assert_allclose(planned[:, :2], short_routes[0].points, atol=1e-4)
    driven_path = np.array(found["/world/driven"]["LineStrips3D:strips"][0][1][0])
    np.testing.assert_allclose(driven_path[:, 0], result.trace["x_m"], atol=1e-4)
    messages = [value[0] for _, value in rows("/infractions", "TextLog:text")]
    assert messages == [event.message for event in sorted(result.events, key=lambda e: e.began_s)]
    flags = {value[0] for _, value in rows("/envelope", "TextLog:text")}
    assert set(", ".join(flags).split(", ")) == {
        each.flag for each in result.tally.interventions.found
    }


def test_recording_changes_nothing_and_the_file_goes_with_its_route(
    short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    pytest.importorskip("rerun")
    routes = short_routes[:1]
    plain = drive_all(routes, DriverSource(None), SETTINGS, tmp_path / "plain")
    with_it = drive_all(
        routes, DriverSource(None), SETTINGS, tmp_path / "out", keep=KeepOptions(rerun=True)
    )
    (ours,), (theirs,) = with_it.driven, plain.driven
    assert (ours.trace == theirs.trace).all()
    assert (ours.events, ours.film) == (theirs.events, theirs.film)
    assert ours.record.scores == theirs.record.scores
    merge([tmp_path / "out"], tmp_path / "joined", routes)
    found, _ = read_back((tmp_path / "joined/routes/00000" / RERUN).read_bytes(), tmp_path)
    assert "/world/ego/plan" not in found  # the expert predicts nothing
    assert len(found["/speed_mps"]["Scalars:scalars"]) == len(ours.trace)


WATCHED = """
import os, sys, time
from pathlib import Path
from auxdrive_eval import DriverSource, SimulatorSettings, drive_all, make_simulator
from auxdrive_eval.driving.onlookers.keeping import KeepOptions

def connections():
    known = set()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        path = Path("/proc/net", table)
        if path.exists():
            known |= {line.split()[9] for line in path.read_text().splitlines()[1:]}
    own = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            own.add(os.readlink(f"/proc/self/fd/{number}").removeprefix("socket:[").rstrip("]"))
        except OSError:
            pass
    return known & own

settings = SimulatorSettings(options={"traffic": 0})
planner = make_simulator(settings, sensors=False)
whole = planner.random_route(1003)
route = planner.plan(whole.town, [tuple(whole.points[0]), tuple(whole.points[6])])
seen = []
drive_all(
    [route], DriverSource(None), settings, Path(sys.argv[1]), keep=KeepOptions(rerun=True),
    on_route=lambda *_: seen.append(connections()),
)
assert "rerun" in sys.modules
time.sleep(1)
assert seen == [set()] and connections() == set(), (seen, connections())
"""


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="looks into /proc")
def test_nothing_is_sent_and_nothing_is_left_in_the_home_folder(tmp_path: Path) -> None:
    pytest.importorskip("rerun")
    home = tmp_path / "home"
    home.mkdir()
    env = {
        **{name: value for name, value in os.environ.items() if name != "CI"},
        "HOME": str(home), "XDG_CONFIG_HOME": str(home / "c"), "XDG_DATA_HOME": str(home / "d"),
        "XDG_CACHE_HOME": str(home / "e"),
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", WATCHED, str(tmp_path / "out")], env=env, check=True)
    left = [path for path in home.rglob("*") if "rerun" in str(path).lower()]
    assert not left
