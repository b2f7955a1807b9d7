"""What the sensors are worth: an RGB baseline, a teacher that sees all sensors, and students that
see RGB alone and were taught by them, trained equally long and driven by day, at night, in fog and
in rain on routes that neither training nor settings saw.

    python benchmarks/sensors.py [--out sensors] [--frames 24000] [--epochs 12] [--seeds 5]
        [--routes 30] [--repeats 2] [--conditions day,night,fog,rain] [--scenarios NAMES]
        [--traffic 20] [--infrared]
        [--data FOLDER ...] [--recipe FILE.yaml] [--scatter SEED,ROUTE,BOTH,REPEAT]
        [--train-only | --drive-only]

It records once (or takes `--data`), trains every method with every seed by `auxdrive sweep`,
measures each model open loop, exports the students, and drives each as a vehicle would: students
from their bundles, the teacher with its sensors. Each step is one of auxdrive's commands; whatever
has been done in DIR is not done again, and more seeds and methods may be asked for later. Before
anything is recorded it says which difference such a comparison can show. The result, with a table
by condition, goes to benchmarks/results/sensors.json; `benchmarks/open_closed.py` holds open loop
against closed loop.

With --train-only a machine with a GPU trains, measures open loop and exports; with --drive-only
another one drives what DIR holds, without the data.

--recipe takes settings of training: those under `train` of a budget, such as standard, or of a
file of `auxdrive dagger` (its rounds are not driven; their recordings can be given as --data),
those under `base` of a file of `auxdrive sweep` with what it says of single methods, or a file of
`auxdrive train`.

Seeds are those of training: all models learn from one recording, and drive the same routes in the
same traffic. Every student trains EPOCHS epochs on RGB; UMT's encoder does so alone and again in
the fusion, and its head is then fitted for as long.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from auxdrive.comparing.base import Part
from auxdrive.errors import DataError
from auxdrive.power import Plan
from auxdrive.types import Float64
from auxdrive_eval.driving.comparing import result_of
from open_closed import correlations
from open_closed import table as open_closed_table
from record import write_result
from sensors_models import Model, drive_of, measured, models_of, prepared, recorded
from sensors_options import parsed, scatter_given, settings_of
from sensors_table import markdown, power_in_words, power_of, scatter_found, table_of, verdicts

METRICS = ("driving score", "route completion", "infraction penalty")
HARD = ("night", "fog")


def main() -> None:
    """Say what can be shown; make what is missing; write and print the result."""
    given = parsed(__doc__)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    plan = Plan(given.routes, given.repeats, given.seeds)
    before = power_of(scatter_given(given.scatter), plan)
    print("power:", power_in_words(before, f"--scatter {given.scatter}"), flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    data = [] if given.drive_only else given.data or [recorded(given)]
    models = models_of(given, data)
    with ThreadPoolExecutor(given.workers) as pool:
        if given.train_only:
            list(pool.map(lambda model: prepared(given, data, model), models))
            return
        points = list(pool.map(lambda model: measured(given, data, model), models))
    scores = {name: scores_of(given, models, name) for name in METRICS}
    table = table_of(scores["driving score"])
    found = verdicts(table, HARD)
    for line in (*markdown(table), *found, "", *open_closed_table(points)):
        print(line)
    result = {
        "settings": settings_of(given),
        "power": before,
        "power by what was driven": power_after(scores["driving score"], plan),
        "table": table,
        "verdicts": found,
        "other metrics": {
            name: {condition: means(rows) for condition, rows in table_of(by_model).items()}
            for name, by_model in scores.items()
            if name != "driving score"
        },
        "open loop against closed loop": correlations(points),
        "points": points,
    }
    write_result(given.result, result)


def scores_of(
    given: argparse.Namespace, models: Sequence[Model], metric: str
) -> dict[str, dict[str, Float64]]:
    """By method and condition, (S, N, K), each drive's number of a metric."""
    found: dict[str, dict[str, Float64]] = {}
    for method in given.methods:
        seeds = sorted((m for m in models if m.method == method), key=lambda model: model.seed)
        results = [result_of(drive_of(given, model)).metrics[Part()] for model in seeds]
        found[method] = {
            name: np.stack([of_drives(result[f"{metric}, {name}"]) for result in results])
            for name in given.conditions.split(",")
        }
    return found


def of_drives(measured: Any) -> Float64:
    """(N, K), what a mean over drives is the mean of."""
    above: Float64 = measured.over_drives.above
    return above


def means(rows: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """By model, a metric with its interval."""
    return {model: row["score"] for model, row in rows.items()}


def power_after(scores: Mapping[str, Mapping[str, Float64]], plan: Plan) -> dict[str, Any] | None:
    """What the plan can show by the scatter that was found; None where it cannot be told."""
    try:
        found = power_of(scatter_found(scores), plan)
    except DataError as error:
        print(f"power: the drives do not tell it: {error}")
        return None
    print("power:", power_in_words(found, "as these drives scattered"))
    return found


if __name__ == "__main__":
    main()
