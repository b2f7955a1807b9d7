"""How well the out-of-distribution score notices what a student has not seen: the area under the
ROC curve (AUROC) for each shift, and the share of frames that the bundle's threshold flags.

    python benchmarks/ood.py [--out out/ood] [--seeds 3] [--epochs 6]

Students for waypoints are trained by day in 26 embedded towns. Scores are compared on shifts in
four towns (`choosing`), and measured in six others (`test`); ordinary frames are those of the same
towns by day, recorded by the camera of the training. For "another town" ordinary frames are from
towns of the training, recorded again. Intervals are from a bootstrap over towns of the mean over
seeds. What is recorded or trained is not made again. The result goes to
benchmarks/results/ood.json.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.modalities import Modality
from auxdrive.predictor import Predictor
from auxdrive.types import Float64, Observation, UInt8
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_deploy.ood.faults import FAULTS, faulty
from auxdrive_deploy.ood.measuring import FALSE_ALARMS, FIT_FRAMES, HELD_OUT_FRAMES
from auxdrive_deploy.ood.network import STEM
from auxdrive_deploy.ood.score import auroc, threshold_of
from auxdrive_deploy.student_graph import student_of
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import Run, load_run
from auxdrive_train.engine.train import train
from auxdrive_train.models.maps import Kept
from numpy.typing import NDArray
from ood_scores import EXPORTED, SCORES, Described, Score
from ood_shifts import CHOSEN_ON, SHIFTS, record_all
from record import RESULTS, write_result

EVERY = {"choosing": 2, "test": 1}
"""One frame in so many is used."""
RESAMPLES, CALLS, BATCH = 1000, 2000, 64
Frames = tuple[Described, NDArray[np.intp]]
"""Frames of a part, and the number of the town of each."""


def main() -> None:
    """Record, train, measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("out/ood"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--result", type=Path, default=RESULTS / "ood.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    record_all(arguments.out)
    measured = []
    for seed in range(arguments.seeds):
        run = trained(arguments.out, seed, arguments.epochs)
        measured.append(measure(arguments.out, run))
        print(f"seed {seed}: measured", flush=True)
    table = {
        part: {shift: summary(measured, part, shift) for shift in measured[0][part]}
        for part in ("choosing", "test")
    }
    result = {
        "seeds": arguments.seeds,
        "false_alarms_on_held_out": FALSE_ALARMS,
        "exported": EXPORTED,
        "chosen_on": {name: mean_of(table["choosing"], name) for name in SCORES},
        "mean_on_test": {name: mean_of(table["test"], name) for name in SCORES},
        **table,
        "ordinary_flagged": {
            name: float(np.mean([each["flagged"][name] for each in measured])) for name in SCORES
        },
        "cost": cost(arguments.out, trained(arguments.out, 0, arguments.epochs)),
    }
    write_result(arguments.result, result)
    print_table(result)


def trained(root: Path, seed: int, epochs: int) -> Run:
    """The student of a seed; trained where it is not there yet."""
    out = root / f"run-{seed}"
    if not (out / "result.json").exists():
        values = {
            "data": str(root / "student"), "task": "waypoints", "method": "baseline",
            "backbone": "pilotnet_bn", "preprocessing": {"size": [68, 128], "crop_top": 0.05},
            "lr": 2e-3, "epochs": epochs, "threads": 1, "seed": seed,
        }  # fmt: skip
        train(parse_config(values), out, resume=out.exists())
    return load_run(out)


def measure(root: Path, run: Run) -> dict[str, Any]:
    """The scores of one student on every shift, by part, shift and method: of ordinary frames and
    of the others, with their towns; and the share of ordinary test frames that is flagged.
    """
    fit_to, _ = described(run, images_of(root / "student", "train"), FIT_FRAMES)
    held_out, _ = described(run, images_of(root / "student", "val"), HELD_OUT_FRAMES)
    scores = {name: make(fit_to) for name, make in SCORES.items()}
    limits = {name: threshold_of(score(held_out), FALSE_ALARMS) for name, score in scores.items()}

    def compared(ordinary: Frames, others: Frames) -> dict[str, Any]:
        return {
            name: (of(score, ordinary), of(score, others), limits[name])
            for name, score in scores.items()
        }

    found: dict[str, Any] = {}
    for part, every in EVERY.items():
        day = {town: images[::every] for town, images in images_of(root / part / "day").items()}
        ordinary = described(run, day)
        found[part] = {
            shift: compared(
                ordinary,
                described(run, {t: i[::every] for t, i in images_of(root / part / shift).items()}),
            )
            for shift in (SHIFTS if part == "test" else CHOSEN_ON)
        }
        for fault in FAULTS:
            changed = {town: faulty(fault, images) for town, images in day.items()}
            found[part][fault] = compared(ordinary, described(run, changed))
    known = described(run, images_of(root / "known"))
    found["test"]["another town"] = compared(known, ordinary)
    found["flagged"] = {
        name: float(np.mean(score(ordinary[0]) > limits[name])) for name, score in scores.items()
    }
    return found


def of(score: Score, frames: Frames) -> tuple[Float64, NDArray[np.intp]]:
    return score(frames[0]), frames[1]


def images_of(folder: Path, split: str = "test") -> dict[str, UInt8]:
    """The images of a split, by town."""
    dataset = Dataset.open(folder)
    return {
        name: np.asarray(dataset.episode(name).frames(Modality.RGB))
        for name in dataset.split(split)
    }


def described(run: Run, towns: Mapping[str, UInt8], most: int | None = None) -> Frames:
    """What the run's student computes of frames, in the order of towns and time.

    Args:
        run: of the student.
        towns: images by town.
        most: the most frames that are taken, evenly spread; None for all.
    """
    town = np.repeat(np.arange(len(towns)), [len(images) for images in towns.values()])
    images = np.concatenate(list(towns.values()))
    if most is not None and len(images) > most:
        places = (2 * np.arange(most) + 1) * len(images) // (2 * most)
        images, town = images[places], town[places]
    network = student_of(run).eval()
    ahead = torch.tensor([[4.0, 20.0, 0.0]])  # speed and target point, alike for all
    parts: list[list[Float64]] = [[], [], []]
    with torch.no_grad():
        for first in range(0, len(images), BATCH):
            kept = Kept([STEM])
            features = network.features(torch.from_numpy(images[first : first + BATCH]), kept)
            paths = network.head(features, ahead.expand(len(features), -1))
            of_batch = (features, kept.maps[STEM].mean(dim=(2, 3)), paths[:, -1, 1])
            for part, tensor in zip(parts, of_batch, strict=True):
                part.append(tensor.numpy().astype(np.float64))
    return Described(*(np.concatenate(part) for part in parts)), town


def summary(measured: list[dict[str, Any]], part: str, shift: str) -> dict[str, Any]:
    """The mean AUROC over seeds and the flagged share of each method on one shift; for the one that
    is exported with the AUROC's interval.
    """
    found = {}
    for name in SCORES:
        pairs = [each[part][shift][name][:2] for each in measured]
        limits = [each[part][shift][name][2] for each in measured]
        found[name] = {
            "auroc": float(np.mean([auroc(one[0], other[0]) for one, other in pairs])),
            "flagged": float(
                np.mean(
                    [
                        np.mean(other[0] > limit)
                        for (_, other), limit in zip(pairs, limits, strict=True)
                    ]
                )
            ),
            **(interval(pairs) if name == EXPORTED else {}),
        }
    return found


def interval(pairs: list[Any]) -> dict[str, float]:
    """The 95 % interval of the mean AUROC over seeds, from a bootstrap over towns."""

    def mean(draw_ordinary: Any, draw_others: Any) -> float:
        return float(
            np.mean(
                [
                    auroc(drawn(ordinary, draw_ordinary), drawn(others, draw_others))
                    for ordinary, others in pairs
                ]
            )
        )

    rng = np.random.default_rng(0)
    counts = [int(each[1].max()) + 1 for each in pairs[0]]
    samples = [mean(*(rng.integers(0, count, count) for count in counts)) for _ in range(RESAMPLES)]
    low, high = np.quantile(samples, [0.025, 0.975])
    return {"low": float(low), "high": float(high)}


def drawn(scored: tuple[Float64, NDArray[np.intp]], towns: NDArray[np.intp]) -> Float64:
    scores, town = scored
    return np.concatenate([scores[town == each] for each in towns])


def mean_of(table: Mapping[str, Any], name: str) -> float:
    """The mean AUROC of a method over all shifts but "another town", which is no fault."""
    return float(
        np.mean([each[name]["auroc"] for shift, each in table.items() if shift != "another town"])
    )


def print_table(result: Mapping[str, Any]) -> None:
    """Print the test shifts of the exported score as a Markdown table, then all methods' means."""
    print("| shift | AUROC (95 %) | flagged |", "| --- | --- | --- |", sep="\n")
    for shift, methods in result["test"].items():
        each = methods[EXPORTED]
        print(
            f"| {shift} | {each['auroc']:.3f} ({each['low']:.3f} to {each['high']:.3f}) "
            f"| {each['flagged']:.1%} |"
        )
    for name, chosen in result["chosen_on"].items():
        print(
            f"{name}: {chosen:.3f} where it was chosen, {result['mean_on_test'][name]:.3f} in test"
        )
    print(f"ordinary frames flagged: {result['ordinary_flagged'][EXPORTED]:.1%}", result["cost"])


def cost(root: Path, run: Run) -> dict[str, float]:
    """Median time of a predictor's call in microseconds, with and without the score, in turn."""
    image = next(iter(images_of(root / "test" / "day").values()))[0]
    seen = Observation(np.ascontiguousarray(image), 0.0, 4.0, (20.0, 0.0))
    predictors = {}
    for name, ood in (("with", True), ("without", False)):
        if not (root / name).exists():
            write_bundle(run, root / name, ood=ood)
        predictors[name] = Predictor.load(root / name)
    times: dict[str, list[float]] = {name: [] for name in predictors}
    for _ in range(CALLS):
        for name, predictor in predictors.items():
            begin = perf_counter()
            predictor.predict(seen)
            times[name].append((perf_counter() - begin) * 1e6)
    return {f"{name}_p50_us": float(np.median(each)) for name, each in times.items()}


if __name__ == "__main__":
    main()
