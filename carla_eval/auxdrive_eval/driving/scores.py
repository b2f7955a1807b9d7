"""The driving score of a bundle, route by route, for who must know it without importing this
package: the entry point `auxdrive.driving_scores`.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.routes.plan import DRIVE_SEEDS, routes_of_seeds
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator


def route_scores(bundle: Path, precision: str, routes: int, work: Path) -> list[float]:
    """Drive the embedded simulator's first routes for driving, which no recording has seen.

    Args:
        bundle: its directory.
        precision: of its graph.
        routes: how many are driven.
        work: a folder that does not exist yet, for the results.

    Returns:
        The driving score of each route, 0 to 100.
    """
    settings = SimulatorSettings()
    with closing(make_simulator(settings, sensors=False)) as simulator:
        planned = routes_of_seeds(DRIVE_SEEDS[:routes], simulator)
    source = DriverSource(AgentSource(bundle, precision=precision))
    driven = drive_all(planned, source, settings, work).driven
    return [stored.record.scores.score_composed for stored in driven]
