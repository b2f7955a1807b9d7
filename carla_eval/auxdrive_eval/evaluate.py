"""Driving many routes: on several processes, checkpointed after every route, resumable, with results that do not depend on the workers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.cards import CameraSpec
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive.storage import held, refuse_occupied, write_atomic
from pydantic import BaseModel, ConfigDict, ValidationError

from auxdrive_eval.agents import AgentSource
from auxdrive_eval.drivers import AgentDriver, Driver, ExpertDriver
from auxdrive_eval.route_store import StoredRoute, any_route, clean_partial_routes, load_route, save_route
from auxdrive_eval.rules import rule_set
from auxdrive_eval.runner import drive_route
from auxdrive_eval.scoring import results_document
from auxdrive_eval.simulators import SimulatorSettings, make_simulator
from auxdrive_eval.workers import check_workers, run_jobs
from auxdrive_eval.world import Route

RESULTS_NAME = "results.json"
SETTINGS_NAME = "settings.json"


@dataclass(frozen=True, slots=True)
class DriverSource:
    """Who drives; picklable. `agent` None is the simulator's expert; `controller` None chooses by what the agent predicts."""

    agent: AgentSource | None
    controller: str | None = None
    creep_after_s: float | None = None

    def load(self) -> tuple[Driver, CameraSpec | None]:
        """The driver, and the camera that it must see through (None: it does not care)."""
        if self.agent is None:
            return ExpertDriver(), None
        agent = self.agent.load()
        return AgentDriver(agent, self.controller, self.creep_after_s), agent.camera


class EvaluationSettings(BaseModel):
    """What decides the results of an evaluation. A run can be resumed under equal settings alone."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    simulator: SimulatorSettings
    rules: str
    driver: str
    driver_sha256: str
    role: str
    controller: str | None
    creep_after_s: float | None = None
    routes_sha256: str
    route_count: int
    repeats: int
    seed: int


def evaluation_settings(
    routes: Sequence[Route], source: DriverSource, simulator: SimulatorSettings, *, rules: str, repeats: int, seed: int
) -> EvaluationSettings:
    """The settings of an evaluation; the hashes stand for the agent's files and for the routes."""
    rule_set(rules)
    if not routes:
        raise UsageError("there are no routes to drive")
    if repeats < 1:
        raise UsageError(f"the number of repeats must be 1 or more, got {repeats}")
    if seed < 0:
        raise UsageError(f"the seed of traffic and lights must be 0 or more, got {seed}")
    agent = source.agent
    return EvaluationSettings(
        simulator=simulator,
        rules=rules,
        driver="expert" if agent is None else agent.path.name,
        driver_sha256="" if agent is None else agent.fingerprint(),
        role="" if agent is None else agent.role,
        controller=source.controller,
        creep_after_s=source.creep_after_s,
        routes_sha256=_hash_routes(routes),
        route_count=len(routes),
        repeats=repeats,
        seed=seed,
    )


def _hash_routes(routes: Sequence[Route]) -> str:
    digest = hashlib.sha256()
    for route in routes:
        digest.update(f"{route.route_id}\0{route.town}\0{route.weather}\0".encode())
        digest.update(np.ascontiguousarray(route.points).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class _Job:
    index: int
    route: Route
    seed: int


@dataclass(frozen=True, slots=True)
class _MakeWorker:
    source: DriverSource
    simulator: SimulatorSettings
    rules: str
    out: Path

    def __call__(self) -> _RouteWorker:
        return _RouteWorker(self)


class _RouteWorker:
    """Drives routes with one simulator and stores what came of each."""

    def __init__(self, make: _MakeWorker) -> None:
        self._rules, self._out = rule_set(make.rules), make.out
        self._driver, camera = make.source.load()
        self._simulator = make_simulator(make.simulator, camera)

    def __call__(self, job: _Job) -> None:
        sparse_m = float(np.linalg.norm(np.diff(np.array(job.route.keypoints), axis=0), axis=1).sum())
        result = drive_route(
            self._simulator,
            job.route,
            self._driver,
            rules=self._rules,
            seed=job.seed,
            index=job.index,
            keypoint_length_m=sparse_m,
        )
        save_route(self._out, result)

    def close(self) -> None:
        self._driver.close()
        self._simulator.close()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A finished evaluation: the results document, and every driven route with where it led (routes repeat as often as repeats say)."""

    document: dict[str, Any]
    settings: EvaluationSettings
    driven: tuple[StoredRoute, ...]
    routes: tuple[Route, ...]


def drive_all(
    routes: Sequence[Route],
    source: DriverSource,
    simulator: SimulatorSettings,
    out: Path,
    *,
    rules: str = "1.0",
    seed: int = 0,
    repeats: int = 1,
    workers: int = 1,
    resume: bool = False,
    on_route: Callable[[StoredRoute], None] = lambda _: None,
) -> Evaluation:
    """Drive every route `repeats` times and write `results.json` after each.

    The repeats of a route follow each other, as in the leaderboard; each has traffic of its own. Everything but the wall time
    (`duration_system`) depends on the arguments alone, not on `workers` or on interruptions.

    Raises:
        UsageError: nothing to drive, `out` holds an evaluation and `resume` is off, or holds one under other settings.
        AuxdriveError: what loading the agent or the simulator raises.
    """
    check_workers(workers)
    settings = evaluation_settings(routes, source, simulator, rules=rules, repeats=repeats, seed=seed)
    sensors = _check_driver(source)
    _claim(out, settings, resume)
    with held(out):
        write_atomic(out / SETTINGS_NAME, settings.model_dump_json(indent=2).encode() + b"\n")
        try:
            return _drive_what_is_left(routes, source, settings, out, sensors, workers, on_route)
        finally:
            clean_partial_routes(out)  # also what a worker of a killed run left that was still ending when this one began


def _drive_what_is_left(
    routes: Sequence[Route],
    source: DriverSource,
    settings: EvaluationSettings,
    out: Path,
    sensors: list[str],
    workers: int,
    on_route: Callable[[StoredRoute], None],
) -> Evaluation:
    seed, repeats = settings.seed, settings.repeats
    jobs = [_Job(n * repeats + repeat, route, traffic_seed(seed, n, repeat)) for n, route in enumerate(routes) for repeat in range(repeats)]
    done = {job.index: stored for job in jobs if (stored := load_route(out, job.index)) is not None}
    for index in sorted(done):
        on_route(done[index])
    document = _checkpoint(out, settings, done, len(jobs), sensors)
    # The longest first: otherwise one process drives a long route at the end while the others have nothing to do.
    left = sorted((job for job in jobs if job.index not in done), key=lambda job: -job.route.length_m if workers > 1 else 0.0)
    for job, _ in run_jobs(_MakeWorker(source, settings.simulator, settings.rules, out), left, workers):
        stored = load_route(out, job.index)
        assert stored is not None
        done[job.index] = stored
        document = _checkpoint(out, settings, done, len(jobs), sensors)
        on_route(stored)
    return Evaluation(document, settings, tuple(done[job.index] for job in jobs), tuple(job.route for job in jobs))


def traffic_seed(seed: int, route_number: int, repeat: int) -> int:
    """Seed of the traffic and lights of one repeat of one route."""
    return int(np.random.SeedSequence([seed, route_number, repeat]).generate_state(1)[0])


_SENSOR_ICONS = {Modality.LIDAR: "carla_lidar"}


def _check_driver(source: DriverSource) -> list[str]:
    """Load the agent once before anything starts, so that its faults come out here; the leaderboard's names of its sensors."""
    if source.agent is None:
        return []
    agent = source.agent.load()
    try:
        AgentDriver(agent, source.controller)
        icons = {_SENSOR_ICONS.get(modality, "carla_camera") for modality in (Modality.RGB, *agent.auxiliaries)}
        return sorted(icons | {"carla_speedometer"})  # every controller reads the speed
    finally:
        agent.close()


def _claim(out: Path, settings: EvaluationSettings, resume: bool) -> None:
    """Make the folder, or see that it may be gone on with. Where no route was finished there is nothing to lose, and it is taken over."""
    path = out / SETTINGS_NAME
    if path.exists() and any_route(out):
        if not resume:
            raise UsageError(f"{out}: holds an evaluation already; go on with --resume, or choose another --out")
        _refuse_other_settings(path, settings)
    elif not path.exists():
        refuse_occupied(out)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out}: cannot be made: {error.strerror or error}") from error


def _refuse_other_settings(path: Path, settings: EvaluationSettings) -> None:
    try:
        earlier = EvaluationSettings.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(f"{path}: is damaged ({error}); choose another --out") from error
    changed = [
        f"{name} was {getattr(earlier, name)} and is {getattr(settings, name)}"
        for name in EvaluationSettings.model_fields
        if getattr(earlier, name) != getattr(settings, name)
    ]
    if changed:
        raise UsageError(f"{path.parent}: cannot be resumed, it was driven under other settings: {'; '.join(changed)}")


def _checkpoint(out: Path, settings: EvaluationSettings, done: dict[int, StoredRoute], total: int, sensors: list[str]) -> dict[str, Any]:
    records = [done[index].record for index in sorted(done)]
    document = results_document(records, total, sensors, finished=len(done) == total)
    document["auxdrive"] = {
        "note": f"Scores of the simulator '{settings.simulator.kind}'. They are not CARLA scores.",
        "settings": settings.model_dump(mode="json"),
        "withheld_predictions": sum(stored.withheld for stored in done.values()),
    }
    write_atomic(out / RESULTS_NAME, (json.dumps(document, indent=4, sort_keys=True) + "\n").encode())
    return document
