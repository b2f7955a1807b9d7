"""The models of `benchmarks/sensors.py`: recorded for, trained, measured open loop, and driven."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auxdrive.command_process import command
from auxdrive.comparing.base import Part
from auxdrive.errors import UsageError
from auxdrive.runs import RunFolder
from auxdrive.storage.publish import write_atomic
from auxdrive.strict_yaml import dump_yaml, read_yaml
from auxdrive_eval.dagger.budgets import config_file
from auxdrive_eval.driving.comparing import result_of
from sensors_options import EPOCHS, ROLES, routes_of

SPLIT = "test"
NOT_OF_A_RECIPE = ("data", "threads", "method", "seed", "init_from")


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


def recorded(given: argparse.Namespace) -> Path:
    """The recording of the sighted expert, in which the conditions take turns."""
    out: Path = given.out / "data"
    command(
        "collect", "--out", str(out), "--frames", str(given.frames), "--size", given.size,
        "--modalities", f"rgb,{given.aux}", *world_of(given), "--workers", str(given.workers),
        prefix="collect: ",
    )  # fmt: skip
    return out


def world_of(given: argparse.Namespace) -> list[str]:
    """The options by which `collect` and `drive` make the same world."""
    played = ["--scenarios", given.scenarios] if given.scenarios else []
    return [
        "--sim-option", "expert=sighted", "--traffic", str(given.traffic), *played,
        "--conditions", given.conditions,
    ]  # fmt: skip


def models_of(given: argparse.Namespace, data: Sequence[Path]) -> list[Model]:
    """Every method with every seed, trained here unless --drive-only says that it was elsewhere.

    Raises:
        UsageError: --drive-only, and runs are missing or not finished.
    """
    runs = (
        finished(given.out / "sweep" / "runs")
        if given.drive_only
        else [Path(run["path"]) for run in trained(given, data)["runs"]]
    )
    found = [(path, RunFolder(path).record()) for path in runs]
    models = [
        Model(record.method, record.seed, path)
        for path, record in found
        if record.method in given.methods and record.seed < given.seeds
    ]
    if len(models) < given.seeds * len(given.methods):
        raise UsageError(
            f"{given.out / 'sweep'}: has {len(models)} finished runs of the "
            f"{given.seeds * len(given.methods)} that are to be driven; train them first"
        )
    return models


def finished(runs: Path) -> list[Path]:
    """The finished runs in a sweep's folder."""
    folders = sorted(runs.iterdir()) if runs.is_dir() else []
    return [folder for folder in folders if RunFolder(folder).is_finished]


def trained(given: argparse.Namespace, data: Sequence[Path]) -> dict[str, Any]:
    """Train every method with every seed, where that has not been done: what the sweep gives."""
    out = given.out / "sweep"
    where = [word for path in data for word in ("--data", str(path))]
    recipe = [str(written(given.recipe, given.out / "recipe.yaml"))] if given.recipe else []
    epochs = given.epochs or (None if given.recipe else EPOCHS)
    long = ["--epochs", str(epochs)] if epochs else []
    if epochs and "umt" in given.methods:
        long += ["--set", f"umt:options.probe_epochs={epochs}"]
    return command(
        "sweep", *recipe, *where, "--task", "path_speed", "--methods", ",".join(given.methods),
        "--seeds", f"0-{given.seeds - 1}", "--aux", given.aux, *long,
        "--set", f"evaluate=[{SPLIT}]", "--workers", str(given.workers), "--out", str(out),
        *["--resume"] * out.exists(), prefix="sweep: ",
    )  # fmt: skip


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


def prepared(given: argparse.Namespace, data: Sequence[Path], model: Model) -> Path:
    """Measure a model open loop, and export it if it is a student: what drives."""
    role, prefix = ROLES[model.method], f"{model.name}: "
    evaluated = opened_of(given, model)
    if not evaluated.exists():
        if not data:
            raise UsageError(f"{evaluated} is missing, and is measured where the data are")
        evaluated.parent.mkdir(exist_ok=True)
        command(
            "evaluate", str(model.run), "--data", str(data[0]), "--split", SPLIT, "--role", role,
            "--out", str(evaluated), prefix=prefix,
        )  # fmt: skip
    bundle: Path = given.out / "bundles" / model.name
    if role == "student" and not bundle.exists():
        command("export", str(model.run), "--out", str(bundle), prefix=prefix)
    return bundle if role == "student" else model.run


def measured(given: argparse.Namespace, data: Sequence[Path], model: Model) -> dict[str, Any]:
    """A model open loop, by condition, beside its driving scores."""
    driver, out = prepared(given, data, model), drive_of(given, model)
    role = ["--role", ROLES[model.method]] if driver == model.run else []
    routes = (
        ["--routes", str(given.route_file)]
        if given.route_file
        else ["--route-seeds", routes_of(given)]
    )
    command(
        "drive", str(driver), *role, *routes,
        "--repeats", str(given.repeats), *world_of(given), "--workers", "1", "--out", str(out),
        *["--resume"] * out.exists(), prefix=f"{model.name}: ",
    )  # fmt: skip
    opened = json.loads(opened_of(given, model).read_text())
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


def opened_of(given: argparse.Namespace, model: Model) -> Path:
    """Where a model's figures on recorded data are."""
    out: Path = given.out / "open_loop" / f"{model.name}.json"
    return out
