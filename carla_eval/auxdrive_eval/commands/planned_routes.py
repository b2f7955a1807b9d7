"""The routes that a command is given: a file of them, or seeds."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from auxdrive.errors import UsageError

if TYPE_CHECKING:
    from auxdrive_eval.route import Route
    from auxdrive_eval.simulators.settings import SimulatorSettings


def planned_routes(
    file: Path | None,
    seeds: str | None,
    count: int,
    settings: SimulatorSettings,
    scenario_file: Path | None = None,
) -> tuple[Route, ...]:
    """The routes of a file, of the given seeds, or of the first `count` seeds for driving, planned
    in this simulator.

    Args:
        file: a route file of any format (`load_routes`); None if there is none.
        seeds: as a user writes them, such as "1000,1005-1009"; None if there are none.
        count: how many of the seeds for driving, 1 or more, if there are neither file nor seeds.
        settings: of the simulator.
        scenario_file: where in each town which scenario may be set up (leaderboard 1.0); None if
            there is none.

    Raises:
        UsageError: both a file and seeds are given, seeds cannot be read, or `count` is not
            possible.
        DataError: the file is damaged.
        SimulatorError: the simulator has no such town or seed, or no way connects the keypoints.
    """
    from auxdrive_eval.routes.plan import (
        DRIVE_SEEDS,
        parse_seeds,
        routes_of_file,
        routes_of_seeds,
        with_scenario_file,
    )
    from auxdrive_eval.simulators.settings import make_simulator

    if file is not None and seeds is not None:
        raise UsageError("give --routes or --route-seeds, not both")
    if not 1 <= count <= len(DRIVE_SEEDS):
        raise UsageError(f"--count is the number of routes, 1 to {len(DRIVE_SEEDS)}, got {count}")
    chosen = DRIVE_SEEDS[:count] if seeds is None else parse_seeds(seeds)
    with closing(make_simulator(settings, sensors=False)) as simulator:
        if file is not None:
            routes = routes_of_file(file, simulator)
        else:
            routes = routes_of_seeds(chosen, simulator)
        if scenario_file is None:
            return routes
        return with_scenario_file(routes, scenario_file, simulator)
