"""Puts results into groups, those that differ only in the seed, and finds the settings in which
groups differ.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from auxdrive.comparing.base import Result
from auxdrive.errors import UsageError

_LONGEST_VALUE = 40


@dataclass(frozen=True)
class Group:
    """A group of results over seeds.

    Attributes:
        name: that was given, or made of what distinguishes it from the others.
        results: in the order of their seeds, or of the arguments where seeds do not distinguish
            them.
        by_seed: whether each has a seed of its own, by which it can be paired.
    """

    name: str
    results: tuple[Result, ...]
    by_seed: bool

    @property
    def units(self) -> tuple[str, ...]:
        """What to call each result: by its seed or its number."""
        if self.by_seed:
            return tuple(f"seed {result.seed}" for result in self.results)
        return tuple(f"{place}." for place in range(1, len(self.results) + 1))


def grouped(given: Sequence[tuple[str | None, Result]]) -> tuple[list[Group], list[str]]:
    """Put results into groups.

    Args:
        given: results, each with the name of the group that the user chose, or None.

    Returns:
        The groups, in the order in which their first results were given, and notes that a reader
        must know.

    Raises:
        UsageError: results of one seed and the same settings have different metrics.
    """
    notes: list[str] = []
    named: dict[str, list[Result]] = {}
    alike: dict[str, list[Result]] = {}
    order: list[tuple[bool, str]] = []
    for name, result in _once(given, notes):
        table, key = (alike, _alike(result)) if name is None else (named, name)
        if key not in table:
            order.append((name is not None, key))
        table.setdefault(key, []).append(result)
    lots = [
        (key if is_named else None, lot)
        for is_named, key in order
        for lot in ([named[key]] if is_named else _by_data(alike[key]))
    ]
    names = _distinct(_names(lots))
    groups = [_group(name, lot, notes) for name, (_, lot) in zip(names, lots, strict=True)]
    notes += [
        f"'{group.name}' was put together of results with different settings: {told}"
        for group in groups
        if (told := _told(differing(group.results)))
    ]
    return groups, notes


def differing(results: Iterable[Result]) -> dict[str, list[Any]]:
    """The settings in which results differ, with all values that they have."""
    rows = list(results)
    keys = dict.fromkeys(key for result in rows for key in result.settings)
    found = {}
    for key in keys:
        values = {_canonical(value): value for value in (row.settings.get(key) for row in rows)}
        if len(values) > 1:
            found[key] = list(values.values())
    return found


def short(value: Any) -> str:
    """The value of a setting in a few characters."""
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = "none" if value is None or text == "" else text
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 3]}..."


def same_data(one: Result, other: Result) -> bool:
    """Whether two results were measured on the same data or routes.

    Args:
        one: a result.
        other: another, of the same kind.
    """
    return _canonical(one.measured_on) == _canonical(other.measured_on)


def _once(
    given: Sequence[tuple[str | None, Result]], notes: list[str]
) -> list[tuple[str | None, Result]]:
    seen: dict[Any, str | None] = {}
    kept = []
    for name, result in given:
        place = result.path.resolve()
        if place in seen and seen[place] == name:
            notes.append(f"{result.path} was given more than once, and counts once")
            continue
        if place in seen:
            notes.append(f"{result.path} stands in more than one group")
        seen[place] = name
        kept.append((name, result))
    return kept


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _alike(result: Result) -> str:
    return _canonical([result.name, dict(result.settings)])


def _by_data(lot: list[Result]) -> list[list[Result]]:
    """Divide results by the data that they were measured on, if some seed was measured on several.
    Otherwise, where each seed has its own data or all have the same, they stay together.
    """
    seen: dict[tuple[int, str], str] = {}
    several = False
    for result in lot:
        data = _canonical(dict(result.measured_on))
        several |= seen.setdefault((result.seed, result.identity), data) != data
    if not several:
        return [lot]
    parts: dict[str, list[Result]] = {}
    for result in lot:
        parts.setdefault(_canonical(dict(result.measured_on)), []).append(result)
    return list(parts.values())


def _names(lots: Sequence[tuple[str | None, list[Result]]]) -> list[str]:
    """The names of groups: those that were given, else the names of their results, with the
    settings in which groups of one name differ.
    """
    names = []
    for given, lot in lots:
        alike = [other[0] for name, other in lots if name is None and other[0].name == lot[0].name]
        keys = list(differing(alike))
        told = [f"{_last(key, keys)} {short(lot[0].settings.get(key))}" for key in keys]
        told += [
            f"{key} {short(value)[:12]}"
            for key, value in lot[0].measured_on.items()
            if any(_canonical(other.measured_on.get(key)) != _canonical(value) for other in alike)
        ]
        names.append(given or ", ".join([lot[0].name, *told]))
    return names


def _last(key: str, among: Sequence[str]) -> str:
    """The last part of a setting's path, or all of it where another one ends with that part."""
    last = key.rpartition(".")[2]
    return last if sum(other.rpartition(".")[2] == last for other in among) == 1 else key


def _distinct(names: Sequence[str]) -> list[str]:
    made: list[str] = []
    for name in names:
        place, chosen = 2, name
        while chosen in made:
            chosen, place = f"{name} ({place})", place + 1
        made.append(chosen)
    return made


def _group(name: str, lot: list[Result], notes: list[str]) -> Group:
    kept: dict[tuple[int, str, str], Result] = {}
    for result in lot:
        key = (result.seed, result.identity, _canonical(dict(result.measured_on)))
        earlier = kept.setdefault(key, result)
        if earlier is result:
            continue
        if earlier.metrics != result.metrics or _alike(earlier) != _alike(result):
            raise UsageError(
                f"{earlier.path} and {result.path} both stand for seed {result.seed} of "
                f"'{name}', and differ. Leave one out, or put them into groups of their own with "
                "NAME=PATH"
            )
        notes.append(
            f"{result.path} is {earlier.path} again: the same seed, settings and metrics count once"
        )
    results = list(kept.values())
    by_seed = len({result.seed for result in results}) == len(results)
    if by_seed:
        results.sort(key=lambda result: result.seed)
    return Group(name, tuple(results), by_seed)


def _told(found: Mapping[str, list[Any]]) -> str:
    return "; ".join(f"{key} {' and '.join(map(short, values))}" for key, values in found.items())
