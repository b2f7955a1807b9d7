"""What a teacher with more sensors can give a student of RGB alone, where the truth is known.

    python benchmarks/privileged.py [--out privileged] [--seeds 5] [--frames 200,800] [--jobs 1]

A stripe in the image says where to steer. The auxiliary (segmentation) always shows it, RGB

- `faint`: in every frame, but so weakly that it must be learned to be seen. All that the teacher
  knows is in RGB, and with enough frames a student needs nobody;
- `hidden`: as faint, and in HIDDEN of the frames not at all. There the best that RGB allows is to
  drive straight on, whoever teaches: a floor that can be computed.

So the gap between a student alone and its teacher has two parts: what more or better training on
RGB could close, and what no student can. The table gives, by world and number of training frames,
each method's mean absolute error on unseen frames with its 95 % interval over seeds (of data and
weights), the floor, and how much of the gap, and of its part above the floor, SAMD and kd close. It
goes to benchmarks/results/privileged.json. What has been done in DIR is not done again.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.cards import CameraSpec, DatasetCard, VehicleSpec
from auxdrive.command_process import command
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.data.state import STATE_DTYPE
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder
from auxdrive.statistics import seed_interval
from record import RESULTS, write_result

HEIGHT, WIDTH = 64, 80
MODALITIES = (Modality.RGB, Modality.SEGMENTATION)
FAINT, HIDDEN = 10, 0.4
STRAIGHT, FARTHEST, GAIN_RAD = 0.5, 0.4, 0.6
WORLDS = {"faint": 0.0, "hidden": HIDDEN}
"""By name, the share of frames in which RGB does not show the stripe."""
METHODS = {"baseline": "student", "kd": "student", "samd": "student", "teacher": "teacher"}
"""With whom is measured."""
TESTED = 2000
METRIC = "mae_road_wheel_deg"


def main() -> None:
    """Make what is missing, and print and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("privileged"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--frames", default="200,800", help="that train, separated by commas")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once, of a thread each")
    parser.add_argument("--result", type=Path, default=RESULTS / "privileged.json")
    given = parser.parse_args()
    counts = [int(count) for count in given.frames.split(",")]
    wanted = [
        (world, count, seed, method)
        for world in WORLDS
        for count in counts
        for seed in range(given.seeds)
        for method in METHODS
    ]
    for place in sorted({each[:3] for each in wanted}):
        recorded(given.out, *place)
    with ThreadPoolExecutor(given.jobs) as pool:
        found = pool.map(lambda each: error_of(given, *each), wanted)
        errors = dict(zip(wanted, found, strict=True))
    table = {}
    for world, share in WORLDS.items():
        for count in counts:
            by_method = {
                method: np.array([errors[world, count, s, method] for s in range(given.seeds)])
                for method in METHODS
            }
            row = row_of(by_method, share)
            table[f"{world}, {count} frames"] = row
            print(f"{world}, {count} frames:", {k: in_words(v) for k, v in row.items()})
    settings = {"seeds": given.seeds, "epochs": given.epochs, "hidden": HIDDEN, "faint": FAINT}
    write_result(given.result, {"settings": settings, "metric": METRIC, "table": table})


def recorded(out: Path, world: str, count: int, seed: int) -> Path:
    """The data set of a world: `count` frames to train on, others to validate and to test on."""
    root = out / "data" / f"{world}-{count}-{seed}"
    if (root / "dataset.json").exists():
        return root
    parts = {"train": count, "val": 500, "test": TESTED}
    for number, (name, frames) in enumerate(parts.items()):
        drive(root, name, np.random.default_rng([seed, count, number]), frames, WORLDS[world])
    card = DatasetCard(
        name=f"stripe, {world}",
        rate_hz=4.0,
        modalities=MODALITIES,
        camera=CameraSpec(width=WIDTH, height=HEIGHT),
        vehicle=VehicleSpec(wheelbase_m=2.8),
        splits={name: (name,) for name in parts},
    )
    write_card(root, card)
    return root


def drive(root: Path, name: str, rng: np.random.Generator, frames: int, hidden: float) -> None:
    """An episode of frames that have nothing to do with each other."""
    with EpisodeWriter(root, name, MODALITIES) as writer:
        for index in range(frames):
            place = rng.uniform(STRAIGHT - FARTHEST, STRAIGHT + FARTHEST)
            column = int(place * WIDTH)
            stripe = slice(max(column - 3, 0), column + 3)
            rgb = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            if rng.random() >= hidden:
                rgb[:, stripe] += FAINT
            segmentation = np.ones((HEIGHT, WIDTH), dtype=np.uint8)
            segmentation[:, stripe] = 6
            state = np.zeros((), dtype=STATE_DTYPE)
            state["time_s"], state["x_m"] = 0.25 * index, 1.0 * index
            state["speed_mps"], state["steer_rad"] = 4.0, (STRAIGHT - place) * GAIN_RAD
            writer.append({Modality.RGB: rgb, Modality.SEGMENTATION: segmentation}, state)


def floor_deg(hidden: float) -> float:
    """The least mean absolute error that RGB allows: where it does not show the stripe, straight on
    is best, and the angle is uniform.
    """
    return float(hidden * np.degrees(GAIN_RAD * FARTHEST / 2))


def error_of(given: argparse.Namespace, world: str, count: int, seed: int, method: str) -> float:
    """A method's error on the test part, trained where it has not been."""
    out = given.out / "runs" / f"{world}-{count}-{seed}-{method}"
    if not RunFolder(out).is_finished:
        aux = ["--aux", "segmentation"] if method != "baseline" else []
        command(
            "train", "--data", str(recorded(given.out, world, count, seed)), "--task", "steering",
            "--method", method, *aux, "--backbone", "pilotnet_bn", "--epochs", str(given.epochs),
            "--seed", str(seed), "--set", "preprocessing.size=[64, 80]", "--set", "threads=1",
            "--set", "augment.mirror=0", "--set", "evaluate=[test]", "--out", str(out),
            *["--resume"] * out.exists(), prefix=f"{out.name}: ",
        )  # fmt: skip
    return float(RunFolder(out).result().metrics["test"][METHODS[method]][METRIC] or np.nan)


def row_of(errors: dict[str, Any], hidden: float) -> dict[str, Any]:
    """Means with intervals, the floor, and what the students close of the gap: of all of it, and of
    its part above the floor, in per cent.
    """
    floor = floor_deg(hidden)
    row: dict[str, Any] = {name: interval(each) for name, each in errors.items()}
    row["floor of RGB"] = floor
    alone, teacher = errors["baseline"], errors["teacher"]
    for name in ("kd", "samd"):
        row[f"baseline - {name}"] = interval(alone - errors[name])
        gained = float((alone - errors[name]).mean())
        row[f"{name} closes, %"] = 100 * gained / float((alone - teacher).mean())
        row[f"{name} closes above the floor, %"] = 100 * gained / float((alone - floor).mean())
    return row


def interval(values: Any) -> dict[str, float | None]:
    """Mean over seeds with its 95 % interval."""
    found = seed_interval([float(value) for value in values])
    return {"mean": found.value, "low": found.low, "high": found.high}


def in_words(value: Any) -> str:
    """A number, or a mean with its interval."""
    if isinstance(value, float):
        return f"{value:.2f}"
    if value["low"] is None:
        return f"{value['mean']:.2f}"
    return f"{value['mean']:.2f} [{value['low']:.2f}, {value['high']:.2f}]"


if __name__ == "__main__":
    main()
