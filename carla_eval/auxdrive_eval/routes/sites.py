"""Which scenarios of a scenario file of leaderboard 1.0 a route meets."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np

from auxdrive_eval.random_streams import stream
from auxdrive_eval.route import Route, RouteScenario
from auxdrive_eval.routes.scenarios10 import ScenarioSite

NEAR_M, NEAR_RAD = 2.0, math.radians(10.0)
"""A route meets a site that is nearer than this to one of its points, and looks its way
(leaderboard 1.0: TRIGGER_THRESHOLD and TRIGGER_ANGLE_THRESHOLD).
"""


def with_sites(
    routes: Sequence[Route],
    sites: Mapping[str, Sequence[ScenarioSite]],
    kinds: Collection[str],
) -> tuple[Route, ...]:
    """The routes with the scenarios that they meet, besides those that they have. Of several at
    one place one is drawn, as in the leaderboard; the route's id and town decide which.

    Args:
        routes: as planned.
        sites: of each town (`load_scenarios`).
        kinds: the scenarios that the simulator sets up; others are left out.
    """
    return tuple(
        replace(route, scenarios=(*route.scenarios, *_met(route, sites.get(route.town, ()), kinds)))
        for route in routes
    )


def _met(
    route: Route, sites: Sequence[ScenarioSite], kinds: Collection[str]
) -> list[RouteScenario]:
    places: list[tuple[int, list[ScenarioSite]]] = []
    for site in sites:
        if site.kind not in kinds or (point := _point(route, site)) is None:
            continue
        for at, here in places:
            if math.dist(route.points[at], (site.trigger.x_m, site.trigger.y_m)) < NEAR_M:
                here.append(site)
                break
        else:
            places.append((point, [site]))
    rng = stream(0, "sites", route.town, route.route_id)
    found: list[RouteScenario] = []
    for _, here in sorted(places, key=lambda place: place[0]):
        site = here[int(rng.integers(len(here)))]
        trigger = (site.trigger.x_m, site.trigger.y_m)
        name = f"{site.kind}_{len(found) + 1}"
        found.append(RouteScenario(name, site.kind, trigger, site.trigger.yaw_rad))
    return found


def _point(route: Route, site: ScenarioSite) -> int | None:
    """The index of the route's point at which it meets a site; None if it does not."""
    away = np.hypot(*(route.points - (site.trigger.x_m, site.trigger.y_m)).T)
    turned = np.abs(
        np.remainder(route.yaw_rad - site.trigger.yaw_rad + math.pi, math.tau) - math.pi
    )
    near = np.flatnonzero((away < NEAR_M) & (turned < NEAR_RAD))
    return int(near[0]) if len(near) else None
