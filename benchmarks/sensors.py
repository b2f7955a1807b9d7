"""What the sensors are worth: an RGB baseline, a teacher that sees all sensors, and students that
see RGB alone and were taught by them, trained equally long and driven by day, at night, in fog and
in rain on routes that neither training nor settings saw.

    python benchmarks/sensors.py [--out sensors] [--frames 24000] [--epochs 12] [--seeds 5]
        [--routes 30] [--repeats 2] [--conditions day,night,fog,rain] [--infrared]
        [--data FOLDER ...] [--recipe FILE.yaml] [--scatter SEED,ROUTE,BOTH,REPEAT]

It records once (or takes `--data`), trains every method with every seed by `auxdrive sweep`,
measures each model open loop, exports the students, and drives each as a vehicle would: students
from their bundles, the teacher with its sensors. Each step is one of auxdrive's commands; whatever
has been done in DIR is not done again, and more seeds and methods may be asked for later. Before
anything is recorded it says which difference such a comparison can show. The result, with a table
by condition, goes to benchmarks/results/sensors.json; `benchmarks/open_closed.py` holds open loop
against closed loop.

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
import json
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from auxdrive.comparing.base import Part
from auxdrive.errors import DataError, UsageError
from auxdrive.power import Plan, Scatter
from auxdrive.runs import RunFolder
from auxdrive.storage.publish import write_atomic
from auxdrive.strict_yaml import dump_yaml, read_yaml
from auxdrive.types import Float64
from auxdrive_eval.command_process import command
from auxdrive_eval.dagger.budgets import config_file
from auxdrive_eval.driving.comparing import result_of
from auxdrive_eval.routes.loading import load_routes
from open_closed import correlations
from open_closed import table as open_closed_table
from record import RESULTS, write_result
from sensors_table import markdown, power_in_words, power_of, scatter_found, table_of, verdicts

FIRST_ROUTE = 5000
WORLD = ("--sim-option", "expert=sighted")
SPLIT = "test"
ROLES = {
    "baseline": "student", "teacher": "teacher", "samd": "student", "umt": "student",
    "dmcl": "student", "kd": "student",
}  # fmt: skip
"""By method, the network that drives."""
EPOCHS = 12
ASSUMED = "5,10,10,20"
NOT_OF_A_RECIPE = ("data", "threads", "method", "seed", "init_from")
METRICS = ("driving score", "route completion", "infraction penalty")
HARD = ("night", "fog")


@dataclass(frozen=True)
class Model:
    """A trained run.

    Attributes:
        method: that trained it.
        seed: of its training.
        run: its folder.
    """

    method: str
    seed: int
    run: Path

    @property
    def name(self) -> str:
        """Of its folders."""
        return f"{self.method}-{self.seed}"


def main() -> None:
    """Say what can be shown; make what is missing; write and print the result."""
    given = parsed()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    plan = Plan(given.routes, given.repeats, given.seeds)
    before = power_of(scatter_given(given.scatter), plan)
    print("power:", power_in_words(before, f"--scatter {given.scatter}"), flush=True)
    given.out.mkdir(parents=True, exist_ok=True)
    data = given.data or [recorded(given)]
    models = trained(given, data)
    with ThreadPoolExecutor(given.workers) as pool:
        points = list(pool.map(lambda model: measured(given, data[0], model), models))
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


def parsed() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("sensors"))
    parser.add_argument("--data", type=Path, action="append", help="a recording; else one is made")
    parser.add_argument("--frames", type=int, default=24000)
    parser.add_argument("--size", default="128x72", help="of the recorded images")
    parser.add_argument("--conditions", default="day,night,fog,rain")
    parser.add_argument("--infrared", action="store_true", help="an auxiliary more")
    parser.add_argument("--aux", default="lidar,depth,segmentation")
    parser.add_argument("--methods", default=",".join(ROLES))
    parser.add_argument("--recipe", type=Path, help="a budget, or a file of dagger, sweep, train")
    parser.add_argument("--epochs", type=int, help=f"default: {EPOCHS}, or the recipe's")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--routes", type=int, default=30)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--first-route", type=int, default=FIRST_ROUTE)
    parser.add_argument("--route-file", type=Path, help="these routes in place of seeds")
    parser.add_argument("--traffic", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--scatter", default=ASSUMED, metavar="SEED,ROUTE,BOTH,REPEAT",
        help="standard deviations of a difference, in points: assumed, or as an earlier result's "
        "'power by what was driven' has them",
    )  # fmt: skip
    parser.add_argument("--result", type=Path, default=RESULTS / "sensors.json")
    given = parser.parse_args()
    given.methods = given.methods.split(",")
    if unknown := [name for name in given.methods if name not in ROLES]:
        parser.error(f"--methods: {', '.join(unknown)} is none of {', '.join(ROLES)}")
    if "baseline" not in given.methods:
        parser.error("--methods: the baseline is what the others are held against")
    if given.route_file:
        given.routes = len(load_routes(given.route_file))
    given.aux = ",".join([given.aux, *["infrared"] * given.infrared])
    return given


def settings_of(given: argparse.Namespace) -> dict[str, Any]:
    """The options that decide the result, as JSON: of files the name alone."""
    deciding = {key: value for key, value in vars(given).items() if key not in ("out", "result")}
    named = {
        key: value.name if isinstance(value, Path) else value for key, value in deciding.items()
    }
    return {
        **named,
        "data": [path.name for path in given.data or []],
        "routes of": routes_of(given),
    }


def scatter_given(text: str) -> Scatter:
    """The scatter that four standard deviations give.

    Raises:
        UsageError: they are not four numbers.
    """
    try:
        seed, route, both, repeat = (float(part) ** 2 for part in text.split(","))
    except ValueError as error:
        raise UsageError(f"--scatter takes four numbers such as {ASSUMED}, not {text}") from error
    return Scatter(seed, route, both, repeat)


def recorded(given: argparse.Namespace) -> Path:
    """The recording of the sighted expert, in which the conditions take turns."""
    out: Path = given.out / "data"
    command(
        "collect", "--out", str(out), "--frames", str(given.frames), "--size", given.size,
        "--modalities", f"rgb,{given.aux}", "--conditions", given.conditions, *WORLD,
        "--traffic", str(given.traffic), "--workers", str(given.workers), prefix="collect: ",
    )  # fmt: skip
    return out


def trained(given: argparse.Namespace, data: Sequence[Path]) -> list[Model]:
    """Every method with every seed."""
    out = given.out / "sweep"
    where = [word for path in data for word in ("--data", str(path))]
    recipe = [str(written(given.recipe, given.out / "recipe.yaml"))] if given.recipe else []
    epochs = given.epochs or (None if given.recipe else EPOCHS)
    long = ["--epochs", str(epochs)] if epochs else []
    if epochs and "umt" in given.methods:
        long += ["--set", f"umt:options.probe_epochs={epochs}"]
    found = command(
        "sweep", *recipe, *where, "--task", "path_speed", "--methods", ",".join(given.methods),
        "--seeds", f"0-{given.seeds - 1}", "--aux", given.aux, *long,
        "--set", f"evaluate=[{SPLIT}]", "--workers", str(given.workers), "--out", str(out),
        *["--resume"] * out.exists(), prefix="sweep: ",
    )  # fmt: skip
    folders = [RunFolder(Path(run["path"])) for run in found["runs"]]
    records = [(folder, folder.record()) for folder in folders]
    return [
        Model(record.method, record.seed, folder.path)
        for folder, record in records
        if record.method in given.methods and record.seed < given.seeds
    ]


def written(recipe: Path, out: Path) -> Path:
    """Write a recipe as a file of `auxdrive sweep`. The data are those of this comparison, and each
    run trains in one thread, so that several train side by side and no weight depends on it.

    Args:
        recipe: a budget, or a file of `auxdrive dagger`, `sweep` or `train`.
        out: where it is written.
    """
    values = read_yaml(config_file(str(recipe)))
    base = values.get("train", values.get("base", values))
    kept = {key: value for key, value in base.items() if key not in NOT_OF_A_RECIPE}
    own = values.get("methods", {}) if "base" in values else {}
    write_atomic(out, dump_yaml({"base": kept, "methods": own}).encode())
    return out


def measured(given: argparse.Namespace, data: Path, model: Model) -> dict[str, Any]:
    """A model open loop, by condition, beside its driving scores."""
    role, prefix = ROLES[model.method], f"{model.name}: "
    evaluated = given.out / "open_loop" / f"{model.name}.json"
    if not evaluated.exists():
        evaluated.parent.mkdir(exist_ok=True)
        command(
            "evaluate", str(model.run), "--data", str(data), "--split", SPLIT, "--role", role,
            "--out", str(evaluated), prefix=prefix,
        )  # fmt: skip
    driver, bundle = model.run, given.out / "bundles" / model.name
    if role == "student":
        if not bundle.exists():
            command("export", str(model.run), "--out", str(bundle), prefix=prefix)
        driver = bundle
    out = drive_of(given, model)
    routes = (
        ["--routes", str(given.route_file)]
        if given.route_file
        else ["--route-seeds", routes_of(given)]
    )
    command(
        "drive", str(driver), *(["--role", role] if driver == model.run else []), *routes,
        "--repeats", str(given.repeats), "--conditions", given.conditions, *WORLD,
        "--traffic", str(given.traffic), "--workers", "1", "--out", str(out),
        *["--resume"] * out.exists(), prefix=prefix,
    )  # fmt: skip
    opened = json.loads(evaluated.read_text())
    main_metric = opened["main_metric"]
    closed = result_of(out).metrics[Part()]
    return {
        "method": model.method,
        "seed": model.seed,
        "metric": main_metric,
        "open loop": {"all": opened["metrics"][main_metric]["value"]}
        | {
            name.removeprefix("condition "): found["metrics"][main_metric]
            for name, found in opened["conditions"].items()
            if name.startswith("condition ")
        },
        "driving score": {"all": closed["driving score"].value}
        | {name: closed[f"driving score, {name}"].value for name in given.conditions.split(",")},
    }


def drive_of(given: argparse.Namespace, model: Model) -> Path:
    """Where a model's drive is."""
    out: Path = given.out / "drives" / model.name
    return out


def routes_of(given: argparse.Namespace) -> str:
    """The seeds of the routes that are driven, or the file that holds them."""
    if given.route_file:
        return str(given.route_file.name)
    return f"{given.first_route}-{given.first_route + given.routes - 1}"


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
