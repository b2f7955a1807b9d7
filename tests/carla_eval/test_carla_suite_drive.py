"""The suite `carla`: the expert drives a benchmark of two routes to the end (`test_carla_suite.py`
says where).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")

from auxdrive_eval import DriverSource, drive_all
from auxdrive_eval.simulators.settings import make_simulator
from carla_suite import a_server, settings_for, straight_route


@pytest.mark.carla
def test_the_expert_completes_two_routes(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with a_server() as address:
        settings = settings_for(address)
        with closing(make_simulator(settings, sensors=False)) as simulator:
            whole = straight_route(simulator)
            half = len(whole.points) // 2
            ways = [whole.points[[0, half]].tolist(), whole.points[[half, -1]].tolist()]
            routes = [simulator.plan(whole.town, way, str(n)) for n, way in enumerate(ways)]
        drive_all(routes, DriverSource(None), settings, tmp_path)
    records = json.loads((tmp_path / "results.json").read_text())["_checkpoint"]["records"]
    record_property("records", records)
    assert [record["status"] for record in records] == ["Completed"] * 2
