"""The agent that CARLA's leaderboards load: it drives any bundle on the SENSORS track, in
leaderboard 1.0 and 2.x and in Bench2Drive. How it is run stands in docs/leaderboard.md.

A leaderboard is given the path of this file (`--agent`), imports it as a module of its own, and
asks for the class by the name that `get_entry_point` returns. The class is made then, since it is
one of the leaderboard's agents: this module can be imported without a leaderboard.

The leaderboards of older CARLA versions run in older Pythons, which cannot import auxdrive. So this
file needs no more than Python 3.7 and NumPy, and where the environment variable AUXDRIVE_PYTHON
names the Python of auxdrive, the bundle is driven in a process of that one.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

AGENT = "AuxdriveAgent"
PYTHON = "AUXDRIVE_PYTHON"
METRICS = "SAVE_PATH"
"""Bench2Drive's environment variable for the folder of what agents save."""
HOST = ("-E", "-P", "-u", "-c", "from auxdrive_eval.team_agent.host import main; main()")
SETUP_S, TICK_S, CLOSE_S = 300.0, 60.0, 10.0
"""How long the process may take for each."""
_WIRE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "driving", "agents", "wire.py")


def get_entry_point() -> str:
    """The name of the agent's class, as a leaderboard asks for it.

    Examples:
        >>> from auxdrive_eval.leaderboard_agent import get_entry_point
        >>> get_entry_point()
        'AuxdriveAgent'
    """
    return AGENT


def __getattr__(name: str) -> Any:
    if name == AGENT:
        return _agent_class()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class AgentError(Exception):
    """The agent cannot be run, or failed in its own process. The message is one sentence."""


class SeatElsewhere:
    """A seat (`auxdrive_eval.team_agent.seat.Seat`) in a process of another Python.

    Args:
        python: that one's path.
        config: path of the agent's config.

    Raises:
        AgentError: it cannot be started, or refuses the config.
    """

    def __init__(self, python: str, config: str | None) -> None:
        self._wire = _module(_WIRE)
        command = [python, *HOST]
        try:
            self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            raise AgentError(f"{PYTHON}={python}: cannot be started ({error})") from error
        try:
            self.sensors = self._ask(SETUP_S, {"op": "setup", "config": config})
        except BaseException:
            self.close()
            raise

    def begin(self, degrees: list[list[float]], places: list[list[float]]) -> None:
        """See `Seat.begin`.

        Args:
            degrees: see there.
            places: see there.
        """
        self._ask(SETUP_S, {"op": "begin", "degrees": degrees, "places": places})

    def step(self, input_data: Mapping[str, Any], time_s: float) -> Any:
        """See `Seat.step`.

        Args:
            input_data: see there.
            time_s: see there.
        """
        arrays, others, frames = {}, {}, {}
        for name, (frame, data) in input_data.items():
            frames[name] = int(frame)
            if hasattr(data, "dtype") and data.shape:
                arrays[name] = data
            elif isinstance(data, Mapping):
                others[name] = {key: float(value) for key, value in data.items()}
            else:
                raise AgentError(
                    f"the sensor '{name}' sent a {type(data).__name__}; a leaderboard gives arrays "
                    "and the speedometer's dictionary"
                )
        body = {"op": "step", "time_s": float(time_s), "frames": frames, "others": others}
        return self._ask(TICK_S, body, arrays)

    def close(self) -> None:
        """Release the bundle, and end the process."""
        try:
            # it may have ended already, which is all that is wanted
            with contextlib.suppress(AgentError, subprocess.TimeoutExpired):
                self._ask(CLOSE_S, {"op": "close"})
                self._process.wait(CLOSE_S)
        finally:
            self._process.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with contextlib.suppress(OSError):  # what was not sent is of no use any more
                    pipe.close()  # type: ignore[union-attr]

    def _ask(self, limit_s: float, body: Mapping[str, Any], arrays: Any = None) -> Any:
        late = threading.Timer(limit_s, self._process.kill)
        late.daemon = True
        late.start()
        try:
            self._wire.write_message(self._process.stdin, body, arrays or {})
            message = self._wire.read_message(self._process.stdout)
        except (OSError, ValueError, self._wire.BrokenMessage):
            message = None
        finally:
            is_late = late.finished.is_set()
            late.cancel()
        if message is None:
            why = f"gave no reply within {limit_s:g} s" if is_late else "has ended"
            raise AgentError(
                f"the agent's process {why} at '{body['op']}' (exit code {self._exit_code()}); "
                "what it said stands above"
            )
        if "failed" in message[0]:
            raise AgentError(message[0]["failed"])
        return message[0]["done"]

    def _exit_code(self) -> int:
        try:
            return self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def _seat(config: str | None) -> Any:
    """A seat in this process, or in that of another Python where one is named.

    Raises:
        AgentError: no other Python is named, and this one cannot import auxdrive.
    """
    python = os.environ.get(PYTHON, "")
    if python:
        return SeatElsewhere(python, config)
    try:
        from auxdrive_eval.team_agent.seat import Seat
    except (ImportError, SyntaxError) as error:
        version = "{}.{}".format(*sys.version_info[:2])
        raise AgentError(
            f"this Python {version} cannot import auxdrive ({error}): set {PYTHON} to the path of "
            "the Python in which auxdrive is installed"
        ) from error
    return Seat(config)


def _module(path: str) -> Any:
    """A module by the path of its file, whatever package it is of."""
    spec = importlib.util.spec_from_file_location("auxdrive_wire", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=1)
def _agent_class() -> type:
    """The agent, which is a subclass of the leaderboard's.

    Raises:
        AgentError: there is no leaderboard, or it cannot be imported.
    """
    try:
        import carla
        from leaderboard.autoagents.autonomous_agent import AutonomousAgent, Track
    except ImportError as error:
        raise AgentError(
            "the leaderboard agent runs inside of a CARLA leaderboard, and that cannot be imported "
            f"here ({error}): put the folders of leaderboard and scenario_runner on PYTHONPATH, "
            f"and run leaderboard_evaluator.py with --agent {__file__} (docs/leaderboard.md)"
        ) from error

    class AuxdriveAgent(AutonomousAgent):  # type: ignore[misc]
        """Drives a bundle. It keeps the constructor of the leaderboard's agent, which differs
        between 1.0 and 2.x.
        """

        _seat: Any = None
        _has_begun = False

        def setup(self, path_to_conf_file: str) -> None:
            """Load the bundle.

            Args:
                path_to_conf_file: see `auxdrive_eval.leaderboard_config`.
            """
            self.track = Track.SENSORS
            self._metrics_file = _metrics_file(path_to_conf_file)
            self._metrics: dict[str, Any] = {}
            self._seat = _seat(path_to_conf_file)

        def sensors(self) -> list[dict[str, Any]]:
            """The sensors of `team_agent.sensors.sensor_suite`."""
            return [dict(each) for each in self._taken().sensors]

        def run_step(self, input_data: Mapping[str, Any], timestamp: float) -> Any:
            """The `carla.VehicleControl` for this tick.

            Args:
                input_data: what the sensors sent.
                timestamp: the game's time in seconds.
            """
            seat = self._taken()
            if not self._has_begun:
                seat.begin(*_rows(self._global_plan, self._global_plan_world_coord))
                self._has_begun = True
            if self._metrics_file:
                self._metrics[str(len(self._metrics))] = self.get_metric_info()
            throttle, steer, brake = seat.step(input_data, timestamp)
            return carla.VehicleControl(throttle=throttle, steer=steer, brake=brake)

        def destroy(self) -> None:
            """Release the bundle. A leaderboard calls it after a failed `setup` too."""
            seat, self._seat = self._seat, None
            if seat is not None:
                seat.close()
                _save(self._metrics_file, self._metrics)

        def _taken(self) -> Any:
            if self._seat is None:
                raise AgentError(
                    "the agent has no bundle: setup comes first, and destroy comes last"
                )
            return self._seat

    AuxdriveAgent.__module__ = __name__
    AuxdriveAgent.__qualname__ = AGENT
    return AuxdriveAgent


def _metrics_file(config: str | None) -> str:
    """Where Bench2Drive looks for how the ego moved on a route, whose name it adds to the config;
    empty in other leaderboards, and where nothing is to be saved.
    """
    folder, (_, plus, name) = os.environ.get(METRICS, ""), (config or "").rpartition("+")
    return os.path.join(folder, name, "metric_info.json") if folder and plus else ""


def _save(file: str, metrics: Mapping[str, Any]) -> None:
    """Write Bench2Drive's file of a route.

    Raises:
        AgentError: it cannot be written.
    """
    if not metrics:
        return
    try:
        os.makedirs(os.path.dirname(file), exist_ok=True)
        with open(file, "w") as written:
            json.dump(metrics, written)
    except OSError as error:
        raise AgentError(f"{METRICS}: {file} cannot be written ({error.strerror})") from error


def _rows(gps: Any, world: Any) -> tuple[list[list[float]], list[list[float]]]:
    """A leaderboard's plan as plain numbers, see `Seat.begin`."""
    degrees = [[point["lat"], point["lon"]] for point, _ in gps or ()]
    places = [
        [
            place.location.x,
            place.location.y,
            place.rotation.yaw,
            int(getattr(option, "value", option)),
        ]
        for place, option in world or ()
    ]
    return degrees, places
