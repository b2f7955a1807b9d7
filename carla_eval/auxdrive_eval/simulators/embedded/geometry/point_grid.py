"""Points in the plane, sorted into squares, to find those around a box without looking at all."""

from __future__ import annotations

import math

import numpy as np
from auxdrive.types import Float64
from numpy.typing import NDArray

from auxdrive_eval.simulators.embedded.geometry.boxes import distances

CELL_M = 16.0
_NONE = np.empty(0, dtype=np.intp)


class PointGrid:
    """Some points.

    Args:
        points: float64 (P, 2), one or more.
    """

    def __init__(self, points: Float64) -> None:
        cells, first = np.unique(np.floor(points / CELL_M), axis=0, return_inverse=True)
        first = first.ravel()
        order = np.argsort(first, kind="stable")
        members = np.split(order, np.cumsum(np.bincount(first))[:-1])
        self._cells = {
            (int(x), int(y)): each for (x, y), each in zip(cells.tolist(), members, strict=True)
        }
        self._points = points

    def around(self, one: Float64, away_m: float) -> tuple[NDArray[np.intp], Float64]:
        """The points around a box.

        Args:
            one: the box, float64 (5,), see `geometry.boxes`.
            away_m: none that is nearer to the box than this is left out; farther ones may be among
                them.

        Returns:
            Their indices, and their distances from the box.
        """
        reach_m = away_m + math.hypot(one[3], one[4]) + 1e-6
        x, y = float(one[0]), float(one[1])
        columns = range(_cell(x - reach_m), _cell(x + reach_m) + 1)
        rows = range(_cell(y - reach_m), _cell(y + reach_m) + 1)
        found = [
            self._cells[column, row]
            for column in columns
            for row in rows
            if (column, row) in self._cells
        ]
        index = np.concatenate(found) if found else _NONE
        return index, distances(one, self._points[index])


def _cell(at_m: float) -> int:
    return math.floor(at_m / CELL_M)
