"""Driving many routes on one process or several. Every finished route is stored, so that an
evaluation can be resumed, and the results do not depend on the number of processes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from auxdrive.errors import UsageError
from auxdrive.machine.jobs import Workers
from auxdrive.machine.workers import workers_of
from auxdrive.modalities import Modality
from auxdrive.storage.claims import claim, refuse_differences

from auxdrive_eval.driving.agents.messages import AgentDescription
from auxdrive_eval.driving.agents.remote import AgentFailed, RemoteAgent
from auxdrive_eval.driving.drive_loop import DriveLoop
from auxdrive_eval.driving.following import check_controller
from auxdrive_eval.driving.make_driver import MakeDriver
from auxdrive_eval.driving.onlookers.keeping import KEEP_NOTHING, KeepOptions, kept
from auxdrive_eval.driving.route_worker import MakeRouteWorker
from auxdrive_eval.driving.settings import DriverSource, EvaluationSettings, evaluation_settings
from auxdrive_eval.driving.stored.driver_identity import DriverIdentity, identify
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.folder import EVALUATION, Begun, write_folder
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import clean_partial_routes
from auxdrive_eval.route import Route
from auxdrive_eval.scoring import DEFAULT_RULES
from auxdrive_eval.simulators.settings import SimulatorSettings, require_simulator

_log = logging.getLogger(__name__)


def drive_all(
    routes: Sequence[Route],
    source: DriverSource,
    simulator: SimulatorSettings,
    out: Path,
    *,
    rules: str = DEFAULT_RULES,
    seed: int = 0,
    repeats: int = 1,
    workers: int | Workers = 1,
    resume: bool = False,
    retry_crashed: bool = False,
    keep: KeepOptions = KEEP_NOTHING,
    on_route: Callable[[StoredRoute, bool], None] = lambda *_: None,
) -> Evaluation:
    """Drive every route `repeats` times, and write `results.json` after each drive.

    The repeats of a route follow each other, as in the leaderboard; each has its own traffic.
    Everything except the wall time (`duration_system`) depends only on the arguments, not on
    `workers`, interruptions or the other routes. An agent that fails ends its route, not the
    evaluation.

    Args:
        routes: planned in this simulator; the results keep their order.
        source: who drives.
        simulator: what the routes are driven in; an agent's own camera takes the place of its
            camera.
        out: the evaluation's folder; it need not exist.
        rules: name of a rule set, which says what is penalised and how.
        seed: of traffic and lights, 0 or more.
        repeats: how often each route is driven, 1 or more.
        workers: number of processes on this machine, or `RayWorkers`; the results do not depend on
            it.
        resume: whether to continue the evaluation that `out` holds; where there is none, it begins.
        retry_crashed: whether to drive routes again if the agent crashed on them or could not be
            set up, or the simulation crashed.
        keep: what is kept beside the results, which do not change by it.
        on_route: called with each finished route, and with whether it was finished before this
            call.

    Raises:
        InputError: something among the routes is no planned `Route`.
        UsageError: there is nothing to drive; `out` holds an evaluation and `resume` is False; or
            it holds one with other settings.
        AuxdriveError: the agent or the simulator cannot be loaded, so nothing is driven.

    Examples:
        >>> from pathlib import Path
        >>> from auxdrive_eval import DriverSource, SimulatorSettings, drive_all, make_simulator
        >>> settings = SimulatorSettings(options={"traffic": 0})
        >>> simulator = make_simulator(settings, sensors=False)
        >>> whole = simulator.random_route(1000)
        >>> route = simulator.plan(whole.town, [tuple(whole.points[0]), tuple(whole.points[40])])
        >>> evaluation = drive_all([route], DriverSource(None), settings, Path("drives/expert"))
        >>> evaluation.driven[0].record.status
        'Completed'
    """
    who = workers_of(workers)
    require_simulator(simulator)
    settings = evaluation_settings(
        routes, source, simulator, rules=rules, repeats=repeats, seed=seed
    )
    if source.agent is not None:
        source.agent.check()
    # the agent's files and fingerprint are known only after it has been loaded
    with claim(out, None, EVALUATION, None if resume else False) as earlier:
        agent = None if source.agent is None else RemoteAgent(source.agent, source.limits)
        try:
            described = None if agent is None else _described(agent, source.controller)
            settings, driver = _begin(routes, source, settings, out, described, earlier)
            if keep.record is not None and agent is not None and described is None:
                raise UsageError(
                    "--record: the agent cannot be set up, so its camera is not known; drive "
                    "without --record to see why"
                )
            seen, ids = _as_seen(settings, source, described), [each.route_id for each in routes]
            with kept(keep, seen, ids) as keeping:
                theirs = keeping.elsewhere() if who.elsewhere else keeping
                seat = MakeDriver(source, described).with_agent(agent, who, driver.files)
                make = MakeRouteWorker(seat, settings.simulator, settings.rules, theirs)
                drive = DriveLoop(make, keeping, out, settings, driver, routes)
                return drive.run(who, retry_crashed, on_route)
        finally:
            if agent is not None:
                agent.close()
            # also what a worker of a killed run wrote after this run had begun
            clean_partial_routes(out)


def _as_seen(
    settings: EvaluationSettings, source: DriverSource, described: AgentDescription | None
) -> EvaluationSettings:
    """The settings with the camera through which the driver sees."""
    if source.agent is None or described is None:
        return settings
    return settings.model_copy(
        update={"simulator": settings.simulator.with_camera(described.camera)}
    )


def _begin(
    routes: Sequence[Route],
    source: DriverSource,
    settings: EvaluationSettings,
    out: Path,
    described: AgentDescription | None,
    earlier: Begun | None,
) -> Begun:
    """Find out what the driver consists of, refuse to continue another evaluation than this one,
    and write the files beside the routes. Returns the settings, now with the driver's hash.
    """
    driver = identify(
        source.agent,
        described.fingerprint if described else None,
        _sensors(described),
        out,
        DriverIdentity() if earlier is None else earlier[1],
    ).model_copy(update={"camera": described.camera if described else None})
    settings = settings.model_copy(update={"driver_sha256": driver.sha256})
    if earlier is not None:
        refuse_differences(out, EVALUATION.differences(earlier, (settings, driver)))
    write_folder(out, settings, driver, routes)
    return settings, driver


_SENSOR_ICONS = {Modality.LIDAR: "carla_lidar"}


def _sensors(described: AgentDescription | None) -> list[str]:
    """The leaderboard's names of an agent's sensors. Empty for the expert, and for an agent that
    could not be set up.
    """
    if described is None:
        return []
    icons = {
        _SENSOR_ICONS.get(modality, "carla_camera")
        for modality in (Modality.RGB, *described.auxiliaries)
    }
    return sorted(icons | {"carla_speedometer"})  # every controller uses the speed


def _described(agent: RemoteAgent, controller: str | None) -> AgentDescription | None:
    """Load the agent before anything is driven. Returns None, and prints why, if it cannot be set
    up.

    Raises:
        AuxdriveError: the agent's loader refuses it with such an error, or it does not fit the
            controller.
    """
    try:
        described = agent.description
    except AgentFailed as failed:
        if failed.own is not None:
            raise failed.own from failed
        _log.warning(
            "%s: %s: %s. Every route will try again",
            agent.source.path,
            failed.failure,
            failed.reason,
        )
        return None
    check_controller(described, controller)
    return described
