"""Random faults of a CARLA server and of its driver: nothing lost, nothing counted twice, nobody
left behind.

    python benchmarks/carla_faults.py [--faults 200] [--seed 0] [--minutes 60] [--out FILE]

Each drive takes the expert along three short routes of the test server's small town, with one other
car, by the stock client. One or two faults wait for it, and in every third drive somebody kills the
driver (SIGKILL), which is then resumed. The servers are started by the simulator, or in every
fourth drive by somebody else. After each drive, its results must be those of a drive without faults
to the last digit (less the time that it took), no process of it may be left, and in a server of
somebody else no actor and no stopped clock. Goes on until so many faults have struck, or the
minutes are over; the result goes to benchmarks/results/carla_faults.json.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxdrive_eval import DriverSource, SimulatorSettings, drive_all, make_simulator
from auxdrive_eval.route import Route
from record import RESULTS, write_result

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "carla_eval")]
from carla_folder import carla_folder  # noqa: E402
from carla_server.process import ServerProcess, ask, free_port  # noqa: E402

WAYS = [
    [(30.0, -1.75), (45.0, -1.75)],
    [(150.0, 1.75), (135.0, 1.75)],
    [(150.0, 81.75), (135.0, 81.75)],
]
OPTIONS = {
    "town": "Small",
    "traffic": 1,
    "modalities": ["rgb"],
    "max_steer_deg": 40.0,
    "camera": {"width": 16, "height": 12, "fov_deg": 90.0, "x_m": 1.7, "z_m": 1.6},
    "timeout_s": 2.0,
    "sensor_timeout_s": 1.0,
}
SCENE = ("--scene", "carla_eval.carla_scenes:Still")
LAST_TICK = 300
"""A little more than the ticks of the three routes."""
OF_SENSORS = ("drop", "repeat", "black")
KILLED = "driver killed"
MARK = "AUXDRIVE_CARLA_FAULTS"
"""Environment variable by which the processes of a drive are known."""
LONGEST_S, GONE_S, MOST_RUNS = 300.0, 20.0, 4


@dataclass(frozen=True)
class Plan:
    """What a drive meets.

    Attributes:
        faults: of one server after the other; all of one, where it is somebody else's.
        kill_after_s: when the driver is killed; None if it is not.
        foreign: whether the server is somebody else's.
    """

    faults: tuple[str, ...]
    kill_after_s: float | None
    foreign: bool


def main() -> None:
    """Drive until enough faults have struck, and write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=RESULTS / "carla_faults.json")
    given = parser.parse_args()
    until_s = time.monotonic() + 60.0 * given.minutes
    struck: Counter[str] = Counter()
    drives: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        routes, calm = _calm(root)
        while struck.total() < given.faults and time.monotonic() < until_s:
            plan = _plan(random.Random(f"{given.seed} {len(drives)}"), len(drives))
            with tempfile.TemporaryDirectory(dir=root) as here:
                drive = _driven(Path(here), routes, calm, plan)
            drives.append(drive)
            struck.update(drive["struck"])
            print(len(drives), struck.total(), json.dumps(drive), flush=True)
            _write(given.out, struck, drives)
    sys.exit(any(drive["wrong"] for drive in drives))


def _write(out: Path, struck: Counter[str], drives: Sequence[dict[str, Any]]) -> None:
    summary = {
        "faults": struck.total(),
        "by_kind": dict(sorted(struck.items())),
        "drives": len(drives),
        "routes": len(WAYS) * len(drives),
        "simulations_begun_again": sum(drive["begun_again"] for drive in drives),
        "seconds": round(sum(drive["seconds"] for drive in drives), 1),
        "wrong": [drive for drive in drives if drive["wrong"]],
    }
    write_result(out, {**summary, "each": list(drives)})


def _plan(chance: random.Random, number: int) -> Plan:
    foreign = number % 4 == 3
    kinds = [*OF_SENSORS, "hang", *(() if foreign else ("die", "die at start"))]
    faults = tuple(_fault(chance, chance.choice(kinds)) for _ in range(chance.choice((1, 2))))
    # while the first server starts, on the first route, or later
    kill_after_s = chance.uniform(1.0, 12.0) if number % 3 == 1 else None
    return Plan(faults, kill_after_s, foreign)


def _fault(chance: random.Random, kind: str) -> str:
    tick = chance.randrange(1, LAST_TICK)
    if kind == "die at start":
        return "kind=die,tick=0"
    if kind in OF_SENSORS:
        return f"kind={kind},sensor=sensor.camera,tick={tick},count={chance.randrange(1, 40)}"
    if kind == "hang":
        return f"kind=hang,tick={tick},seconds={chance.choice((0.5, 3.0))}"
    return f"kind=die,tick={tick}"


def _calm(root: Path) -> tuple[list[Route], Any]:
    """The routes, and the results of a drive without faults."""
    settings = _started(root / "calm_root", ())
    with closing(make_simulator(settings, sensors=False)) as simulator:
        routes = [simulator.plan("Small", way, str(number)) for number, way in enumerate(WAYS)]
    out = root / "calm"
    drive_all(routes, DriverSource(None), settings, out)
    calm = _results(out)
    statuses = [record["status"] for record in calm["_checkpoint"]["records"]]
    assert statuses == ["Completed"] * len(WAYS), statuses
    return routes, calm


def _started(folder: Path, faults: Sequence[str]) -> SimulatorSettings:
    """Settings by which servers are started, of which the first has no fault: it is asked for its
    version alone.
    """
    faults = ("kind=drop,tick=1000000", *faults) if faults else ()
    told = ("--struck", str(folder / "struck"))
    own = {"carla_root": str(carla_folder(folder, *SCENE, *told, faults=faults))}
    return SimulatorSettings(kind="carla", options={**OPTIONS, **own, "port": free_port()})


def _driven(here: Path, routes: list[Route], calm: Any, plan: Plan) -> dict[str, Any]:
    """One drive, and what came of it."""
    began_s, out, told = time.monotonic(), here / "out", here / "root" / "struck"
    wrong: list[str] = []
    if plan.foreign:
        told.parent.mkdir()
        faults = [word for fault in plan.faults for word in ("--fault", fault)]
        with ServerProcess([*SCENE, "--struck", str(told), *faults]) as server:
            options = {**OPTIONS, "port": server.port}
            reasons = _drives(here, routes, SimulatorSettings(kind="carla", options=options), plan)
            left = {name.split(".")[0] for name in server.report()["actors"]}
            wrong += [f"left in the server: {left}"] if left - {"spectator", "traffic"} else []
            if ask(server.port, "get_episode_settings")[0]:
                wrong.append("the server's time still stands")
            wrong += _left_processes(here)
    else:
        reasons = _drives(here, routes, _started(here / "root", plan.faults), plan)
        wrong += _left_processes(here)
    wrong += _differences(out, calm)
    log = (here / "log").read_text()
    # one fault may strike in many ticks
    struck = dict.fromkeys(_name(*line.split()[:2]) for line in _lines(told))
    return {
        "planned": list(plan.faults),
        "foreign": plan.foreign,
        "struck": [*struck, *([KILLED] if KILLED in reasons else [])],
        "gone_on_with": reasons,
        "begun_again": log.count("the simulation crashed"),
        "seconds": round(time.monotonic() - began_s, 1),
        "wrong": wrong,
        **({"log": log[-4000:]} if wrong else {}),
    }


def _name(tick: str, kind: str) -> str:
    return "die at start" if (tick, kind) == ("0", "die") else kind


def _drives(here: Path, routes: list[Route], settings: SimulatorSettings, plan: Plan) -> list[str]:
    """Drive in a process of its own, and go on as a user would: where it was killed, and with the
    routes on which every attempt met a fault. Returns why it was gone on with.
    """
    reasons: list[str] = []
    while len(reasons) < MOST_RUNS:
        kill_after_s = None if reasons else plan.kill_after_s
        fork = multiprocessing.get_context("fork")
        process = fork.Process(target=_drive, args=(here, routes, settings, bool(reasons)))
        process.start()
        process.join(kill_after_s or LONGEST_S)
        if process.is_alive():
            process.kill()
            process.join()
            reasons.append(KILLED)
        elif "Simulation crashed" in json.dumps(_results(here / "out")):
            reasons.append("a route crashed in every attempt")
        else:
            break
    return reasons


def _drive(here: Path, routes: list[Route], settings: SimulatorSettings, resume: bool) -> None:
    os.environ[MARK] = str(here)
    log = os.open(here / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    logging.basicConfig(level=logging.WARNING)
    out = here / "out"
    begun = (out / "settings.json").exists()
    again = resume and begun
    drive_all(routes, DriverSource(None), settings, out, resume=again, retry_crashed=again)


def _differences(out: Path, calm: Any) -> Iterator[str]:
    """What is lost, counted twice, or another number than without faults."""
    found = _results(out)
    if found is None:
        yield "there are no results"
        return
    if found != calm:
        yield f"other results: {json.dumps(found)}"
    folders = sorted(path.name for path in (out / "routes").iterdir())
    if folders != [f"{number:05d}" for number in range(len(WAYS))]:
        yield f"folders of routes: {folders}"


def _results(out: Path) -> Any:
    with suppress(OSError):
        return json.loads((out / "results.json").read_text(), object_hook=_timeless)


def _timeless(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "duration_system"}


def _lines(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _left_processes(here: Path) -> list[str]:
    """The processes of a drive that are still there some seconds after it."""
    until_s = time.monotonic() + GONE_S
    while left := list(_marked(here)):
        if time.monotonic() > until_s:
            return [f"left behind: {command}" for command in left]
        time.sleep(0.1)
    return []


def _marked(here: Path) -> Iterator[str]:
    mark = f"{MARK}={here}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if mark in (entry / "environ").read_bytes().split(b"\0"):
                yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()


if __name__ == "__main__":
    main()
