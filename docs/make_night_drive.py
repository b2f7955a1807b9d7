"""Draw docs/images/night_drive.webp: some seconds of a drive as a short animation for the README's
top, with the student's plan drawn in, and speed and controls below it.

auxdrive drive bundles/samd --conditions night --sim-option expert=sighted --out drives/night
python docs/make_night_drive.py drives/night [--route 0] [--begin 10] [--seconds 12]
    [--out docs/images/night_drive.webp] [--most-kb 2000]

The kept controls drive the route again, through a camera at the same place with --scale times as
many pixels a side as the student has, so that people see more than it did; the plans are those that
were kept. The file is an animated WebP or GIF by its name, as fine as its size allows. Without
--route it is the drive with the highest score, without --begin the stretch on which it drove
farthest.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from auxdrive.errors import DataError, UsageError
from auxdrive.inspection.dashboard import with_controls
from auxdrive.inspection.overlay import PREDICTED, Shown, overlay
from auxdrive.inspection.palette import INK
from auxdrive.modalities import Modality
from auxdrive.storage.publish import write_atomic
from auxdrive.types import Control, UInt8
from auxdrive_eval.diagnosis.repeats.hands import RecordedHand
from auxdrive_eval.driving.onlookers.decisions import read_controls, read_predictions
from auxdrive_eval.driving.settings import EvaluationSettings, read_settings, traffic_seed
from auxdrive_eval.driving.stored.driver_identity import read_driver
from auxdrive_eval.driving.stored.plan import read_plan
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import load_route
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import Simulator
from auxdrive_eval.simulators.settings import SimulatorSettings, make_simulator
from auxdrive_eval.world import WorldState
from PIL import Image

OUT = Path(__file__).resolve().parent / "images" / "night_drive.webp"
LEVELS = {".webp": (80, 65, 50, 40, 30, 20, 12, 6), ".gif": (128, 64, 32, 16, 8)}
"""By the ending of the name, from fine to coarse: the quality of WebP, the colours of a GIF."""
SAME_M = 0.01
"""The route is driven again as it was driven if the car is nowhere farther away than this."""


def main() -> None:
    """Drive a route again, and write the animation."""
    given = parsed()
    settings = read_settings(given.drive)
    index = best_drive(given.drive, settings) if given.route is None else given.route
    stored = load_route(given.drive, index)
    if stored is None:
        raise UsageError(f"{given.drive}: there is no drive #{index}")
    number, repeat = divmod(index, settings.repeats)
    route = read_plan(given.drive)[number]
    with closing(make_simulator(larger(given.drive, settings, given.scale))) as simulator:
        every = max(1, round(1 / (given.rate * simulator.tick_s)))
        begin_s = busiest_s(stored, given.seconds) if given.begin is None else given.begin
        first, last = (
            round(at_s / simulator.tick_s) for at_s in (begin_s, begin_s + given.seconds)
        )
        ticks = range(first, last, every)
        shown = list(
            frames(simulator, route, traffic_seed(settings.seed, route, repeat), stored, ticks)
        )
        frame_s = every * simulator.tick_s
    content = fitting(shown, frame_s, given.out.suffix.lower(), 1000 * given.most_kb)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(given.out, content)
    height, width = shown[0].shape[:2]
    print(
        f"{given.out.name}: drive #{index} from {begin_s:.1f} s on, {len(shown)} frames of "
        f"{width}x{height}, {len(content) / 1000:.0f} kB"
    )


def parsed() -> argparse.Namespace:
    """The options.

    Raises:
        UsageError: the name is of no format that is written here.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("drive", type=Path, help="a folder of `auxdrive drive`")
    parser.add_argument("--route", type=int, help="number of the drive in it")
    parser.add_argument("--begin", type=float, help="in seconds of game time")
    parser.add_argument("--seconds", type=float, default=12.0)
    parser.add_argument("--rate", type=float, default=7.0, help="frames per second")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--most-kb", type=int, default=2000)
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args()
    if given.out.suffix.lower() not in LEVELS:
        raise UsageError(f"--out {given.out}: give a name that ends with {' or '.join(LEVELS)}")
    return given


def best_drive(drive: Path, settings: EvaluationSettings) -> int:
    """The number of the drive with the highest score; of equal ones the longest.

    Args:
        drive: the folder.
        settings: of the drive.

    Raises:
        UsageError: nothing was driven yet.
    """
    found = {
        index: stored
        for index in range(settings.route_count * settings.repeats)
        if (stored := load_route(drive, index)) is not None
    }
    if not found:
        raise UsageError(f"{drive}: no route was driven yet")
    return max(
        found,
        key=lambda index: (found[index].record.scores.score_composed, len(found[index].trace)),
    )


def busiest_s(stored: StoredRoute, seconds: float) -> float:
    """When the stretch of so many seconds begins on which it drove farthest.

    Args:
        stored: the drive.
        seconds: how long the stretch is.
    """
    times_s, speeds_mps = stored.trace["time_s"], stored.trace["speed_mps"].astype(np.float64)
    last = max(1, int(np.searchsorted(times_s, times_s[-1] - seconds)))
    way_m = np.concatenate(([0.0], np.cumsum(speeds_mps)))
    ends = np.searchsorted(times_s, times_s[:last] + seconds)
    return float(times_s[int(np.argmax(way_m[ends] - way_m[:last]))])


def larger(drive: Path, settings: EvaluationSettings, scale: int) -> SimulatorSettings:
    """The simulator of a drive, with so many times the pixels on each side of the driver's camera.

    Args:
        drive: the folder.
        settings: of the drive.
        scale: how many times.
    """
    camera = read_driver(drive).camera
    if camera is None:
        with closing(make_simulator(settings.simulator, sensors=False)) as simulator:
            camera = simulator.camera
    size = {"width": scale * camera.width, "height": scale * camera.height}
    return settings.simulator.with_camera(camera.model_copy(update=size))


def frames(
    simulator: Simulator, route: Route, seed: int, stored: StoredRoute, ticks: range
) -> Iterator[UInt8]:
    """The images at some ticks of a drive, with plan and controls.

    Args:
        simulator: with the camera that films.
        route: as planned.
        seed: of its traffic.
        stored: the drive.
        ticks: at which there is an image.

    Raises:
        DataError: it kept no controls, or does not last so long; or driven again it is another
            drive, as in another version of the simulator.
    """
    controls = read_controls(stored)
    if controls is None or ticks.start >= len(controls):
        raise DataError("the drive kept no controls, or does not last so long")
    hand = RecordedHand(controls, read_predictions(stored))
    state = simulator.reset(route, seed)
    for tick in range(min(ticks.stop, len(controls))):
        control = hand.control(simulator, state, tick)
        assert control is not None
        if tick in ticks:
            yield frame(simulator, state, hand, control)
        state = simulator.step(control)
        was = stored.trace[tick]
        if np.hypot(*(state.ego_centre - np.array([was["x_m"], was["y_m"]]))) > SAME_M:
            raise DataError(
                f"driven again, it is another drive from {state.time_s:.2f} s on: drive it anew "
                "with this version"
            )


def frame(simulator: Simulator, state: WorldState, hand: RecordedHand, control: Control) -> UInt8:
    """The camera's image with the plan drawn in, and below it what is commanded.

    Args:
        simulator: with the camera that films.
        state: the world.
        hand: who drives.
        control: what it commands now.
    """
    image = simulator.sense({Modality.RGB})[Modality.RGB]
    predicted = hand.predicted(state.time_s)
    paths, target = [], None
    if predicted is not None:
        paths = [Shown(predicted.task.drawing(predicted.row), PREDICTED)]
        target = predicted.target_ego_m
    drawn = overlay(image, simulator.camera, paths, target)
    told = f"{state.time_s:.1f} s   {3.6 * state.speed_mps:.0f} km/h"
    return with_controls(drawn, control, simulator.steering.max_road_wheel_rad, ((told, INK),))


def fitting(shown: Sequence[UInt8], frame_s: float, suffix: str, most_bytes: int) -> bytes:
    """The animation as a file, as fine as its size allows.

    Args:
        shown: the images, at least one.
        frame_s: for how long each is shown, in seconds.
        suffix: of `LEVELS`.
        most_bytes: how large the file may be.

    Raises:
        UsageError: even the coarsest is larger.
    """
    for level in LEVELS[suffix]:
        content = encoded(shown, frame_s, suffix, level)
        if len(content) <= most_bytes:
            return content
    raise UsageError(
        f"{len(shown)} frames take {len(content) / 1000:.0f} kB at least: give fewer --seconds, a "
        "lower --rate or --scale, or a larger --most-kb"
    )


def encoded(shown: Sequence[UInt8], frame_s: float, suffix: str, level: int) -> bytes:
    """The animation as a file.

    Args:
        shown: the images.
        frame_s: for how long each is shown, in seconds.
        suffix: of `LEVELS`.
        level: one of its levels.
    """
    images = [Image.fromarray(each) for each in shown]
    options = {"quality": level, "method": 4}
    if suffix == ".gif":
        palette = images[len(images) // 2].quantize(level)
        images = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in images]
        options = {"optimize": False}
    file = io.BytesIO()
    images[0].save(
        file, suffix[1:], save_all=True, append_images=images[1:], loop=0,
        duration=round(1000 * frame_s), **options,
    )  # fmt: skip
    return file.getvalue()


if __name__ == "__main__":
    main()
