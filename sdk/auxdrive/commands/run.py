"""`auxdrive run`: the loop of a vehicle, without a vehicle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

import auxdrive.console as console
from auxdrive.commands.ego_options import check_given, parsed, with_ego_options
from auxdrive.commands.loop_options import ControllerOption, EnvelopeOption
from auxdrive.commands.runtime_options import (
    BundleArgument,
    ChosenRuntimeOption,
    DeviceOption,
    KeyOption,
    PrecisionOption,
    ResizeOption,
    RuntimeOptionsOption,
    parsed_runtime_options,
)
from auxdrive.console import JsonOption
from auxdrive.errors import DataError, UsageError
from auxdrive.precisions import FP32
from auxdrive.runtimes import DEFAULT_RUNTIME
from auxdrive.work import counted

if TYPE_CHECKING:
    from auxdrive.loop.guard import Guard
    from auxdrive.loop.health import LoopHealth, Times
    from auxdrive.predictor import Predictor
    from auxdrive.types import Control


@with_ego_options
def run(
    bundle: BundleArgument,
    camera: Annotated[
        str,
        typer.Option(
            metavar="N|VIDEO|DIR",
            help="The number, device or address of a camera, a video, or a folder of images.",
            show_default=False,
        ),
    ],
    rate: Annotated[
        float,
        typer.Option(
            metavar="HZ", help="Commands per second; of a folder also the rate of its images."
        ),
    ] = 20.0,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="End after this time; otherwise with the camera, Ctrl-C or SIGTERM.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write telemetry to a new .jsonl file, or with the images to an .mcap file.",
            show_default=False,
        ),
    ] = None,
    resize: ResizeOption = False,
    controller: ControllerOption = None,
    envelope: EnvelopeOption = True,
    key: KeyOption = None,
    runtime: ChosenRuntimeOption = DEFAULT_RUNTIME,
    device: DeviceOption = None,
    precision: PrecisionOption = FP32,
    runtime_options: RuntimeOptionsOption = None,
    json_output: JsonOption = False,
    **ego: float | str | None,
) -> None:
    """Run a bundle in a vehicle's loop: camera, prediction, envelope, a command at a fixed rate.

    There is no vehicle: commands are written and counted, and go nowhere. Speed and target point
    are what is given, all the time. Once a second the loop's health is printed as a line of JSON.
    """
    from auxdrive.bundles import ego_of
    from auxdrive.cameras.opening import open_camera
    from auxdrive.loop.driving import DrivingLoop
    from auxdrive.loop.state import VehicleState
    from auxdrive.predictor import Predictor

    given = parsed(ego)
    options = parsed_runtime_options(runtime, runtime_options)
    with Predictor.load(
        bundle, runtime, device, require_signature=key, options=options, precision=precision
    ) as predictor:
        layout = ego_of(predictor.card)
        # a speed may be given to every model, since controllers need one
        check_given(
            layout, {k: v for k, v in given.items() if k != "speed_mps" or k in layout.names}
        )
        state = VehicleState(**{"speed_mps": 0.0, **given})
        size = (predictor.camera.width, predictor.camera.height) if resize else None
        with open_camera(camera, rate, size) as opened:
            loop = DrivingLoop(
                predictor,
                opened,
                actuate=_nowhere,
                state=lambda: state,
                rate_hz=rate,
                envelope=_envelope(predictor, controller, envelope),
                telemetry=out,
            )
            health = loop.run(seconds)
    if json_output:
        console.print_json({"bundle": str(bundle), **health.as_json()})
    else:
        _show(bundle, health)
    if health.telemetry_failure:
        raise DataError(f"the telemetry is not complete: {health.telemetry_failure}")
    if out is not None:
        console.note(f"wrote telemetry to {out}")


def _nowhere(control: Control) -> None:
    """Take a command that goes to no vehicle."""
    del control


def _envelope(predictor: Predictor, controller: str | None, enveloped: bool) -> Guard | None:
    """What gives the commands; None for the default.

    Args:
        predictor: whose predictions are driven by.
        controller: its name; None for the task's.
        enveloped: whether the safety envelope holds it.
    """
    from auxdrive.controllers import make_controller
    from auxdrive.envelope.envelope import SafetyEnvelope
    from auxdrive.loop.guard import Unguarded
    from auxdrive.tasks import TASKS

    name = controller or TASKS[predictor.task].controller
    steering, vehicle = predictor.steering, predictor.vehicle
    if name is None:
        return None
    if not enveloped:
        return Unguarded(make_controller(name, steering, vehicle))
    if vehicle.wheelbase_m is None:
        raise UsageError(
            f"the bundle does not say the wheelbase of the vehicle '{vehicle.name}', which the "
            "safety envelope needs: give --no-envelope"
        )
    return SafetyEnvelope(
        make_controller(name, steering, vehicle), steering, vehicle, predictor.camera
    )


def _show(bundle: Path, health: LoopHealth) -> None:
    rows: list[tuple[object, ...]] = [
        ("ended", health.ended),
        ("ran", f"{health.running_s:.1f} s"),
        ("commands", health.ticks),
        ("missed deadlines", health.missed),
        ("images", health.frames),
        ("of these skipped", health.frames_skipped),
        ("of these refused", health.frames_refused),
        ("predictions", health.predictions),
        ("latency", _times(health.latency_ms)),
        ("age of the image at the command", _times(health.frame_age_ms)),
        ("ticks began late by", _times(health.late_ms)),
        *((f"flag {name}", counted(count, "command")) for name, count in health.flags.items()),
    ]
    if health.records_dropped or health.images_dropped:
        rows.append(("telemetry that was dropped", counted(health.records_dropped, "record")))
        rows.append(("", counted(health.images_dropped, "image")))
    console.table(f"{bundle}", ("", "of the whole drive"), rows, text=("of the whole drive",))
    if health.reason:
        console.note(f"the last command was flagged: {health.reason}")


def _times(times: Times | None) -> str:
    if times is None:
        return ""
    return f"p50 {times.p50:.2f} ms, p99 {times.p99:.2f} ms, worst {times.worst:.2f} ms"
