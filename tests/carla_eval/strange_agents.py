"""Agents of another package, as a user would install them. An agent is a folder with `agent.txt`,
whose first word says what the agent does.

They are found through the entry point that `install` writes. Each drives sensibly until its third
prediction.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.cards import CameraSpec, VehicleSpec
from auxdrive.errors import InputError, UsageError, unknown_name
from auxdrive.steering import SteeringSpec
from auxdrive.types import Flag, Observation, Prediction

ROLES = ("student", "ensemble")
TIMES_S = (0.5, 1.0, 1.5, 2.0)


def _raise(error: BaseException) -> Any:
    raise error


def _hang(_: Observation) -> Any:
    while True:
        time.sleep(0.01)


def _spin(_: Observation) -> Any:
    while True:
        pass


def _recurse(_: Observation) -> Any:
    def deeper() -> Any:
        return deeper()

    return deeper()


def _print_for_ever(_: Observation) -> Any:
    while True:
        print("x" * 1000)


def _close_everything(_: Observation) -> Any:
    os.closerange(3, 200)


def _write_everywhere(_: Observation) -> Any:
    for descriptor in range(3, 20):
        try:
            os.write(descriptor, b"rubbish" * 100)
        except OSError:
            continue


def _leave_a_child(_: Observation) -> Any:
    child = os.fork()
    if child == 0:
        time.sleep(600)
    Path("child").write_text(str(child))
    os._exit(4)


def hide_a_child(name: str) -> None:
    """Start a process that has left its group, its session and its parent. Its id is written to the
    file of that name.
    """
    code = (
        "import os, sys, time\nif os.fork(): os._exit(0)\nopen(sys.argv[1], "
        "'w').write(str(os.getpid()))\ntime.sleep(600)"
    )
    subprocess.Popen([sys.executable, "-c", code, name], start_new_session=True).wait()
    while not Path(name).exists() or not Path(name).read_text():
        time.sleep(0.01)


def _waypoints(observation: Observation, waypoints: Any, **more: Any) -> Prediction:
    return Prediction(observation.time_s, 1.0, None, waypoints, TIMES_S, **more)


MISDEEDS: dict[str, Callable[[Observation], Any]] = {
    "exits": lambda _: _raise(SystemExit(3)),
    "ends_its_process": lambda _: os._exit(3),
    "segfaults": lambda _: ctypes.string_at(0),
    "aborts": lambda _: os.kill(os.getpid(), signal.SIGABRT),
    "hangs": _hang,
    "spins": _spin,
    "raises": lambda _: _raise(ValueError("boom")),
    "raises_ours": lambda _: _raise(InputError("an input of its own")),
    "interrupts": lambda _: _raise(KeyboardInterrupt()),
    "recurses": _recurse,
    "lacks_memory": lambda _: _raise(MemoryError()),
    "takes_memory": lambda _: np.zeros(1 << 60, np.uint8),
    "prints_for_ever": _print_for_ever,
    "closes_everything": _close_everything,
    "writes_everywhere": _write_everywhere,
    "leaves_a_child": _leave_a_child,
    "returns_none": lambda _: None,
}
"""What an agent does that ends the route."""

ODDITIES: dict[str, Callable[[Observation], Any]] = {
    "is_not_finite": lambda o: _waypoints(o, np.full((4, 2), np.nan)),
    "steers_infinitely": lambda o: Prediction(o.time_s, 1.0, steer_rad=float("inf")),
    "flags_and_keeps": lambda o: _waypoints(
        o, np.ones((4, 2)), flags=frozenset({Flag.NON_FINITE_OUTPUT})
    ),
    "guesses": lambda o: _waypoints(o, ahead(o, 4.0), flags=frozenset({Flag.INPUT_OUT_OF_RANGE})),
    "gives_lists": lambda o: _waypoints(o, ahead(o, 4.0).tolist()),
}
"""What an agent returns that does not end the route."""


def ahead(observation: Observation, speed_mps: float) -> np.ndarray[Any, Any]:
    """Waypoints straight to the goal at that speed, float64 (4, 2)."""
    goal = np.array(observation.target_ego_m)
    return np.outer(TIMES_S, goal / max(float(np.hypot(*goal)), 1e-3) * speed_mps)


class Strange:
    """An agent without `reset`."""

    name = "strange"
    auxiliaries = ()
    camera = CameraSpec(width=32, height=24, fov_deg=100.0, x_m=1.7, y_m=0.0, z_m=1.6)
    steering = SteeringSpec()
    vehicle = VehicleSpec(wheelbase_m=2.8)

    def __init__(self, folder: Path, kind: str) -> None:
        self.folder, self.kind, self.calls = folder, kind, 0
        if kind == "does_not_load":
            raise ValueError("the checkpoint has no key model.0.weight")
        if kind == "exits_at_once":
            sys.exit(5)
        if kind == "segfaults_at_once":
            ctypes.string_at(0)
        if kind == "hangs_at_once":
            (folder / "pid").write_text(str(os.getpid()))
            time.sleep(600)
        if kind == "hides_a_child":
            hide_a_child(str(folder / "child"))
        if kind == "hides_a_child_and_hangs":
            hide_a_child(str(folder / "child"))
            (folder / "pid").write_text(str(os.getpid()))
            time.sleep(600)
        if kind == "has_no_camera":
            self.camera = None  # type: ignore[assignment]
        if kind == "goes_elsewhere":
            os.chdir("/")
        if kind == "leaves_a_thread":
            threading.Thread(target=time.sleep, args=(600,)).start()

    def act(self, observation: Observation, auxiliaries: Mapping[Any, Any]) -> Any:
        self.calls += 1
        if self.kind == "forks":
            os.fork()  # both processes reply
        if self.calls > 2 and self.kind in MISDEEDS:
            return MISDEEDS[self.kind](observation)
        if self.kind in ODDITIES:
            return ODDITIES[self.kind](observation)
        if self.kind == "crashes_once" and not (self.folder / "crashed").exists():
            (self.folder / "crashed").touch()
            raise RuntimeError("CUDA out of memory")
        if self.kind == "talks":
            print("I see\x1b[31m" * 10_000, flush=True)
        return _waypoints(observation, ahead(observation, self.speed_mps()))

    def speed_mps(self) -> float:
        if "remembers" not in self.kind:
            return 4.0
        # It becomes slower with every call, and draws from the global random generator.
        return max(1.5, 6.0 - self.calls / 20) + np.random.uniform(0, 0.2)  # noqa: NPY002

    def close(self) -> None:
        if self.kind == "does_not_close":
            raise RuntimeError("cannot close")


class Resettable(Strange):
    """An agent with `reset`."""

    def reset(self) -> None:
        if self.kind == "does_not_reset":
            raise RuntimeError("cannot reset")
        self.calls = 0


def load(path: Path, role: str) -> Strange | None:
    """The entry point."""
    text = path / "agent.txt"
    if not text.is_file():
        return None
    if role not in ROLES:
        raise UsageError(unknown_name("role", role, ROLES))
    kind = text.read_text().split()[0]
    agent: Strange = (Resettable if "reset" in kind else Strange)(path, kind)
    if (path / "fingerprint.txt").exists():
        agent.fingerprint = (path / "fingerprint.txt").read_text()  # type: ignore[attr-defined]
    return agent


def install(site: Path, *broken: str) -> Path:
    """Write the metadata of an installed distribution into `site`, which must be on the path.
    `broken` are further entry points.
    """
    info = site / "strange_agents-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange_agents\nVersion: 0.1\n")
    points = ["strange = strange_agents:load", *broken]
    (info / "entry_points.txt").write_text("[auxdrive.agents]\n" + "\n".join(points) + "\n")
    return site


def agent_folder(parent: Path, kind: str) -> Path:
    """A folder with an agent of that kind."""
    folder = parent / kind
    folder.mkdir(parents=True)
    (folder / "agent.txt").write_text(kind)
    return folder
