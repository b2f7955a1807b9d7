"""Lane sections that follow each other without a choice, cut where signals stand.

Legend: N points along a chain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from auxdrive.errors import DataError
from auxdrive.geometry import cumulative_length
from auxdrive.types import Float64

from auxdrive_eval.road_maps.base import LaneId
from auxdrive_eval.simulators.embedded.opendrive.sections import LaneSection
from auxdrive_eval.world import Point

CROSSING_M = 8.0
"""Length of the crossing behind a signal on an open road."""
LEAST_M = 12.0
"""Least length of a lane before such a crossing."""
SAME_M = 0.02


@dataclass(frozen=True, slots=True)
class Chain:
    """Sections that follow each other without a choice.

    Attributes:
        keys: of the sections, in driving order.
        points: float64 (N, 2), in driving direction.
        width_m: of the lane.
        parking_m: width of the parking lane beside all of it, 0 without.
        junction: the junction that it leads through, else None.
        loops: whether its end leads to its start, and nowhere else.
    """

    keys: tuple[LaneId, ...]
    points: Float64
    width_m: float
    parking_m: float
    junction: int | None
    loops: bool

    def crossings(self, lines: Sequence[Point]) -> tuple[Chain, list[float]]:
        """The chain, and where along it crossings begin. A loop is turned so that it ends with one.

        Args:
            lines: the places of signals on it.
        """
        along = cumulative_length(self.points)
        length_m = float(along[-1])
        last_m = length_m - CROSSING_M - (0.0 if self.loops else LEAST_M)
        if self.junction is not None or last_m < LEAST_M:
            return self, []
        found: list[float] = []
        for at_m in sorted(self._foot(along, line) for line in lines):
            at_m = max(at_m, LEAST_M)
            if at_m <= last_m and (not found or at_m - found[-1] > CROSSING_M + LEAST_M):
                found.append(at_m)
        if not self.loops:
            return self, found
        if not found:
            return self, [last_m]
        begin_m = found[-1] + CROSSING_M
        return self._turned(along, begin_m), [
            *(at_m - begin_m + length_m for at_m in found[:-1]),
            last_m,
        ]

    def _foot(self, along: Float64, line: Point) -> float:
        away = np.hypot(*(self.points - line).T)
        return float(along[np.argmin(away)])

    def _turned(self, along: Float64, begin_m: float) -> Chain:
        """The loop, beginning elsewhere."""
        first = _at(self.points, along, begin_m)
        order = np.argsort((along - begin_m) % along[-1], kind="stable")
        points = np.concatenate([[first], self.points[order], [first]])
        return replace(self, points=_apart(points))


@dataclass(slots=True)
class Piece:
    """A lane in the making; the pieces of a chain follow each other.

    Attributes:
        chain: of which it is a piece.
        points: float64 (N, 2), in driving direction.
        junction: as of the chain, or the number of the crossing.
        is_crossing: whether it was made for a signal, or to end a loop.
    """

    chain: Chain
    points: Float64
    junction: int | None
    is_crossing: bool


def endless(sections: Mapping[LaneId, LaneSection]) -> dict[LaneId, LaneSection]:
    """The sections from which one can drive on for ever. A way through a junction into which
    nothing leads is left out too.
    """
    kept = dict(sections)
    while True:
        entered = {key for section in kept.values() for key in section.after}
        dead = [
            key
            for key, section in kept.items()
            if not any(other in kept for other in section.after)
            or (section.junction is not None and key not in entered)
        ]
        if not dead:
            break
        for key in dead:
            del kept[key]
    if not kept:
        raise DataError("every lane leads to a dead end")
    return kept


def chains(sections: Mapping[LaneId, LaneSection]) -> list[Chain]:
    """Sections that follow each other without a choice. A loop begins at its lowest key."""
    after = {
        key: tuple(other for other in section.after if other in sections)
        for key, section in sections.items()
    }
    entries: dict[LaneId, int] = dict.fromkeys(sections, 0)
    for others in after.values():
        for other in others:
            entries[other] += 1
    following = {
        key: others[0]
        for key, others in after.items()
        if len(others) == 1
        and entries[others[0]] == 1
        and sections[others[0]].junction == sections[key].junction
    }
    heads = sorted(set(sections) - set(following.values()))
    found: list[Chain] = []
    seen: set[LaneId] = set()
    for first in (*heads, *sorted(sections)):
        if first in seen:
            continue
        keys = [first]
        while (key := following.get(keys[-1])) is not None and key != first:
            keys.append(key)
        seen.update(keys)
        own = [sections[key] for key in keys]
        found.append(
            Chain(
                tuple(keys),
                _apart(np.concatenate([section.points[:, :2] for section in own])),
                float(np.median([section.width_m for section in own])),
                min(section.parking_m for section in own),
                own[0].junction,
                following.get(keys[-1]) == first,
            )
        )
    return sorted(found, key=lambda chain: chain.keys)


def cut(chain: Chain, starts: Sequence[float], junction: int) -> Iterator[Piece]:
    """The pieces of a chain: before, in and behind each of its crossings.

    Args:
        chain: to be cut.
        starts: where crossings begin, ascending.
        junction: number of the first crossing.
    """
    along = cumulative_length(chain.points)
    ends = [0.0, *(x for start in starts for x in (start, start + CROSSING_M)), float(along[-1])]
    for index, (first, last) in enumerate(pairwise(ends)):
        if starts and last - first < SAME_M:
            continue
        inside = chain.points[(along > first + SAME_M) & (along < last - SAME_M)]
        edges = _at(chain.points, along, first), _at(chain.points, along, last)
        points = np.concatenate([[edges[0]], inside, [edges[1]]])
        is_crossing = index % 2 == 1
        number = junction + index // 2 if is_crossing else chain.junction
        yield Piece(chain, points, number, is_crossing)


def _at(points: Float64, along: Float64, at_m: float) -> Float64:
    return np.array([np.interp(at_m, along, points[:, axis]) for axis in (0, 1)])


def _apart(points: Float64) -> Float64:
    """The points without those that lie on the one before; two at least."""
    kept = [0]
    for index in range(1, len(points)):
        if np.hypot(*(points[index] - points[kept[-1]])) > SAME_M:
            kept.append(index)
    if len(kept) == 1:
        kept.append(len(points) - 1)
    return np.asarray(points[kept])
