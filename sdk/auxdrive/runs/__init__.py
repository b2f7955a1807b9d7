"""The folder of a training run: the names of its files, and the records in them.

    config.yaml                         the config, as `auxdrive train` takes it
    dataset.json                        the card of the data set that it was trained on
    run.json                            where the run comes from (`RunRecord`)
    metrics.jsonl                       a line for each finished epoch
    tensorboard/, wandb/                the same for trackers that were asked for
    checkpoints/last.safetensors        the state from which training is resumed
    checkpoints/best.safetensors        the networks after the student's best epoch
    reference/images.npy, ego.npy, labels.npy
                                        real frames for the parity check of an export
    result.json                         what was measured after training (`RunResult`)
    validation.json                     the same by condition, and examples (`ValidationRecord`)
    examples/<name>.jpg                 the examples' images

A folder of several runs says in `chosen.json` which of them is meant where one is wanted
(`run_in`).

Nothing here needs torch: training writes runs through this module, and inspection, reports and the
demo read them through it.
"""

from __future__ import annotations

from auxdrive.runs.chosen import CHOSEN_NAME, Chosen, run_in, write_chosen
from auxdrive.runs.folder import CONFIG_NAME, NOT_IN_FINGERPRINT, RunFolder
from auxdrive.runs.records import (
    Condition,
    Example,
    InitialWeights,
    MeasuredOn,
    Metrics,
    PhaseResult,
    RunRecord,
    RunResult,
    ValidationRecord,
)

__all__ = [
    "CHOSEN_NAME", "CONFIG_NAME", "NOT_IN_FINGERPRINT", "Chosen",
    "Condition", "Example", "InitialWeights", "MeasuredOn", "Metrics", "PhaseResult", "RunFolder",
    "RunRecord", "RunResult", "ValidationRecord", "run_in", "write_chosen",
]  # fmt: skip
