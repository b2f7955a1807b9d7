"""`auxdrive select`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from auxdrive import console
from auxdrive.commands.completing import modality_names, some_of
from auxdrive.commands.names import names_of
from auxdrive.console import JsonOption

from auxdrive_train.commands.options import (
    BackboneOption,
    MainOption,
    ResumeOption,
    SeedOption,
    SetOption,
    TaskOption,
    TrackOption,
)


def select(
    data: Annotated[
        list[Path],
        typer.Option(help="The data set's directory; repeat it to weigh on several as one."),
    ],
    candidates: Annotated[
        str | None,
        typer.Option(
            help=(
                "Modalities to weigh, separated by commas; by default all that the data hold, edge "
                "and frequency."
            ),
            autocompletion=some_of(modality_names),
        ),
    ] = None,
    main: MainOption = "rgb",
    task: TaskOption = "steering",
    backbone: BackboneOption = None,
    epochs: Annotated[int, typer.Option(help="Epochs to train.")] = 10,
    seed: SeedOption = 0,
    out: Annotated[Path, typer.Option(help="The run's directory.")] = Path("runs/selection"),
    decide: Annotated[
        str | None,
        typer.Option(
            metavar="umt",
            help="Say instead whether these modalities have something to tell each other (UMT) or "
            "are best averaged (UME): trains a network on each.",
            show_default=False,
        ),
    ] = None,
    track: TrackOption = None,
    resume: ResumeOption = False,
    set_: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Say which auxiliary modality is worth having: mean squeeze-and-excitation weight on the
    validation set.
    """
    from auxdrive.errors import UsageError

    from auxdrive_train.engine.config_files import load_config

    if decide not in (None, "umt"):
        raise UsageError(f"--decide {decide}: there is one such decision, umt")
    at_hand = _at_hand(data, main)
    names = names_of("--candidates", candidates) or at_hand
    method = "selection" if decide is None else "ume"
    overrides = {
        "data": [str(path) for path in data], "method": method, "main": main, "aux": names,
        "task": task, "backbone": backbone, "epochs": epochs, "seed": seed,
        "track": names_of("--track", track),
    }  # fmt: skip
    config = load_config(None, overrides, set_ or [])
    if decide is not None:
        _show_decision(config, out, resume, json_output)
        return
    result = _weigh(config, out, resume)
    if json_output:
        console.print_json({"run": str(out), **result})
        return
    rows = [[name, f"{weight:.4f}"] for name, weight in result["importance"].items()]
    console.table(f"modalities by importance for {task}", ["modality", "mean SE weight"], rows)
    if result["noise_is_last"]:
        console.note(f"best auxiliary: {result['best']}; noise came last, as it must")
    else:
        console.note(
            "noise did not come last: these weights cannot be trusted. Train longer (--epochs) or "
            "on more data"
        )


def _show_decision(config: Any, out: Path, resume: bool, json_output: bool) -> None:
    """Train UME's networks, and say what they decide."""
    from auxdrive.inspection.metric_tables import rounded

    from auxdrive_train.commands.training import train_shown
    from auxdrive_train.evaluation.deciding import decide

    train_shown(config, out, resume)
    found = decide(out, progress=console.progress)
    if json_output:
        console.print_json(found.model_dump(mode="json"))
        return
    rows = [(role, rounded(value)) for role, value in found.alone.items()]
    rows += [
        ("mean of their predictions", rounded(found.mean_of_predictions)),
        ("linear head on all their features", rounded(found.linear_head)),
    ]
    console.table(f"{found.main_metric} on the split '{found.split}'", ("", "value"), rows)
    why = (
        "a linear head on frozen features is better than the mean: modalities have something to "
        "tell each other"
        if found.decision == "umt"
        else "the mean is no worse than a linear head on frozen features: modalities tell the "
        "same, or nothing together"
    )
    console.note(f"decision: {found.decision}, since {why}")


def _at_hand(data: list[Path], main: str | None) -> list[str]:
    """All modalities that the data hold, edge and frequency, but for the main one."""
    from auxdrive.data.dataset import Dataset
    from auxdrive.modalities import Modality

    held = (*Dataset.open(data).card.modalities, Modality.EDGE, Modality.FREQUENCY)
    return [m.value for m in dict.fromkeys(held) if m.value != main]


def _weigh(config: Any, out: Path, resume: bool) -> dict[str, Any]:
    from auxdrive_train.commands.training import train_shown
    from auxdrive_train.evaluation.importance import NOISE, importance_of

    trained = train_shown(config, out, resume)
    weights = importance_of(out)
    auxiliaries = [name for name in weights if name not in (NOISE, config.main.value)]
    return {
        "importance": weights,
        "best": auxiliaries[0],
        "noise_is_last": list(weights)[-1] == NOISE,
        "metrics": trained.metrics,
    }
