"""The ablation of a recipe: rows of settings, each trained with several seeds on the same
recordings and driven on the same validation routes.

    python benchmarks/ablation.py benchmarks/ablation.yaml --out ablation [--device cuda] [--jobs N]

The file names the recordings, the settings of every row, the rows (a name, and what it changes) and
the routes; see `Ablation`. A row's seed k is the run and the drive in DIR/ROW/seed-k. What has been
done there is not done again, so a stopped ablation goes on with the same command, rows can be added
later, and finished trainings can be brought from another machine. Each training and each drive is
one of auxdrive's own commands in a process.

The result has, for each row, the driving score, route completion, infractions per km and the
open-loop metrics of the validation part, as means with 95 % intervals over seeds, and the paired
differences from the reference row (seed k against seed k; and route against route). A row of which
a seed failed is left out, and said.

Routes on which rows are compared are validation routes: report nothing else on them.
"""

from __future__ import annotations

import argparse
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

from auxdrive.command_process import command
from auxdrive.console.speech import log_shown
from auxdrive.errors import AuxdriveError, ConfigError
from auxdrive.mistakes import mistakes_of
from auxdrive.runs import RunFolder
from auxdrive.storage.publish import write_atomic
from auxdrive.strict import Strict, dump_json, merged, plain
from auxdrive.strict_yaml import read_yaml
from pydantic import Field, ValidationError, model_validator
from record import RESULTS, write_result
from table7 import COLUMNS, columns, differences, interval, show

ALL_COLUMNS = COLUMNS | {
    "outside the lanes": ("infractions", "outside_route_lanes"),
    "blocked": ("infractions", "vehicle_blocked"),
    "off the route": ("infractions", "route_dev"),
}
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]


class Ablation(Strict):
    """What is compared.

    Attributes:
        data: the recordings that every row trains on.
        settings: of every training, as for `auxdrive train`, without data, seed and device.
        rows: what each row changes of them, by its name; a group is merged key by key. Under `data`
            a row may name other recordings than the others.
        reference: the row that the others are compared with.
        routes: seeds of the validation routes.
        repeats: how often each is driven.
        drive: further options of `auxdrive drive`.
    """

    data: tuple[Path, ...] = Field(min_length=1)
    settings: dict[str, Any] = Field(default={})
    rows: dict[Name, dict[str, Any]] = Field(min_length=1)
    reference: str
    routes: str
    repeats: int = Field(default=1, ge=1)
    drive: tuple[str, ...] = ("--sim-option", "expert=sighted")

    @model_validator(mode="after")
    def _has_its_reference(self) -> Ablation:
        if self.reference not in self.rows:
            raise ValueError(f"reference: there is no row '{self.reference}'")
        return self

    def training(self, row: str, seed: int) -> dict[str, Any]:
        """The config of a training, but for the device.

        Args:
            row: its name.
            seed: of it.
        """
        data = {"data": [str(path) for path in self.data]}
        return merged({**data, **self.settings}, {**self.rows[row], "seed": seed})


def load(file: Path) -> Ablation:
    """Read what is compared.

    Args:
        file: in YAML.

    Raises:
        ConfigError: it has mistakes.
    """
    values = read_yaml(file)
    if isinstance(values.get("data"), str):
        values["data"] = [values["data"]]
    try:
        return Ablation.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{file}:\n" + "\n".join(mistakes_of(error, Ablation))) from None


def main() -> int:
    """Make what is missing, print the table and write the result.

    Returns:
        The exit code: 1 where something failed.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("config", type=Path, help="the YAML file with the rows")
    parser.add_argument("--out", type=Path, default=Path("ablation"))
    parser.add_argument("--seeds", type=int, default=3, help="seeds 0, 1, ... of each row")
    parser.add_argument("--rows", help="only these rows, separated by commas")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="to train on")
    parser.add_argument("--jobs", type=int, default=1, help="trainings and drives at once")
    parser.add_argument("--workers", type=int, default=1, help="processes of each drive")
    parser.add_argument("--train-only", action="store_true", help="train, and drive nothing yet")
    parser.add_argument("--result", type=Path, default=RESULTS / "ablation.json")
    arguments = parser.parse_args()
    ablation = load(arguments.config)
    rows = chosen_rows(ablation, arguments.rows)
    places = [(row, seed) for seed in range(arguments.seeds) for row in rows]
    with log_shown(), ThreadPoolExecutor(arguments.jobs) as pool:
        work = {place: pool.submit(measure, ablation, *place, arguments) for place in places}
    failed = {place: error for place, each in work.items() if (error := each.exception())}
    for (row, seed), error in failed.items():
        print(f"failed: {row}, seed {seed}: {error}", file=sys.stderr)
    if not arguments.train_only:
        whole = [row for row in rows if not any(row == place[0] for place in failed)]
        found = {
            row: [work[row, seed].result() for seed in range(arguments.seeds)] for row in whole
        }
        result = {
            "ablation": ablation.model_dump(mode="json"),
            "seeds": arguments.seeds,
            **compared(found, ablation),
            "failed": [f"{row}, seed {seed}" for row, seed in failed],
        }
        write_result(arguments.result, plain(result))
    return 1 if failed else 0


def chosen_rows(ablation: Ablation, names: str | None) -> list[str]:
    """The rows to measure, the reference among them.

    Args:
        ablation: has the rows.
        names: separated by commas; None for all.

    Raises:
        AuxdriveError: there is no row of a name.
    """
    if names is None:
        return list(ablation.rows)
    wanted = {ablation.reference, *re.split(r"\s*,\s*", names)}
    if missing := sorted(wanted - ablation.rows.keys()):
        raise AuxdriveError(f"there is no row {', '.join(missing)} in the file")
    return [row for row in ablation.rows if row in wanted]


def measure(
    ablation: Ablation, row: str, seed: int, arguments: argparse.Namespace
) -> dict[str, Any]:
    """One training and its drive, as far as they have not been done.

    Args:
        ablation: what is compared.
        row: its name.
        seed: of the training.
        arguments: of the command line.

    Returns:
        `train`, what `result.json` holds, and `drive`, what `auxdrive drive` gives; without it
        under --train-only.

    Raises:
        AuxdriveError: a command failed, or the folder is of other settings.
    """
    folder, name = arguments.out / row / f"seed-{seed}", f"{row} {seed}: "
    settings, run = folder / "train.json", RunFolder(folder / "run")
    wanted = dump_json(ablation.training(row, seed))
    if settings.is_file() and settings.read_bytes() != wanted:
        raise AuxdriveError(f"{folder} is of other settings; remove it, or name the row otherwise")
    if not run.is_finished:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomic(settings, wanted)  # JSON is YAML, too
        begun = ["--resume"] if run.is_run else []
        where = ["--out", str(run.path), "--set", f"device={arguments.device}", *begun]
        command("train", str(settings), *where, prefix=name)
    trained = run.result().model_dump(mode="json")
    if arguments.train_only:
        return {"train": trained}
    out = folder / "drive"
    options = ["--role", role_of(trained), *ablation.drive, "--out", str(out)]
    options += ["--route-seeds", ablation.routes, "--repeats", str(ablation.repeats)]
    options += ["--workers", str(arguments.workers), *(["--resume"] if out.exists() else [])]
    return {"train": trained, "drive": command("drive", str(run.path), *options, prefix=name)}


def role_of(trained: dict[str, Any]) -> str:
    """Who is measured and drives: the student, or the first role of a run without one."""
    roles = list(trained["metrics"]["val"])
    return "student" if "student" in roles else str(roles[0])


def compared(found: dict[str, list[dict[str, Any]]], ablation: Ablation) -> dict[str, Any]:
    """The table of all rows, and what the reference row is compared with.

    Args:
        found: of each row what `measure` gave, one for each seed.
        ablation: what is compared.
    """
    table, against = {}, {}
    for row, seeds in found.items():
        driven = [columns(each["drive"], ALL_COLUMNS) for each in seeds]
        open_loop = [each["train"]["metrics"]["val"][role_of(each["train"])] for each in seeds]
        table[row] = {
            "driven": {name: interval([each[name] for each in driven]) for name in ALL_COLUMNS},
            "open loop": {
                name: interval([each[name] for each in open_loop])
                for name in open_loop[0]
                if all(each.get(name) is not None for each in open_loop)
            },
            "trained_s": interval([each["train"]["trained_s"] for each in seeds]),
        }
        told = {name: show(each) for name, each in table[row]["driven"].items()}
        print(row, {name: told[name] for name in ("DS", "RC")})
        if row != ablation.reference and ablation.reference in found:
            ours, theirs = (
                [each["drive"] for each in of] for of in (seeds, found[ablation.reference])
            )
            against[row] = differences(ours, theirs, ablation.repeats)
            print(f"{row}, against {ablation.reference}:", against[row])
    return {"table": table, f"against {ablation.reference}": against}


if __name__ == "__main__":
    sys.exit(main())
