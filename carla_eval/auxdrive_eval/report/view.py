"""Which part of a town a map shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from auxdrive.types import Float64

WIDTH_PX, HEIGHT_PX = 900, 600
MARGIN, LEAST_MARGIN_M = 0.1, 12.0


@dataclass(frozen=True, slots=True)
class View:
    """The part of the world that a map shows: a rectangle with proportions of its own.

    Attributes:
        low: the corner with the smallest coordinates, (2,).
        high: the corner with the largest coordinates, (2,).
        ways: the planned and driven paths that it was made for, (N, 2) each; signals along them are
            shown.
    """

    low: Float64
    high: Float64
    ways: tuple[Float64, ...]

    @property
    def unit_m(self) -> float:
        """Metres per pixel when the map has its full width."""
        return float(self.high[0] - self.low[0]) / WIDTH_PX

    def shows(self, points: Float64) -> bool:
        """Whether any of the points is within the view."""
        return bool(((points >= self.low) & (points <= self.high)).all(axis=1).any())

    def pixels(self, points: Float64) -> Float64:
        """Places (N, 2) in the world as positions (N, 2) on the drawing."""
        return np.asarray((points - (self.low[0], self.high[1])) * (1, -1) / self.unit_m)


def view_of(ways: Iterable[Float64]) -> View:
    """A view that shows all of the given paths, with some space around them."""
    kept = tuple(ways)
    points = np.concatenate(kept)
    low, high = points.min(axis=0), points.max(axis=0)
    margin_m = max(LEAST_MARGIN_M, MARGIN * float((high - low).max()))
    wide_m, tall_m = (high - low + 2 * margin_m).tolist()
    half = np.array([1.0, HEIGHT_PX / WIDTH_PX]) * max(wide_m, tall_m * WIDTH_PX / HEIGHT_PX) / 2
    middle = (low + high) / 2
    return View(middle - half, middle + half, kept)
