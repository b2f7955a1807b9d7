"""Compares results: puts them into groups over seeds, and tests the difference of each group from
the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from auxdrive.bootstrap import RESAMPLES
from auxdrive.comparing.base import Part, Result
from auxdrive.comparing.differences import differences_of, measured
from auxdrive.comparing.found import find
from auxdrive.comparing.groups import Group, differing, grouped, same_data, short
from auxdrive.comparing.planning import planned_of
from auxdrive.comparing.record import (
    ComparedGroup,
    Comparison,
    Difference,
    GroupMetric,
    MetricKind,
    Source,
)
from auxdrive.errors import UsageError, unknown_name
from auxdrive.power import Plan
from auxdrive.statistics import seed_interval

_VALIDATION, _TEST, _STUDENT, _ALL = "val", "test", "student", "all"


def compare(
    given: Sequence[tuple[str | None, Path]],
    split: str | None = None,
    role: str | None = None,
    plans: Sequence[Plan] = (),
) -> Comparison:
    """Compare results.

    Args:
        given: folders, each with the name of the group that its results are put into. Where the
            name is None, results that differ only in the seed form a group.
        split: for runs, the split to compare on; by default the test split if all have measured it,
            else the validation part.
        role: for runs, the role to compare; by default the student if all have one.
        plans: for drives, further ones of which is told what they would show.

    Raises:
        UsageError: nothing was given, a folder holds no results, or the results cannot be compared
            because they are of several kinds, tasks or rule sets; or plans are given, and there are
            no two groups of drives.
        DataError: a folder is damaged or not finished.
    """
    found, holes, what = find(given)
    _refuse_rules([result for _, result in found])
    groups, notes = grouped(found)
    part = _part([result for group in groups for result in group.results], split, role)
    names = _metric_kinds(groups, part)
    differences = [
        difference
        for group in groups[1:]
        for difference in differences_of(groups[0], group, part, names)
    ]
    planned = [
        each for group in groups[1:] for each in planned_of(groups[0], group, part, names, plans)
    ]
    if plans and not planned:
        raise UsageError("--plan tells what further drives would show: give drives of two groups")
    results = [result for group in groups for result in group.results]
    return Comparison(
        what=what,
        split=part.split,
        role=part.role,
        metrics=names,
        main_metrics=tuple(m for m in results[0].main_metrics if m in names),
        groups=tuple(_compared(group, part, names) for group in groups),
        differences=tuple(differences),
        planned=tuple(planned),
        floor=_floor(groups[0], part, names),
        unequal=_unequal(groups),
        holes={str(path): reason for path, reason in holes.items()},
        notes=(*notes, *_notes(groups, part, what), *_method(differences)),
    )


def _refuse_rules(results: Sequence[Result]) -> None:
    first = results[0]
    for result in results[1:]:
        for name, value in first.rules.items():
            if result.rules.get(name) != value:
                raise UsageError(
                    f"{first.path} is of the {name} '{value}', {result.path} of "
                    f"'{result.rules.get(name)}': their metrics cannot be compared"
                )


def _part(results: Sequence[Result], split: str | None, role: str | None) -> Part:
    """Which part of the metrics is compared: one that all results have.

    Args:
        results: that are compared.
        split: that was asked for, or None.
        role: that was asked for, or None.

    Raises:
        UsageError: not all results have it, or none was asked for and they have none in common.
    """
    common = [
        part for part in results[0].metrics if all(part in result.metrics for result in results)
    ]
    if not common:
        known = dict.fromkeys(part.role for result in results for part in result.metrics)
        raise UsageError(
            "these results have no split and no role in common that all have measured; compare "
            f"those of one role ({', '.join(filter(None, known))}) by themselves"
        )
    if common == [Part()]:
        if split is not None or role is not None:
            raise UsageError("--split and --role are for runs, whose roles are measured on splits")
        return Part()
    splits = list(dict.fromkeys(part.split for part in common))
    if split is None:
        further = [name for name in splits if name != _VALIDATION]
        split = _TEST if _TEST in splits else (further or splits)[0]
    elif split not in splits:
        raise UsageError(f"{unknown_name('split', split, splits)} (those that all have measured)")
    roles = [part.role for part in common if part.split == split and part.role != _ALL]
    if role is None:
        if _STUDENT not in roles and len(roles) != 1:
            raise UsageError(f"which role is to be compared? Give --role: {', '.join(roles)}")
        role = _STUDENT if _STUDENT in roles else roles[0]
    elif role not in roles:
        raise UsageError(f"{unknown_name('role', role, roles)} (those that all have)")
    return Part(split, role)


def _metric_kinds(groups: Sequence[Group], part: Part) -> dict[str, MetricKind]:
    return {
        name: MetricKind(unit=measured.unit, higher_is_better=measured.higher_is_better)
        for group in groups
        for result in group.results
        for name, measured in result.metrics[part].items()
    }


def _compared(group: Group, part: Part, names: Mapping[str, MetricKind]) -> ComparedGroup:
    metrics = {}
    for name, kind in names.items():
        values = [measured(result, part, name).value for result in group.results]
        numbers = [value for value in values if value is not None]
        whole = len(numbers) == len(values)
        made = seed_interval(numbers, kind.unit) if whole else None
        metrics[name] = GroupMetric(
            value=None if made is None else made.value,
            low=None if made is None else made.low,
            high=None if made is None else made.high,
            values=tuple(values),
        )
    sources = tuple(
        Source(path=str(result.path), unit=unit, seed=result.seed)
        for result, unit in zip(group.results, group.units, strict=True)
    )
    return ComparedGroup(name=group.name, results=sources, metrics=metrics)


def _floor(
    group: Group, part: Part, names: Mapping[str, MetricKind]
) -> dict[str, dict[str, float]]:
    """For each kind of prediction that needs no network, its mean metrics over a group."""
    made: dict[str, dict[str, float]] = {}
    for kind in group.results[0].floor.get(part.split, {}):
        for name in names:
            values = [
                result.floor.get(part.split, {}).get(kind, {}).get(name) for result in group.results
            ]
            numbers = [value for value in values if value is not None]
            if numbers and len(numbers) == len(values):
                made.setdefault(kind, {})[name] = float(np.mean(numbers))
    return made


def _unequal(groups: Sequence[Group]) -> dict[str, dict[str, str]]:
    """The settings in which groups differ, with the value, or values, of each group."""
    every = [result for group in groups for result in group.results]
    return {
        key: {
            group.name: " and ".join(
                dict.fromkeys(short(result.settings.get(key)) for result in group.results)
            )
            for group in groups
        }
        for key in differing(every)
    }


def _method(differences: Sequence[Difference]) -> Iterator[str]:
    """How the bootstrap draws, where there is one."""
    drawn = next((each.bootstrap for each in differences if each.bootstrap), None)
    if drawn is not None:
        yield (
            f"bootstrap: {drawn.routes} routes are drawn with replacement, and of each drawn route "
            f"its {drawn.repeats} repeat(s), {RESAMPLES:,} times, the same ones for both "
            "benchmarks, which have the same traffic there; the interval is from the 2.5th to the "
            "97.5th percentile of the difference. Scores are tested by the sign-flip test over "
            "routes, other metrics by the bootstrap itself"
        )


def _notes(groups: Sequence[Group], part: Part, what: str) -> Iterator[str]:
    if len(groups) == 1:
        yield "there is one group alone: it is compared with nothing"
    for group in groups:
        if len(group.results) == 1:
            yield f"'{group.name}' has one result: one seed gives no interval over seeds"
        if not group.by_seed:
            yield (
                f"the {what} of '{group.name}' have seeds in common, and are paired in the order "
                "in which they were given"
            )
    every = [result for group in groups for result in group.results]
    for result in every:
        yield from (f"{result.path}: {note}" for note in result.notes)
    if not all(same_data(every[0], result) for result in every):
        yield (
            "not all were measured on the same data or routes: means over seeds are over these, "
            "too, and differences are over pairs that share theirs"
        )
    for name in every[0].made_by:
        values = dict.fromkeys(result.made_by.get(name, "") or "unknown" for result in every)
        if len(values) > 1:
            yield f"made by different versions: {name} {' and '.join(values)}"
    if part.split == _VALIDATION:
        yield "the validation part chose the best epochs, so that metrics on it are too good"
    if len(groups) > 2:
        yield (
            f"each of {len(groups) - 1} groups is tested against the first by itself: p-values are "
            "not corrected for their number"
        )
