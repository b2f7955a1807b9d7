"""Routes that can be driven in a simulator: through a file's keypoints, or drawn from seeds."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from auxdrive.errors import SimulatorError, UsageError
from auxdrive.seeds import seeds_of_text

from auxdrive_eval.route import Route, RouteScenario
from auxdrive_eval.routes.loading import load_routes
from auxdrive_eval.routes.scenarios10 import load_scenarios
from auxdrive_eval.routes.sites import with_sites
from auxdrive_eval.routes.spec import RouteSpec
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.capabilities import PlansSpecifications, SetsUpScenarios

_log = logging.getLogger(__name__)

COLLECT_SEEDS = range(1000)
"""Seeds of the routes and towns that data are recorded on by default."""
DRIVE_SEEDS = range(1000, 10_000)
"""Seeds of the routes that models are measured on by default. No recording with default settings
has seen their towns.
"""
MAX_SEED = 9999


def routes_of_file(path: Path, simulator: Simulator) -> tuple[Route, ...]:
    """Read the routes of a file, and plan them on the lanes of the simulator's towns.

    Args:
        path: a route file of any format (`auxdrive_eval.routes.load_routes`).
        simulator: in which they will be driven; it needs no sensors.

    Raises:
        DataError: the file is damaged.
        SimulatorError: the simulator has no such town, or no way connects the keypoints.
    """
    return tuple(_plan(simulator, path, spec) for spec in load_routes(path))


def routes_of_seeds(seeds: Sequence[int], simulator: Simulator) -> tuple[Route, ...]:
    """One route for each seed, in the town and weather that the simulator has for that seed.

    Args:
        seeds: from 0 to 9999; the routes come in their order.
        simulator: in which they will be driven; it needs no sensors.

    Raises:
        SimulatorError: the simulator has no route for a seed.
    """
    return tuple(simulator.random_route(seed) for seed in seeds)


def with_scenario_file(
    routes: Sequence[Route], path: Path, simulator: Simulator
) -> tuple[Route, ...]:
    """Routes with the scenarios that they meet, by a scenario file of leaderboard 1.0.

    Args:
        routes: planned in this simulator.
        path: JSON (`auxdrive_eval.routes.load_scenarios`).
        simulator: in which they will be driven.

    Raises:
        DataError: the file is damaged.
        UsageError: the simulator sets up no scenarios.
    """
    if not isinstance(simulator, SetsUpScenarios):
        raise UsageError(f"{path}: this simulator sets up no scenarios")
    sites = load_scenarios(path)
    met = {site.kind for route in routes for site in sites.get(route.town, ())}
    if unknown := sorted(met - simulator.scenario_names):
        _log.warning("%s: without effect in this simulator: %s", path, ", ".join(unknown))
    return with_sites(routes, sites, simulator.scenario_names)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Parse route seeds as a user writes them: '1000,1005-1009'. The order is kept, duplicates are
    refused.

    Raises:
        UsageError: there are no seeds, or one is not a number from 0 to 9999.
    """
    return seeds_of_text(text, "route seeds", MAX_SEED, "1000,1005-1009")


def _plan(simulator: Simulator, path: Path, spec: RouteSpec) -> Route:
    known = simulator.scenario_names if isinstance(simulator, SetsUpScenarios) else frozenset()
    try:
        whole = isinstance(simulator, PlansSpecifications)
        if without_effect := spec.without_effect(known, weathers=whole):
            _log.warning(
                "%s, route '%s': without effect in this simulator: %s",
                path,
                spec.route_id,
                ", ".join(without_effect),
            )
        route = (
            simulator.plan_specification(spec)
            if isinstance(simulator, PlansSpecifications)
            else simulator.plan(
                spec.town, spec.keypoints, spec.route_id, spec.weather, spec.yaws_rad
            )
        )
        return replace(route, scenarios=_asked(spec, known))
    except SimulatorError as error:
        raise SimulatorError(f"{path}, route '{spec.route_id}': {error}") from error


def _asked(spec: RouteSpec, known: Collection[str]) -> tuple[RouteScenario, ...]:
    return tuple(
        RouteScenario(
            scenario.name,
            scenario.kind,
            (scenario.trigger.x_m, scenario.trigger.y_m),
            scenario.trigger.yaw_rad,
        )
        for scenario in spec.scenarios
        if scenario.kind in known
    )
