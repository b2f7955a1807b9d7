"""`auxdrive drive`: measure a student, a teacher or the expert in closed loop."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import auxdrive.console as console
import typer
from auxdrive.commands.completing import one_of
from auxdrive.commands.runtime_options import (
    KeyOption,
    PrecisionOption,
    RuntimeOptionsOption,
    parsed_runtime_options,
)
from auxdrive.commands.workers_options import (
    RayOption,
    RayTakesOption,
    WorkersOption,
    chosen_workers,
)
from auxdrive.console import JsonOption
from auxdrive.controllers import CONTROLLERS
from auxdrive.envelope.kinds import FallbackKind
from auxdrive.errors import UsageError
from auxdrive.precisions import FP32
from auxdrive.runtimes import DEFAULT_RUNTIME
from auxdrive.work import Shown, Work

from auxdrive_eval.commands.driver_source import driver_source
from auxdrive_eval.commands.keeping_options import (
    RecordModalitiesOption,
    RecordOption,
    RecordPointsOption,
    RecordRateOption,
    RerunOption,
    VideoOption,
    keep_options,
)
from auxdrive_eval.commands.planned_routes import planned_routes
from auxdrive_eval.commands.simulator_options import (
    CarlaRootOption,
    ConditionsOption,
    HostOption,
    PortOption,
    ScenarioFileOption,
    ScenariosOption,
    SimOption,
    SimSettingsOption,
    TownOption,
    TrafficOption,
    chosen_conditions,
    chosen_simulator,
)
from auxdrive_eval.driving.expert_name import EXPERT
from auxdrive_eval.scoring import DEFAULT_RULES, RULE_SETS
from auxdrive_eval.simulators import DEFAULT_SIMULATOR

if TYPE_CHECKING:
    from auxdrive_eval.driving.stored.route import StoredRoute


def drive(
    driver: Annotated[
        str,
        typer.Argument(
            metavar="BUNDLE|RUN|expert",
            help="A bundle, a run (of rounds of DAgger the chosen one), or 'expert' for the "
            "simulator's own driver.",
            show_default=False,
        ),
    ],
    routes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.xml",
            help="A file of routes, as of leaderboard 1.0 or 2.x, or Bench2Drive.",
            show_default=False,
        ),
    ] = None,
    route_seeds: Annotated[
        str | None,
        typer.Option(
            metavar="SEEDS",
            help="Routes from these seeds, such as 1000,1005-1009.",
            show_default=False,
        ),
    ] = None,
    count: Annotated[
        int,
        typer.Option(
            help="Without --routes and --route-seeds: number of routes, from seed 1000 on."
        ),
    ] = 5,
    seed: Annotated[int, typer.Option(min=0, help="Seed of traffic and lights.")] = 0,
    sim: SimOption = DEFAULT_SIMULATOR,
    sim_options: SimSettingsOption = None,
    rules: Annotated[
        str,
        typer.Option(
            help=f"Rule set: {', '.join(RULE_SETS)} (CARLA's leaderboards).",
            autocompletion=one_of(RULE_SETS),
        ),
    ] = DEFAULT_RULES,
    repeats: Annotated[
        int, typer.Option(min=1, help="How often each route is driven, each time in other traffic.")
    ] = 1,
    workers: WorkersOption = None,
    ray: RayOption = None,
    ray_takes: RayTakesOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for results.json and report.html (default: drives/NAME).",
            show_default=False,
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue an interrupted evaluation.")
    ] = False,
    retry_crashed: Annotated[
        bool,
        typer.Option(
            "--retry-crashed",
            help="With --resume: drive routes again if the agent itself failed on them.",
        ),
    ] = False,
    role: Annotated[
        str,
        typer.Option(
            help=(
                "Which network of a run: student, teacher, ensemble, or another role that its "
                "method has."
            )
        ),
    ] = "student",
    controller: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(CONTROLLERS)} (default: that of the model's task).",
            show_default=False,
            autocompletion=one_of(CONTROLLERS),
        ),
    ] = None,
    creep_after_s: Annotated[
        float | None,
        typer.Option(
            "--creep-after-s",
            help="After standing for so many seconds, drive on blindly for 1.5 s; simulation only.",
            show_default=False,
        ),
    ] = None,
    envelope: Annotated[
        str | None,
        typer.Option(
            help="Drive in a safety envelope with this fallback: stop (it stays), slow_straight or "
            "hold (default: without one).",
            show_default=False,
            autocompletion=one_of(get_args(FallbackKind)),
        ),
    ] = None,
    setup_timeout_s: Annotated[
        float,
        typer.Option(
            "--setup-timeout-s",
            help="Longest time, in seconds, to load the agent or to reset it for a route.",
        ),
    ] = 300.0,
    tick_timeout_s: Annotated[
        float,
        typer.Option("--tick-timeout-s", help="Longest time, in seconds, for one prediction."),
    ] = 60.0,
    traffic: TrafficOption = None,
    town: TownOption = None,
    host: HostOption = None,
    port: PortOption = None,
    carla_root: CarlaRootOption = None,
    scenarios: ScenariosOption = None,
    scenario_file: ScenarioFileOption = None,
    conditions: ConditionsOption = None,
    precision: PrecisionOption = FP32,
    key: KeyOption = None,
    runtime_options: RuntimeOptionsOption = None,
    record: RecordOption = None,
    record_rate_hz: RecordRateOption = None,
    record_modalities: RecordModalitiesOption = None,
    record_lidar_points: RecordPointsOption = False,
    video: VideoOption = False,
    rerun: RerunOption = False,
    json_output: JsonOption = False,
) -> None:
    """Drive routes in closed loop and score them. Scores of the embedded simulator are not CARLA
    scores.

    By default routes have seeds from 1000 on. `auxdrive collect` records on seeds below 1000, so
    the model has not seen these towns.
    """
    from auxdrive_eval.commands.drive_results import (
        tell,  # with Jinja2: not only once all is driven
    )
    from auxdrive_eval.conditions import in_each
    from auxdrive_eval.driving.agents.limits import AgentLimits
    from auxdrive_eval.driving.evaluate import drive_all

    if retry_crashed and not resume:
        raise UsageError("--retry-crashed goes on with an evaluation: give --resume as well")
    source = driver_source(
        driver,
        role,
        controller,
        creep_after_s,
        envelope,
        AgentLimits(setup_timeout_s, tick_timeout_s),
        parsed_runtime_options(DEFAULT_RUNTIME, runtime_options),
        precision,
        key,
    )
    keep = keep_options(
        record, record_rate_hz, record_modalities, video, rerun, record_lidar_points
    )
    simulator = chosen_simulator(
        sim, sim_options, traffic, host, port, carla_root, town, scenarios=scenarios
    )
    planned = in_each(
        planned_routes(routes, route_seeds, count, simulator, scenario_file),
        chosen_conditions(conditions),
    )
    folder = (
        out
        if out is not None
        else Path("drives") / (EXPERT if source.agent is None else Path(driver).resolve().name)
    )
    stays = f"finished routes are in {folder}, and the same command with --resume goes on"
    with chosen_workers(workers, ray, ray_takes, simulator.spec.takes) as who:
        work = Work(f"driving ({sim})", "route", len(planned) * repeats, at_once=who.count)
        with console.progress(work) as shown, console.interruptible(lambda: stays):
            evaluation = drive_all(
                planned,
                source,
                simulator,
                folder,
                rules=rules,
                seed=seed,
                repeats=repeats,
                workers=who,
                resume=resume,
                retry_crashed=retry_crashed,
                keep=keep,
                on_route=lambda stored, earlier: _show_route(shown, stored, earlier),
            )
    tell(folder, evaluation, json_output)
    if record is not None:
        console.note(f"recorded: {record} (`auxdrive inspect {record}` shows it)")


def _show_route(shown: Shown, stored: StoredRoute, earlier: bool) -> None:
    """Show that a route is finished, with its score and why its agent failed; of one that was
    finished `earlier` only that it is there.
    """
    if earlier:
        shown.found(1)
        return
    record = stored.record
    score = f"score {record.scores.score_composed:.1f}"
    shown.done(1, record.route_id, score, record.status)
    if stored.error:
        console.note(f"#{record.index} {record.route_id}: {record.status}: {stored.reason}")
