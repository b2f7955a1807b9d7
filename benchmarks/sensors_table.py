"""The table of `benchmarks/sensors.py`, from the scores of all drives: by condition each model's
score with its interval over seeds, its difference from the baseline, and the share of the gap to
the teacher that it closes.

Legend: S seeds, N routes, K repeats.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from auxdrive.cards import Interval
from auxdrive.errors import DataError
from auxdrive.power import POWER, Plan, Scatter, error_by_routes, scatter_of, smallest_shown
from auxdrive.statistics import (
    PairedDifference,
    paired_difference,
    seed_difference,
    seed_interval,
    seed_ratio,
)
from auxdrive.types import Float64

BASELINE, TEACHER = "baseline", "teacher"
ALL = "all"
WANTED_POINTS = 5.0
MOST_SEEDS = 400
Scores = Mapping[str, Mapping[str, Float64]]
"""By model and condition, (S, N, K)."""


def with_all(scores: Scores) -> dict[str, dict[str, Float64]]:
    """The scores with those over all conditions, on every route of each."""
    return {
        model: {**by_condition, ALL: np.concatenate(list(by_condition.values()), axis=1)}
        for model, by_condition in scores.items()
    }


def table_of(scores: Scores) -> dict[str, dict[str, dict[str, Any]]]:
    """By condition and model: `score`; but for the baseline `against baseline`, and for students
    `share of the gap` (None where the teacher drives no better than the baseline), each with its
    95 % interval; and whether the intervals of the model's and the baseline's scores are disjoint.

    Args:
        scores: of the models, the baseline among them.
    """
    whole = with_all(scores)
    return {
        condition: {model: _row(whole, model, condition) for model in whole}
        for condition in next(iter(whole.values()))
    }


def _row(scores: Scores, model: str, condition: str) -> dict[str, Any]:
    ours, first = scores[model][condition], scores[BASELINE][condition]
    score = seed_interval(list(_by_seed(ours)))
    row: dict[str, Any] = {"score": bounded(score), "by seed": _by_seed(ours).tolist()}
    if model == BASELINE:
        return row
    row["against baseline"] = told(difference(ours, first))
    row["disjoint from baseline"] = _are_disjoint(score, seed_interval(list(_by_seed(first))))
    if model != TEACHER and TEACHER in scores:
        gap = _by_seed(scores[TEACHER][condition]) - _by_seed(first)
        row["share of the gap"] = (
            bounded(seed_ratio(_by_seed(ours) - _by_seed(first), gap)) if gap.mean() > 0 else None
        )
    return row


def _by_seed(scores_snk: Float64) -> Float64:
    means: Float64 = scores_snk.mean(axis=(1, 2))
    return means


def difference(ours: Float64, first: Float64) -> PairedDifference:
    """The paired difference over seeds; for a single seed, over routes.

    Args:
        ours: (S, N, K), scores of a model.
        first: of the baseline, on the same routes and repeats.
    """
    if len(ours) > 1:
        return seed_difference(_by_seed(ours), _by_seed(first))
    return paired_difference(ours.mean(axis=(0, 2)), first.mean(axis=(0, 2)), seed=0)


def told(found: PairedDifference) -> dict[str, Any]:
    """A difference as JSON, where a bound that is infinite is None."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(found).items()
    } | {"is_shown": found.is_shown}


def bounded(found: Interval) -> dict[str, float | None]:
    """An interval as JSON."""
    return {"mean": found.value, "low": found.low, "high": found.high}


def _are_disjoint(one: Interval, other: Interval) -> bool | None:
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return None
    return one.low > other.high or one.high < other.low


def scatter_found(scores: Scores) -> Scatter:
    """How the differences of the models from the baseline scattered, in one condition: the mean
    over conditions and models of each part.

    Args:
        scores: of the models, of two routes or more.

    Raises:
        DataError: there is one route alone, or nothing beside the baseline.
    """
    found = [
        scatter_of(by_condition[condition] - scores[BASELINE][condition])
        for model, by_condition in scores.items()
        if model != BASELINE
        for condition in by_condition
    ]
    if not found:
        raise DataError("there is no model beside the baseline")
    seeds = [each.seed for each in found if each.seed is not None]
    rest = (
        float(np.mean([getattr(each, name) for each in found]))
        for name in ("route", "both", "repeat")
    )
    return Scatter(float(np.mean(seeds)) if len(seeds) == len(found) else None, *rest)


def power_of(scatter: Scatter, plan: Plan) -> dict[str, Any]:
    """What a plan can show of a condition: the smallest difference, and how many seeds a difference
    of `WANTED_POINTS` points needs with its routes and repeats (None: more than `MOST_SEEDS`).

    Args:
        scatter: of differences in one condition.
        plan: what is to be driven in each condition.
    """
    parts = {
        name: None if value is None else round(math.sqrt(value), 2)
        for name, value in asdict(scatter).items()
    }
    result: dict[str, Any] = {"plan": asdict(plan), "power": POWER, "standard deviations": parts}
    try:
        result["smallest difference"] = smallest_shown(scatter, plan)
        result["by other routes"] = error_by_routes(scatter, plan)
    except DataError as error:
        return {**result, "reason": str(error)}
    return {**result, f"seeds for {WANTED_POINTS:g} points": _seeds_enough(scatter, plan)}


def _seeds_enough(scatter: Scatter, plan: Plan) -> int | None:
    """The fewest seeds that show `WANTED_POINTS`; None where it takes more than `MOST_SEEDS`."""
    if scatter.seed is None:
        return None

    def is_enough(seeds: int) -> bool:
        shown = smallest_shown(scatter, Plan(plan.routes, plan.repeats, seeds))
        return shown <= WANTED_POINTS

    counts = range(2, MOST_SEEDS + 1)
    place = bisect_left(counts, True, key=is_enough)
    return counts[place] if place < len(counts) else None


def power_in_words(found: Mapping[str, Any], whence: str) -> str:
    """What a plan can show, as a sentence.

    Args:
        found: by `power_of`.
        whence: where the scatter is from.
    """
    plan, parts = found["plan"], found["standard deviations"]
    begin = (
        f"{plan['routes']} routes x {plan['repeats']} repeats x {plan['seeds']} seeds, with "
        "standard deviations of a difference between two models of "
        + ", ".join(f"{value} ({name})" for name, value in parts.items())
        + f" points ({whence}): "
    )
    if "reason" in found:
        return f"{begin}{found['reason']}"
    needs = found[f"seeds for {WANTED_POINTS:g} points"]
    return begin + (
        f"a difference of {found['smallest difference']:.1f} points in one condition is shown in "
        f"{POWER:.0%} of such comparisons (p < 5 %); {WANTED_POINTS:g} points need "
        f"{f'more than {MOST_SEEDS}' if needs is None else needs} seeds. On other routes the "
        f"difference is another one by ± {found['by other routes']:.1f} points"
    )


def markdown(table: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> Iterator[str]:
    """The lines of the table: a row for each condition and model.

    Args:
        table: by `table_of`.
    """
    yield "| condition | model | score | against the baseline | p | share of the gap |"
    yield "|---|---|---|---|---|---|"
    for condition, rows in table.items():
        for model, row in rows.items():
            gained = row.get("against baseline")
            share = row.get("share of the gap")
            cells = (
                condition,
                model,
                _shown(row["score"], 1),
                "" if gained is None else _shown(gained, 1, "+"),
                "" if gained is None else f"{gained['p_value']:.3f}",
                "" if share is None else _shown(share, 2),
            )
            yield f"| {' | '.join(cells)} |"


def _shown(found: Mapping[str, Any], digits: int, sign: str = "") -> str:
    def number(value: float | None) -> str:
        return "∞" if value is None else f"{value:{sign}.{digits}f}"

    if found["low"] is None and found["high"] is None:
        return number(found["mean"])
    return f"{number(found['mean'])} [{number(found['low'])}, {number(found['high'])}]"


def verdicts(
    table: Mapping[str, Mapping[str, Mapping[str, Any]]], hard: Sequence[str]
) -> list[str]:
    """Sentences on what the issue asks of a world in which sensors matter: a gap of 10 points where
    the camera sees badly, and a student that closes half of it.

    Args:
        table: by `table_of`.
        hard: conditions in which a gap is wanted.
    """
    found = []
    for condition in (name for name in hard if name in table):
        rows = table[condition]
        if TEACHER in rows:
            gap = rows[TEACHER]["against baseline"]
            shown = gap["is_shown"] and gap["mean"] >= 10.0
            found.append(
                f"{condition}: the teacher is {_shown(gap, 1, '+')} points from the baseline; a "
                f"gap of 10 points is {'shown' if shown else 'not shown'} by {gap['pairs']} "
                f"{'seeds' if gap['test'] == 'paired t-test' else 'routes of one seed'}"
            )
        for model, row in rows.items():
            if row.get("share of the gap") is None:
                continue
            half = row["share of the gap"]["mean"] >= 0.5 and row["disjoint from baseline"]
            found.append(
                f"{condition}: {model} closes {_shown(row['share of the gap'], 2)} of it; half of "
                f"it, with disjoint intervals, is {'reached' if half else 'not reached'}"
            )
    return found
