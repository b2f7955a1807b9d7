"""The scores over the repeats of a benchmark, and in words, whatever the rule set."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from auxdrive_eval.scoring.records import RouteRecord
from auxdrive_eval.scoring.results import SCORES

_SHOWN = (
    ("score_composed", "driving score, of 100", 2),
    ("score_route", "route completion, %", 1),
    ("score_penalty", "penalty factor", 3),
)


def over_repeats(records: Sequence[RouteRecord], repeats: int) -> dict[str, Any]:
    """The benchmark's scores over its repeats, as papers report them: the mean and standard
    deviation of the repeats' means over the routes.

    Args:
        records: `repeats` records of each route, one after the other.
        repeats: how often each route was driven, 2 or more; once gives "NaN" as deviation.
    """
    runs = {
        name: [
            _mean([getattr(record.scores, name) for record in records[start::repeats]])
            for start in range(repeats)
        ]
        for name in SCORES
    }
    return {
        "repeats": repeats,
        "scores_of_each": runs,
        "scores_mean": {name: _mean(values) for name, values in runs.items()},
        "scores_std_dev": {name: _deviation(values) for name, values in runs.items()},
    }


def scores_in_words(document: dict[str, Any]) -> list[tuple[str, str]]:
    """The scores of a finished document in words.

    If routes were repeated, the deviation is that of the benchmark over its repeats, as papers
    report it, and the words also give the deviation over all drives.

    Returns:
        For each score: its value with its deviation, and what they describe.
    """
    return [_in_words(document, name, label, digits) for name, label, digits in _SHOWN]


def _in_words(document: dict[str, Any], name: str, label: str, digits: int) -> tuple[str, str]:
    record, drives = (
        document["_checkpoint"]["global_record"],
        len(document["_checkpoint"]["records"]),
    )
    means = record["scores" if "scores" in record else "scores_mean"]
    mean, over_drives = means[name], record["scores_std_dev"][name]
    repeated = document.get("auxdrive", {}).get("over_repeats")
    if drives < 2 or isinstance(over_drives, str):
        return f"{mean:.{digits}f}", label
    if repeated is None:
        return f"{mean:.{digits}f} ± {over_drives:.{digits}f}", f"{label} (± over {drives} routes)"
    deviation = repeated["scores_std_dev"][name]
    said = (
        f"± over {repeated['repeats']} repeats of the benchmark; ± {over_drives:.{digits}f} over "
        f"the {drives} drives"
    )
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}", f"{label} ({said})"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _deviation(values: Sequence[float]) -> float | str:
    return "NaN" if len(values) < 2 else statistics.stdev(values)
