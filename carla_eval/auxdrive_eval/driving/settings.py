"""The settings that decide the results of an evaluation. An evaluation with other settings can be
neither resumed nor joined with this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from auxdrive import __version__
from auxdrive.checks.numbers import shown
from auxdrive.envelope.kinds import FallbackKind
from auxdrive.errors import DataError, InputError, UsageError
from auxdrive.mistakes import mistakes_of
from auxdrive.precisions import FP32
from auxdrive.storage.claims import changed
from auxdrive.storage.reading import read_bytes
from auxdrive.strict import MAX_JSON_BYTES, Strict
from pydantic import ValidationError

from auxdrive_eval.conditions import plain_id
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.agents.limits import AgentLimits
from auxdrive_eval.driving.expert_name import EXPERT
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import RULE_SETS
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator

SETTINGS_NAME = "settings.json"


@dataclass(frozen=True, slots=True)
class DriverSource:
    """Who drives. It can be sent to another process.

    Attributes:
        agent: None is the simulator's expert.
        controller: None takes the controller of the model's task.
        creep_after_s: see `auxdrive.controllers.creep`.
        envelope: the fallback of a safety envelope around the controller (`EnvelopeFallback.kind`);
            None drives without one.
        limits: how long the agent may take. They matter only for an agent that hangs, so they may
            be different when an evaluation is resumed.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_eval import DriverSource
        >>> from auxdrive_eval.driving.agents import AgentSource
        >>> bundle = DriverSource(AgentSource(Path("bundle")), creep_after_s=10.0)
        >>> expert = DriverSource(None)
    """

    agent: AgentSource | None
    controller: str | None = None
    creep_after_s: float | None = None
    envelope: FallbackKind | None = None
    limits: AgentLimits = field(default_factory=AgentLimits)


class EvaluationSettings(Strict):
    """The settings that decide the results of an evaluation.

    Attributes:
        auxdrive: version of auxdrive.
        simulator_version: version of the worlds (see `auxdrive_eval.simulators.base.Simulator`).
        driver: name of the agent's folder, or "expert".
        driver_sha256: hash of everything that the agent consists of; empty for the expert, which is
            part of the simulator.
        precision: of the graph, where the agent is a bundle.

    Examples:
        >>> from auxdrive_eval import DriverSource, SimulatorSettings, make_simulator
        >>> from auxdrive_eval.driving.settings import evaluation_settings
        >>> simulator = SimulatorSettings()
        >>> routes = [make_simulator(simulator, sensors=False).random_route(1000)]
        >>> settings = evaluation_settings(
        ...     routes, DriverSource(None), simulator, rules="1.0", repeats=3, seed=0
        ... )
        >>> settings.driver, settings.route_count, settings.repeats
        ('expert', 1, 3)
    """

    auxdrive: str
    simulator: SimulatorSettings
    simulator_version: str
    rules: str
    driver: str
    driver_sha256: str
    role: str
    controller: str | None
    creep_after_s: float | None = None
    envelope: FallbackKind | None = None
    precision: str = FP32
    routes_sha256: str
    route_count: int
    repeats: int
    seed: int


def evaluation_settings(
    routes: Sequence[Route],
    source: DriverSource,
    simulator: SimulatorSettings,
    *,
    rules: str,
    repeats: int,
    seed: int,
) -> EvaluationSettings:
    """The settings of an evaluation, before its driver has been identified (`driver_sha256` is
    empty).

    Args:
        routes: what is driven, in this order.
        source: who drives.
        simulator: what the routes are driven in. It is made once, without sensors, for its version.
        rules: name of a rule set.
        repeats: how often each route is driven, 1 or more.
        seed: of traffic and lights, 0 or more.

    Raises:
        InputError: something among the routes is no planned `Route`.
        UsageError: nothing can be driven with these settings.
        SimulatorError: the simulator cannot be started.
    """
    RULE_SETS[rules]  # refuse a wrong name before anything starts
    if not routes:
        raise UsageError("there are no routes to drive")
    for route in routes:
        if not isinstance(route, Route):
            raise InputError(
                f"planned routes are driven (Route), got {shown(route)}: a simulator's `plan`, or "
                "`RoutePlanner.plan(spec).route(spec)`, gives one"
            )
    if repeats < 1:
        raise UsageError(f"the number of repeats must be 1 or more, got {repeats}")
    if seed < 0:
        raise UsageError(f"the seed of traffic and lights must be 0 or more, got {seed}")
    agent = source.agent
    with closing(make_simulator(simulator, sensors=False)) as made:
        version = made.version
    return EvaluationSettings(
        auxdrive=__version__,
        simulator=simulator,
        simulator_version=version,
        rules=rules,
        driver=EXPERT if agent is None else agent.path.resolve().name,
        driver_sha256="",
        role="" if agent is None else agent.role,
        controller=source.controller,
        creep_after_s=source.creep_after_s,
        envelope=source.envelope,
        precision=FP32 if agent is None else agent.precision,
        routes_sha256=hash_routes(routes),
        route_count=len(routes),
        repeats=repeats,
        seed=seed,
    )


def hash_routes(routes: Iterable[Route]) -> str:
    """SHA-256 of the routes: ids, towns, weathers, scenarios and dense points, in order."""
    digest = hashlib.sha256()
    for route in routes:
        digest.update(f"{route.route_id}\0{route.town}\0{route.weather}\0".encode())
        for scenario in route.scenarios:
            digest.update(f"{scenario}\0".encode())
        for entry in route.weathers:
            digest.update(f"{entry}\0".encode())
        digest.update(np.ascontiguousarray(route.points).tobytes())
    return digest.hexdigest()


def traffic_seed(seed: int, route: Route, repeat: int) -> int:
    """The seed of traffic and lights for one repeat of a route. It depends on the route itself, not
    on its place in a list, and is the same in all conditions.

    Args:
        seed: of the whole evaluation, 0 or more.
        route: whose town and id count.
        repeat: which of its repeats, from 0.

    Returns:
        A number from 0 to 2^32 - 1.
    """
    name = hashlib.sha256(f"{route.town}\0{plain_id(route.route_id)}".encode()).digest()
    words = [int.from_bytes(name[start : start + 4], "big") for start in range(0, 16, 4)]
    return int(np.random.SeedSequence([seed, *words, repeat]).generate_state(1)[0])


def read_settings(folder: Path) -> EvaluationSettings:
    """Read the settings in an evaluation's folder.

    Raises:
        DataError: there are none, or they are damaged or of another version of auxdrive.
    """
    path = folder / SETTINGS_NAME
    data = read_bytes(path, MAX_JSON_BYTES)
    try:
        return EvaluationSettings.model_validate_json(data)
    except ValidationError as error:
        first = mistakes_of(error, EvaluationSettings)[0]
        raise DataError(
            f"{path}: is damaged, or of another version of auxdrive ({first}); choose another --out"
        ) from error


def differences(
    before: EvaluationSettings, now: EvaluationSettings, but: Iterable[str] = ()
) -> list[str]:
    """Every setting that differs, with both values.

    Args:
        before: of the evaluation that was begun.
        now: of the one that is to continue it, or to be joined with it.
        but: names of settings that are not compared.

    Returns:
        A clause for each setting, for messages.
    """
    return [
        changed(name, getattr(before, name), getattr(now, name))
        for name in EvaluationSettings.model_fields
        if name not in but and getattr(before, name) != getattr(now, name)
    ]
