"""UMT's lambda on a recording: what the student gains, and who decides where the weights go.

    python benchmarks/umt_lambda.py DATA [--aux edge] [--lambdas 0,1,10,20,50,100]
                                    [--seeds 3] [--epochs 6] [--test test]

DATA is a data set of steering with the auxiliary and a split TEST that is measured once. Beside
each lambda stand the student's error, the fusion's, and of the first and last fused epoch the main
modality's distance and the norms of the two terms' gradients. A run that was stopped is taken up;
finished ones are not repeated.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from auxdrive.runs import RunFolder
from auxdrive.statistics import seed_interval
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from record import RESULTS, write_result


def main() -> None:
    """Train every lambda with every seed, and write the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=Path("out/umt_lambda"))
    parser.add_argument("--aux", default="edge")
    parser.add_argument("--lambdas", default="0,1,10,20,50,100")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--backbone", default="pilotnet")
    parser.add_argument("--size", default="66,100")
    parser.add_argument("--test", default="test")
    parser.add_argument("--result", type=Path, default=RESULTS / "umt_lambda.json")
    arguments = parser.parse_args()
    table = {}
    for weight in (float(value) for value in arguments.lambdas.split(",")):
        rows = [one(arguments, weight, seed) for seed in range(arguments.seeds)]
        table[f"{weight:g}"] = {key: summary([row[key] for row in rows]) for key in rows[0]}
        print(
            f"lambda {weight:g}:",
            {key: value["mean"] for key, value in table[f"{weight:g}"].items()},
            flush=True,
        )
    settings = {
        key: getattr(arguments, key) for key in ("aux", "seeds", "epochs", "backbone", "size")
    }
    write_result(arguments.result, {"settings": settings, "table": table})


def one(arguments: argparse.Namespace, weight: float, seed: int) -> dict[str, float]:
    """One run's metrics; a finished run's are read back."""
    out = arguments.out / f"{weight:g}-{seed}"
    config = parse_config(
        {
            "data": str(arguments.data), "method": "umt", "aux": arguments.aux.split(","),
            "backbone": arguments.backbone, "seed": seed, "epochs": arguments.epochs,
            "preprocessing": {"size": [int(side) for side in arguments.size.split(",")]},
            "threads": 1, "options": {"distil_weight": weight, "probe_epochs": arguments.epochs},
            "evaluate": [arguments.test],
        }
    )  # fmt: skip
    result = (
        train(config, out, resume=out.exists())
        if not RunFolder(out).is_finished
        else RunFolder(out).result()
    )
    fused = [record for record in RunFolder(out).epochs() if record["phase"] == "fused"]
    measured = result.metrics[arguments.test]
    errors = {
        f"{role} rmse_deg": math.nan if error is None else error
        for role in ("student", "fused", "unimodal_rgb")
        for error in [measured[role]["rmse_road_wheel_deg"]]
    }
    return {**errors, **terms("first", fused[0], weight), **terms("last", fused[-1], weight)}


def terms(when: str, record: dict[str, Any], weight: float) -> dict[str, float]:
    """Of one fused epoch: task loss, the main modality's distance (without lambda), and both
    gradients' norms.
    """
    return {
        f"{when} task": record["loss/task"],
        f"{when} distance rgb": record["loss/distil rgb"] / weight if weight else math.nan,
        f"{when} gradient of task": record["gradient_of/task"],
        f"{when} gradient of distil rgb": record["gradient_of/distil rgb"],
    }


def summary(values: list[float]) -> dict[str, float | None]:
    """Mean over seeds with its 95 % interval; None where a value does not exist."""
    if any(value != value for value in values):
        return {"mean": None, "low": None, "high": None}
    interval = seed_interval(values)
    return {"mean": interval.value, "low": interval.low, "high": interval.high}


if __name__ == "__main__":
    main()
