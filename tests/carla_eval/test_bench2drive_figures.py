"""What Bench2Drive says beside the driving score: efficiency, smoothness, abilities."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import carla_towns
import numpy as np
import pytest
from auxdrive import cli
from auxdrive.errors import DataError
from auxdrive_eval.criteria import EventKind
from auxdrive_eval.driving.runner import TRACE_DTYPE
from auxdrive_eval.routes import RouteSpec, load_routes
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.scoring.again.reading import read_results
from auxdrive_eval.scoring.again.rescoring import rescored
from auxdrive_eval.scoring.bench2drive.abilities import ABILITIES, NAMES, Attempt, abilities
from auxdrive_eval.scoring.bench2drive.comfort import (
    Motion,
    efficiency,
    motion_of_path,
    smoothness,
)
from auxdrive_eval.scoring.bench2drive.report import read_motion
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from hypothesis import given
from hypothesis import strategies as st
from scored_runs import event, results_of, scored, written


def straight(acceleration_mps2: float, count: int = 60, yaw_rate: float = 0.0) -> Motion:
    ahead = np.tile([1.0, 0.0], (count, 1))
    return Motion(acceleration_mps2 * ahead, ahead, ahead[:, ::-1], np.full(count, yaw_rate))


def test_smoothness_is_the_share_of_segments_within_every_limit() -> None:
    assert smoothness(straight(1.0)) == 1.0
    assert smoothness(straight(2.5)) == 0.0  # harder than 2.40 m/s^2
    assert smoothness(straight(-4.0)) == 1.0
    assert smoothness(straight(-4.1)) == 0.0
    mixed = straight(1.0, 65)
    mixed.acceleration[20:40] *= 3.0
    assert smoothness(mixed) == pytest.approx(2 / 3)  # 3 segments; the rest of 5 is dropped
    assert smoothness(straight(1.0, 5)) == 1.0
    assert smoothness(straight(1.0, 2)) is None


def test_yaw_rates_are_degrees_against_limits_in_radians_and_corrected_they_are_not() -> None:
    turning = straight(0.5, yaw_rate=20.0)  # a gentle bend: 0.35 rad/s
    assert smoothness(turning) == 0.0
    assert smoothness(turning, corrected=True) == 1.0


def test_the_motion_of_a_path_is_its_differences() -> None:
    time_s = np.arange(0, 12, 0.05)
    trace = np.zeros(len(time_s), TRACE_DTYPE)
    trace["time_s"], trace["speed_mps"], trace["yaw_rad"] = time_s, 2.0 + time_s, 0.1 * time_s
    motion = motion_of_path(trace)
    assert len(motion) == 120  # every second tick: 0.1 s apart
    along = np.einsum("ij,ij->i", motion.acceleration, motion.forward)
    across = np.einsum("ij,ij->i", motion.acceleration, motion.right)
    assert along[1:-1] == pytest.approx(1.0, abs=1e-3)
    assert across[1:-1] == pytest.approx(-0.1 * (2.0 + time_s[2:-2:2]), abs=1e-3)
    assert motion.yaw_rate == pytest.approx(np.degrees(0.1))
    assert len(motion_of_path(trace[:1])) == 0


@given(st.lists(st.lists(st.floats(0, 2000), max_size=6), max_size=6))
def test_efficiency_lies_within_the_percentages_that_count(routes: list[list[float]]) -> None:
    kept = [value for route in routes for value in route if value <= 1000]
    found = efficiency(routes)
    if not kept:
        assert found is None
    else:
        assert found is not None
        assert min(kept) - 1e-9 <= found <= max(kept) + 1e-9
    assert efficiency([[50.0, 150.0, 4000.0], [], [20.0]]) == 60.0


def test_the_types_of_the_five_abilities() -> None:
    sizes = {name: sum(name in groups for groups in ABILITIES.values()) for name in NAMES}
    assert sizes == {
        "Overtaking": 9, "Merging": 16, "Emergency_Brake": 12, "Give_Way": 2, "Traffic_Signs": 19,
    }  # fmt: skip


def test_abilities_of_the_two_versions() -> None:
    attempts = [
        Attempt("Accident", True, 1.0, False),
        Attempt("ParkingExit", False, 0.5, False),
        Attempt("ControlLoss", True, 1.0, False),
        Attempt("InvadingTurn", True, 1.0, False),
        Attempt("T_Junction", True, 1.0, False),
        Attempt("T_Junction", False, 0.6, False, junction_share=0.4),  # behind the junction
        Attempt("T_Junction", False, 0.6, True, junction_share=0.4),  # ran the light
        Attempt("T_Junction", False, 0.3, False, junction_share=0.4),
    ]
    older, newer = (abilities(attempts, version) for version in ("0.0.3", "0.0.4"))
    for found in (older, newer):
        shares = [found[name] for name in NAMES[:4]]
        assert [share.low for share in shares if share is not None] == [1.0, 0.0, 1.0, 1.0]
    signs_before, signs_now = older["Traffic_Signs"], newer["Traffic_Signs"]
    assert signs_before is not None
    assert signs_now is not None
    assert signs_before.low == signs_before.high == (1 + 2) / 8
    assert signs_now.low == signs_now.high == (1 + 1) / 4
    assert newer["mean"] is not None
    assert newer["mean"].low == pytest.approx((1 + 0 + 1 + 1 + 0.5) / 5)
    unknown = [*attempts[:-1], Attempt("T_Junction", False, 0.3, False)]
    vague = abilities(unknown, "0.0.4")["Traffic_Signs"]
    assert vague is not None
    assert (vague.low, vague.high) == (0.5, 0.75)
    assert abilities(attempts[:3], "0.0.4")["mean"] is None


def benchmark() -> dict[str, Any]:
    """A file of Bench2Drive with two routes."""
    speed = event(EventKind.MIN_SPEED, 150.0)
    document = results_of("bench2drive", [([speed], 100.0), ([event(EventKind.RED_LIGHT)], 30.0)])
    names = RULE_SETS["bench2drive"].names
    assert names is not None
    document["_checkpoint"]["records"] = [
        names(
            record,
            {"scenario_name": f"Accident_{number}", "weather_id": 1, "save_name": f"s{number}",
             "town_name": "Town12"},
        )
        for number, record in enumerate(document["_checkpoint"]["records"])
    ]  # fmt: skip
    return document


def test_a_file_of_bench2drive(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, harsh in enumerate((1.0, 9.0)):
        (tmp_path / f"s{number}").mkdir()
        step = {"acceleration": [harsh, 0, 0], "angular_velocity": [0, 0, 0],
                "forward_vector": [1, 0, 0], "right_vector": [0, 1, 0]}  # fmt: skip
        (tmp_path / f"s{number}/metric_info.json").write_text(
            json.dumps({str(n): step for n in range(40)})
        )
    path = written(tmp_path, benchmark())
    found = scored(capsys, path, "--rules", "bench2drive", "--metric-info", tmp_path)
    figures = found.pop("auxdrive")["figures"]
    assert found == benchmark()
    assert figures["over_220"] == {"driving score": (100 + 21.0) / 220, "success rate": 1 / 220}
    assert figures["over_routes"] == {"driving score": 60.5, "success rate": 0.5}
    assert (figures["successes"], figures["efficiency"], figures["smoothness"]) == (1, 150.0, 0.5)
    share = {"low": 0.5, "high": 0.5, "routes": 2}
    assert figures["abilities"]["0.0.4"]["Overtaking"] == share
    assert figures["abilities"]["0.0.4"]["mean"] is None
    under_2_0 = scored(capsys, path, "--rules", "2.0")
    assert "1 min speed events are left out" in " ".join(under_2_0["auxdrive"]["notes"])
    assert under_2_0["_checkpoint"]["records"][0]["status"] == "Perfect"
    assert cli.run(["score", str(path), "--rules", "bench2drive"]) == 0
    assert "smoothness: needs" in " ".join(capsys.readouterr().err.split())


def test_a_merged_file_has_no_indices_and_no_progress(tmp_path: Path) -> None:
    document = benchmark()
    records = document["_checkpoint"]["records"]
    for record in records:
        del record["index"]
    merged = {"_checkpoint": {"records": records}, "driving score": 0.0, "success rate": 0.0}
    found = rescored(read_results(written(tmp_path, merged)), "bench2drive")
    assert found.made_by == ("bench2drive",)
    assert [record.index for record in found.records] == [0, 1]
    assert "does not say how many routes" in found.notes[0]


def test_the_file_of_routes_gives_the_types(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def route(number: int, kind: str) -> str:
        return (
            f'<route id="{number}" town="Town12"><waypoints><position x="0" y="0" z="0"/>'
            '<position x="30" y="0" z="0"/></waypoints><scenarios>'
            f'<scenario name="{kind}_1" type="{kind}"><trigger_point x="1" y="0" z="0" yaw="0"/>'
            "</scenario></scenarios></route>"
        )

    routes = tmp_path / "routes.xml"
    routes.write_text(f"<routes>{route(0, 'InvadingTurn')}{route(1, 'T_Junction')}</routes>")
    path = written(tmp_path, results_of("2.0", [([], 100.0), ([], 30.0)]))
    found = scored(capsys, path, "--rules", "bench2drive", "--routes", routes)
    shares = found["auxdrive"]["figures"]["abilities"]["0.0.4"]
    assert shares["Give_Way"] == {"low": 1.0, "high": 1.0, "routes": 1}
    assert shares["Traffic_Signs"] == {"low": 0.0, "high": 1.0, "routes": 1}
    assert "first junction" in " ".join(found["auxdrive"]["figures"]["missing"])


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"0": 3}',
        '{"0": {"acceleration": [1, 2]}}',
        '{"0": {"acceleration": "abc"}}',
        f'{{"0": {{"acceleration": [1, 2, {10**400}]}}}}',
        '{"0": {"acceleration": [1, 2, true]}}',
    ],
)
def test_a_damaged_motion_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "metric_info.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"metric_info\.json"):
        read_motion(path)


def test_the_first_junction_of_a_route_is_found_on_its_map() -> None:
    pytest.importorskip("networkx", reason="needs the extra [carla]")
    from auxdrive_eval.scoring.bench2drive.junctions import Town

    with closing(make_simulator(SimulatorSettings(), sensors=False)) as simulator:
        own = simulator.random_route(1000)
        roads = simulator.road_map(own.town)
        share = Town(roads).junction_share(RouteSpec("0", own.town, own.keypoints))
    inside = [roads.nearest(*point).in_junction for point in own.points.tolist()]
    assert share is not None
    assert share == pytest.approx((inside.index(True) + 1 + 8) / len(inside), abs=0.05)


def test_maps_decide_whether_a_failed_route_had_passed_its_junction(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real town of CARLA: 60 m to a junction, and through it."""
    carla_towns.needs_carla()
    if not (carla_towns.TOWNS / "Town02.xodr.gz").exists():
        pytest.skip(f"the towns are not here: {carla_towns.TOWNS}")
    planner = carla_towns.planner("Town02")
    roads = carla_towns.town("Town02")
    lane = next(each for each in roads.segments(1.0) if each.entry.in_junction)
    before = next(each for each in roads.segments(1.0) if each.exit.lane == lane.entry.lane)
    keypoints = "".join(
        f'<position x="{point.x_m}" y="{-point.y_m}" z="0"/>' for point in (before.entry, lane.exit)
    )
    routes = tmp_path / "routes.xml"
    routes.write_text(
        f'<routes><route id="0" town="Town02"><waypoints>{keypoints}</waypoints><scenarios>'
        '<scenario name="T_1" type="T_Junction"><trigger_point x="1" y="0" z="0" yaw="0"/>'
        "</scenario></scenarios></route></routes>"
    )
    (spec,) = load_routes(routes)
    dense = planner.plan(spec)
    first = dense.lanes.index(lane.entry.lane)
    how = ("--rules", "bench2drive", "--routes", routes, "--maps", carla_towns.TOWNS)
    for points, passed in ((first + 12, 1.0), (first + 2, 0.0)):
        completion = min(round(100 * points / len(dense.lanes), 2), 99.9)
        path = written(tmp_path, results_of("2.0", [([], completion)]))
        figures = scored(capsys, path, *how)["auxdrive"]["figures"]
        share = figures["abilities"]["0.0.4"]["Traffic_Signs"]
        assert share == {"low": passed, "high": passed, "routes": 1}
        assert not [each for each in figures["missing"] if "junction" in each]
