"""What `auxdrive inspect` prints about sweeps. Importing it is cheap, and needs no extra."""

from __future__ import annotations

from pathlib import Path

import auxdrive.console as console
from auxdrive.extras import what_lacks
from auxdrive.inspection.base import Inspection, Summary
from auxdrive.inspection.metric_tables import rounded

from auxdrive_train.sweeping import SWEEP_NAME, is_sweep


def _summarise(path: Path) -> Summary:
    try:
        from auxdrive_train.sweeping.inspection import summarise_sweep
    except ImportError as error:
        if lacking := what_lacks("sweep", error):
            raise lacking from error
        raise
    return summarise_sweep(path)


def _show(summary: Summary) -> None:
    path = Path(summary["path"])
    name = path.resolve().name
    console.table(f"sweep {name}", ("fact", "value"), _facts(summary), text=("value",))
    rows = [
        (
            each["name"],
            each["state"],
            each["epochs"],
            ", ".join(f"{name} {rounded(value)}" for name, value in each["best"].items()),
        )
        for each in summary["runs"]
    ]
    columns = ("run", "state", "epochs", "best epoch, val")
    console.table("runs", columns, rows, text=("state", "best epoch, val"))
    if summary["finished"]:
        console.note(f"`auxdrive compare {path}` compares the runs that are finished")
    if summary["finished"] < len(summary["runs"]):
        console.note(f"`auxdrive sweep --resume --out {path}` trains the others")
    console.note(f"`auxdrive inspect {path / 'runs' / 'NAME'}` shows a run")


def _facts(summary: Summary) -> list[tuple[str, str]]:
    finished = ("finished", f"{summary['finished']} of {len(summary['runs'])} runs")
    sweep = summary["sweep"]
    if sweep is None:
        return [finished, ("what it trains", "damaged, see below")]
    data = sweep["base"].get("data", "each method's own")
    return [
        finished,
        ("methods", ", ".join(sweep["methods"])),
        ("seeds", ", ".join(map(str, sweep["seeds"]))),
        *((f"varies {key}", ", ".join(map(str, values))) for key, values in sweep["vary"].items()),
        ("data", ", ".join(map(str, data)) if isinstance(data, list) else str(data)),
    ]


SWEEP = Inspection(
    what="sweep",
    known_by=SWEEP_NAME,
    holds=is_sweep,
    summarise=_summarise,
    show=_show,
    no_page="`auxdrive compare --plot` draws its metrics",
)
