"""Routes that are driven by a strange agent (`strange_agents`), in a process of its own."""

from __future__ import annotations

from pathlib import Path

from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.limits import AgentLimits
from auxdrive_eval.driving.agents.remote import RemoteAgent
from auxdrive_eval.driving.drivers import AgentDriver
from auxdrive_eval.driving.runner import RouteResult, drive_route
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from strange_agents import agent_folder

LIMITS = AgentLimits(setup_s=60.0, tick_s=1.5)
RULES = RULE_SETS["1.0"]


def drive_routes(
    kind: str,
    simulator: EmbeddedSimulator,
    routes: tuple[Route, ...],
    folder: Path,
) -> list[RouteResult]:
    """Drive the routes, one after the other, with an agent of that kind, whose own folder is made
    in `folder`.
    """
    driver = AgentDriver(RemoteAgent(AgentSource(agent_folder(folder, kind)), LIMITS), None)
    try:
        return [
            drive_route(simulator, route, driver, rules=RULES, seed=1, index=n)
            for n, route in enumerate(routes)
        ]
    finally:
        driver.close()
