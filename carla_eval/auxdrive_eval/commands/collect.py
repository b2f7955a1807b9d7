"""`auxdrive collect`: record a data set in a simulator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import auxdrive.console as console
import typer
from auxdrive.commands.completing import modality_names, some_of
from auxdrive.commands.names import names_of
from auxdrive.commands.workers_options import (
    RayOption,
    RayTakesOption,
    WorkersOption,
    chosen_workers,
)
from auxdrive.console import JsonOption
from auxdrive.errors import UsageError

from auxdrive_eval.commands.recording_shown import (
    RecordingProgress,
    print_collected,
    recording_work,
)
from auxdrive_eval.commands.simulator_options import (
    CarlaRootOption,
    ConditionsOption,
    HostOption,
    PortOption,
    ScenariosOption,
    SimOption,
    SimSettingsOption,
    TownOption,
    TrafficOption,
    chosen_conditions,
    chosen_simulator,
)
from auxdrive_eval.commands.student_options import (
    AheadOption,
    ControllerOption,
    DriverOption,
    MixOption,
    RoleOption,
    chosen_student,
    was_typed,
)
from auxdrive_eval.simulators import DEFAULT_SIMULATOR

DEFAULT_EPISODES = 20


def collect(
    context: typer.Context,
    out: Annotated[
        Path,
        typer.Option(
            help="The data set's folder; an unfinished recording in it is continued.",
            show_default=False,
        ),
    ],
    sim: SimOption = DEFAULT_SIMULATOR,
    sim_options: SimSettingsOption = None,
    episodes: Annotated[
        int | None,
        typer.Option(
            min=1, help=f"Number of episodes (default {DEFAULT_EPISODES}).", show_default=False
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(
            min=1, help="Instead of --episodes: the least number of frames.", show_default=False
        ),
    ] = None,
    more: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Number of episodes to add to the recording in --out, with its settings.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of routes, traffic and disturbances.")] = 0,
    workers: WorkersOption = None,
    ray: RayOption = None,
    ray_takes: RayTakesOption = None,
    modalities: Annotated[
        str | None,
        typer.Option(
            help="Modalities to record, separated by commas (default: rgb, depth, segmentation and "
            "lidar, as far as the simulator has them; the embedded one also has infrared).",
            show_default=False,
            autocompletion=some_of(modality_names),
        ),
    ] = None,
    rate_hz: Annotated[
        float,
        typer.Option(
            "--rate-hz",
            help="Frames per second of game time; must divide the simulator's tick rate (20).",
        ),
    ] = 4.0,
    size: Annotated[
        str | None,
        typer.Option(
            metavar="WxH",
            help="Size of the image (default: the simulator's own, 256x144 for 'embedded').",
            show_default=False,
        ),
    ] = None,
    traffic: TrafficOption = None,
    town: TownOption = None,
    host: HostOption = None,
    port: PortOption = None,
    carla_root: CarlaRootOption = None,
    scenarios: ScenariosOption = None,
    route_seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="Seeds of the routes and their towns.")
    ] = "0-999",
    max_episode_s: Annotated[
        float,
        typer.Option(
            "--max-episode-s", help="Longest duration of an episode, in seconds of game time."
        ),
    ] = 60.0,
    perturb: Annotated[
        bool,
        typer.Option(
            help="Disturb the steering at times, so that the data show how to return to the lane."
        ),
    ] = True,
    perturb_speed: Annotated[
        bool,
        typer.Option(
            "--perturb-speed",
            help="Let the car accelerate at times, so that the data show how to slow down behind "
            "somebody whom it follows too closely.",
        ),
    ] = False,
    delay_starts: Annotated[
        float | None,
        typer.Option(
            "--delay-starts",
            metavar="SHARE",
            min=0,
            max=1,
            help="The share of starts that are delayed: the car is held for 1 to 10 s where it "
            "stands, and the label is the expert's, who would go (default: none).",
            show_default=False,
        ),
    ] = None,
    delay_brakes: Annotated[
        float | None,
        typer.Option(
            "--delay-brakes",
            metavar="SHARE",
            min=0,
            max=1,
            help="The share of braking that is delayed: the car rolls on for a moment where the "
            "expert brakes, and the label is the expert's (default: none).",
            show_default=False,
        ),
    ] = None,
    lidar_points: Annotated[
        bool,
        typer.Option(
            "--lidar-points",
            help="Record the points of the LiDAR too; a frame takes about 16 bytes for each.",
        ),
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Put all episodes in this split (default: train, val and test).",
            show_default=False,
        ),
    ] = None,
    split_by: Annotated[
        str,
        typer.Option(
            "--split-by",
            help="What val and test hold out as a whole: 'episode', or 'town' with all that was "
            "recorded in it.",
        ),
    ] = "episode",
    conditions: ConditionsOption = None,
    driver: DriverOption = None,
    mix: MixOption = 0.0,
    ahead: AheadOption = True,
    role: RoleOption = "student",
    controller: ControllerOption = None,
    json_output: JsonOption = False,
) -> None:
    """Record what a camera and the development sensors see while the simulator's expert drives.

    By default routes have seeds below 1000. `auxdrive drive` measures on seeds from 1000 on, so a
    model has not seen those towns.
    """
    from auxdrive.modalities import parse_modality

    from auxdrive_eval.collecting.collect import collect as record
    from auxdrive_eval.collecting.options import sized
    from auxdrive_eval.collecting.settings import collect_settings
    from auxdrive_eval.collecting.store import more_settings
    from auxdrive_eval.routes.plan import parse_seeds

    student = chosen_student(context, driver, mix, ahead, role, controller)
    if more is not None:
        _refuse_beside_more(context)
        settings = more_settings(out, more)
    else:
        if episodes is not None and frames is not None:
            raise UsageError("give --episodes or --frames, not both")
        if episodes is None and frames is None:
            episodes = DEFAULT_EPISODES
        simulator = chosen_simulator(
            sim, sim_options, traffic, host, port, carla_root, town, scenarios=scenarios
        )
        settings = collect_settings(
            simulator=simulator if size is None else sized(simulator, size, "--size"),
            modalities=None
            if modalities is None
            else tuple(map(parse_modality, names_of("--modalities", modalities) or ())),
            rate_hz=rate_hz,
            seed=seed,
            route_seeds=parse_seeds(route_seeds),
            episodes=episodes,
            frames=frames,
            max_episode_s=max_episode_s,
            perturb=perturb,
            perturb_speed=perturb_speed or None,
            delay_starts=delay_starts or None,
            delay_brakes=delay_brakes or None,
            lidar_points=lidar_points,
            split=split,
            split_by=split_by,
            conditions=chosen_conditions(conditions),
        )
    stays = f"finished episodes are in {out}, and the same command goes on"
    with chosen_workers(workers, ray, ray_takes, settings.simulator.spec.takes) as who:
        work = recording_work(settings, who.count)
        with console.progress(work) as shown, console.interruptible(lambda: stays):
            on_episode = RecordingProgress(shown, settings.frames)
            collected = record(settings, out, workers=who, on_episode=on_episode, student=student)
    print_collected(collected, json_output)


def _refuse_beside_more(context: typer.Context) -> None:
    """Refuse other settings beside --more, which records with the settings of the recording."""
    own = ("out", "more", "workers", "ray", "ray_takes", "json_output")
    given = [
        parameter.opts[0]
        for parameter in context.command.params
        if parameter.name not in own and was_typed(context, str(parameter.name))
    ]
    if given:
        raise UsageError(
            f"--more goes on with the recording's own settings; leave {', '.join(given)} out"
        )
