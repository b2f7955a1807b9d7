"""What the CARLA simulator makes of a server or a client that fails while it drives."""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from typing import Any

import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive.errors import WorkerDied
from auxdrive.machine.worker_processes import OwnProcess
from auxdrive.modalities import Modality
from auxdrive_eval.simulators.base import SimulationCrashed, Simulator
from auxdrive_eval.simulators.carla.client import ClientHalf
from auxdrive_eval.simulators.carla.connection.deadlines import ended_after
from carla_server.process import ServerProcess
from server_of_carla import AHEAD, GAS, STAND, on_the_straight, running, settings_of


def step_and_look(simulator: Simulator, ticks: int) -> None:
    """Drive on, with a look at each image.

    Args:
        simulator: in which a route is driven.
        ticks: how many.
    """
    for _ in range(ticks):
        simulator.step(GAS)
        simulator.sense([Modality.RGB])


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"kind": "drop", "sensor": "sensor.camera.rgb"}, "sent no frame"),
    ({"kind": "repeat", "sensor": "sensor.camera.rgb"}, "sent no frame"),
    ({"kind": "black", "sensor": "sensor.camera.rgb"}, "black"),
    ({"kind": "hang", "seconds": 3.0}, "for a tick"),
    ({"kind": "die"}, "for a tick"),
]


@pytest.mark.parametrize(("fault", "told"), FAULTS, ids=[fault["kind"] for fault, _ in FAULTS])
def test_a_fault_of_the_server_is_a_crash_of_the_simulation(
    fault: dict[str, Any], told: str
) -> None:
    with running(timeout_s=1.0) as (server, simulator):
        simulator.reset(on_the_straight(simulator), 0)
        simulator.step(GAS)
        simulator.sense([Modality.RGB])
        server.fault(**fault)
        with pytest.raises(SimulationCrashed, match=told):
            step_and_look(simulator, 3)


class _Sleeper:
    """A client that sleeps for ever."""

    def __call__(self, limit_s: float) -> None:
        with ended_after(limit_s):
            pass
        with ended_after(limit_s):
            time.sleep(60.0)

    def close(self) -> None:
        """Nothing."""


def test_a_client_that_sleeps_for_ever_is_ended() -> None:
    process: OwnProcess[float, None] = OwnProcess(_Sleeper)
    began = time.monotonic()
    with closing(process), pytest.raises(WorkerDied, match="died"):
        process.ask(0.2, 30.0)
    assert time.monotonic() - began < 20.0


class _Losing(ClientHalf):
    """A client whose traffic manager removes a vehicle, as it does with one that is stuck."""

    def lose(self) -> None:
        """Remove the first vehicle of the traffic."""
        assert self._driven is not None
        assert self._driven._traffic is not None
        self._driven._traffic.vehicles[0].destroy()


def test_a_vehicle_that_the_traffic_manager_removes_is_gone_and_nothing_else() -> None:
    with ServerProcess(["--scene", "carla_eval.carla_scenes:Still"]) as server:
        options = settings_of(server, traffic=2).options
        client: OwnProcess[Any, Any] = OwnProcess(partial(_Losing, options, server.port, False))
        with closing(client):
            route = client.ask(("plan", ("Small", AHEAD)), 60.0)
            before = client.ask(("reset", (route, 1)), 60.0)
            client.ask(("lose", ()), 60.0)
            after = client.ask(("step", (STAND,)), 60.0)
            client.ask(("close", ()), 60.0)
        assert (len(before.background_mps), len(after.background_mps)) == (2, 1)
        assert not [name for name in server.report()["actors"] if name.startswith("vehicle.")]
