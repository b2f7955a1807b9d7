"""A benchmark in CARLA whose server crashes: routes are driven again, nothing is lost or counted
twice.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

sys.path.insert(
    0, str(Path(__file__).resolve().parents[1] / "sdk")
)  # its tests make genuine bundles
import bundle_factory
from auxdrive.modalities import Modality
from auxdrive_eval import DriverSource, collect, collect_settings, drive_all
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import ATTEMPTS
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from carla_towns import TOWNS
from started_carla import planned, settings_in

KILLED = """
import json, os, signal, sys
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
if __name__ == "__main__":
    options = json.loads(sys.argv[1])
    simulator = make_simulator(SimulatorSettings(kind="carla", options=options))
    os.kill(os.getpid(), signal.SIGKILL)
"""
"""A program that is killed while its simulator and the server run."""


def of_town02(settings: SimulatorSettings) -> list[Route]:
    """Five short routes of Town02.

    Args:
        settings: of the simulator that plans them.
    """
    with closing(make_simulator(settings, sensors=False)) as simulator:
        ways = [simulator.random_route(seed).points[[0, 40]].tolist() for seed in range(5)]
        return [simulator.plan("Town02", way, str(n)) for n, way in enumerate(ways)]


def document(out: Path, routes: list[Route], settings: SimulatorSettings, workers: int = 1) -> Any:
    """The results of a drive of the expert, less the time that it took.

    Args:
        out: its folder.
        routes: that are driven.
        settings: of the simulator.
        workers: number of processes.
    """
    drive_all(routes, DriverSource(None), settings, out, workers=workers)
    return json.loads((out / "results.json").read_text(), object_hook=_timeless)


def _timeless(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "duration_system"}


def statuses(results: Any) -> list[str]:
    """How each route ended.

    Args:
        results: from `document`.
    """
    return [record["status"] for record in results["_checkpoint"]["records"]]


def running_from(root: Path) -> list[str]:
    """The command lines of processes of this machine that name a folder.

    Args:
        root: the folder.
    """
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            text = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [text] if f"{root}/" in text else []
    return found


def wait_for_the_end_of(root: Path) -> None:
    """Wait until no server from a folder runs; it ends a moment after who started it.

    Args:
        root: the folder.
    """
    until = time.monotonic() + 20.0
    while left := running_from(root):
        assert time.monotonic() < until, left
        time.sleep(0.1)


FAULTS = [
    "kind=drop,tick=100000",  # of the simulator that is made for its version alone
    "kind=die,tick=250",
    "kind=black,sensor=sensor.camera,tick=200,count=99",
]
"""Of three servers, one after the other: the second and the third fail in the middle of a route."""
TOWN02 = pytest.param(
    ("--town", "Town02", "--xodr", str(TOWNS)),
    {"town": "Town02", "traffic": 5},
    of_town02,
    marks=[
        pytest.mark.thorough,
        pytest.mark.skipif(not TOWNS.is_dir(), reason="needs the town of ../shared/carla/xodr"),
    ],
    id="Town02",
)


@pytest.mark.parametrize(
    ("arguments", "options", "plan"), [pytest.param((), {}, planned, id="Small"), TOWN02]
)
def test_five_routes_with_two_crashes_are_as_five_without(
    tmp_path: Path,
    arguments: tuple[str, ...],
    options: dict[str, Any],
    plan: Callable[[SimulatorSettings], list[Route]],
) -> None:
    whole = settings_in(tmp_path / "whole", *arguments, **options)
    routes = plan(whole)
    calm = document(tmp_path / "calm", routes, whole)
    assert statuses(calm) == ["Completed"] * 5
    rough = settings_in(tmp_path / "faults", *arguments, faults=FAULTS, **options)
    assert document(tmp_path / "rough", routes, rough) == calm
    # more, if the client slept for ever (docs/carla.md), which is one more crash
    assert (tmp_path / "faults" / "started").read_text().count("\n") >= 4


def test_a_bundle_drives(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "root")
    routes = planned(settings, 1)
    bundle = bundle_factory.write_bundle(tmp_path / "waypoints", "waypoints")
    (driven,) = drive_all(
        routes, DriverSource(AgentSource(bundle)), settings, tmp_path / "out"
    ).driven
    assert not driven.error
    assert driven.tally.predictions > 10
    assert driven.record.status in (
        "Completed",
        "Failed - Agent deviated from the route",
        "Failed - Agent timed out",
    )


def test_a_simulation_that_crashes_again_and_again_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    routes = planned(settings_in(tmp_path / "plan"), 1)
    black = ["kind=black,sensor=sensor.camera,tick=30,count=999"] * 9
    settings = settings_in(tmp_path / "black", faults=black)
    assert statuses(document(tmp_path / "out", routes, settings)) == ["Failed - Simulation crashed"]
    told = [text for text in caplog.messages if "the simulation crashed" in text]
    assert len(told) == ATTEMPTS
    again = drive_all(
        routes,
        DriverSource(None),
        settings_in(tmp_path / "whole"),
        tmp_path / "out",
        resume=True,
        retry_crashed=True,
    )
    assert again.driven[0].record.status == "Completed"


def test_a_server_that_dies_as_it_starts_is_started_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_in(tmp_path / "root", faults=["kind=die,tick=0"])
    assert len(planned(settings, 1)) == 1
    assert "the simulation crashed as it began" in caplog.text
    assert (tmp_path / "root" / "started").read_text().count("\n") == 2


def test_an_episode_whose_simulation_crashes_is_recorded_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def recorded(name: str, *faults: str) -> dict[str, bytes]:
        simulator = settings_in(tmp_path / f"{name}_root", faults=faults)
        settings = collect_settings(simulator, [Modality.RGB], episodes=2, max_episode_s=2.0)
        collect(settings, tmp_path / name)
        files = sorted((tmp_path / name / "episodes").glob("*/*.npy"))
        return {f"{file.parent.name}/{file.name}": file.read_bytes() for file in files}

    calm = recorded("calm")
    assert len(calm) == 6  # state, rgb and plan of both
    assert recorded("rough", FAULTS[0], "kind=die,tick=90") == calm
    assert "is recorded again: the simulation crashed" in caplog.text


def test_two_workers_have_a_server_each_and_change_no_record(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "root")
    routes = planned(settings, 3)
    one = document(tmp_path / "one", routes, settings)
    assert document(tmp_path / "two", routes, settings, workers=2) == one
    wait_for_the_end_of(tmp_path / "root")


def test_a_server_ends_with_whoever_started_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "root")
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    options = settings.options.model_copy(update={"wait_s": 30.0})
    given = {name: getattr(options, name) for name in ("carla_root", "port", "town", "wait_s")}
    ended = subprocess.run([sys.executable, script, json.dumps(given)], check=False)
    assert ended.returncode == -signal.SIGKILL
    wait_for_the_end_of(tmp_path / "root")
