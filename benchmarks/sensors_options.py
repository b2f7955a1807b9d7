"""The options of `benchmarks/sensors.py`, and what they say."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from auxdrive.errors import UsageError
from auxdrive.power import Scatter
from auxdrive_eval.routes.loading import load_routes
from record import RESULTS

ROLES = {
    "baseline": "student", "teacher": "teacher", "samd": "student", "umt": "student",
    "dmcl": "student", "kd": "student",
}  # fmt: skip
"""By method, the network that drives."""
EPOCHS = 12
FIRST_ROUTE = 5000
ASSUMED = "5,10,10,20"
NOT_DECIDING = ("out", "result", "train_only", "drive_only")


def parsed(text: str) -> argparse.Namespace:
    """The options.

    Args:
        text: what the program does, for its help.
    """
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
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
    parser.add_argument("--scenarios", default="", help="played in recordings and drives")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument(
        "--scatter", default=ASSUMED, metavar="SEED,ROUTE,BOTH,REPEAT",
        help="standard deviations of a difference, in points: assumed, or as an earlier result's "
        "'power by what was driven' has them",
    )  # fmt: skip
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--train-only", action="store_true", help="train and export; drive nothing yet"
    )
    part.add_argument(
        "--drive-only", action="store_true",
        help="drive what DIR holds, from a machine that trained; the data need not be here",
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
    deciding = {key: value for key, value in vars(given).items() if key not in NOT_DECIDING}
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


def routes_of(given: argparse.Namespace) -> str:
    """The seeds of the routes that are driven, or the file that holds them."""
    if given.route_file:
        return str(given.route_file.name)
    return f"{given.first_route}-{given.first_route + given.routes - 1}"
