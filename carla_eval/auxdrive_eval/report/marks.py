"""Where the numbers on a map are placed, so that they stand beside the path and do not overlap.

Legend: N marks; M points that must stay visible; all positions in pixels, y down.
"""

from __future__ import annotations

import numpy as np
from auxdrive.types import Float64

DIRECTIONS, NEAR_PX, FAR_PX = 16, 30.0, 50.0
_CLEAR_PX, _APART_PX = 17.0, 27.0
SMALL = 2.2
"""How much larger signs are, relative to the map, where the map is drawn small (`--marks` in the
pages' style).
"""


def offsets_of_badges(
    places_n2: Float64, widths_n: Float64, seen_m2: Float64, size: tuple[float, float]
) -> Float64:
    """Vectors (N, 2) from each mark's place to its badge.

    Args:
        places_n2: (N, 2), the places that are marked; earlier marks choose first.
        widths_n: (N,), widths of the badges.
        seen_m2: (M, 2), points that no badge should hide, such as those of the path.
        size: width and height of the map.
    """
    angles = np.arange(DIRECTIONS) * 2 * np.pi / DIRECTIONS
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    candidates = np.concatenate([radius * around for radius in (NEAR_PX, FAR_PX)])
    chosen: list[Float64] = []
    for place, width in zip(places_n2, widths_n, strict=True):
        there = place + candidates
        away = np.hypot(*(there[:, None] - seen_m2[None]).transpose(2, 0, 1)).min(axis=1)
        cost = np.maximum(0.0, 1 - away / _CLEAR_PX)
        cost += 0.15 * (np.hypot(*candidates.T) > NEAR_PX)
        for scale in (1.0, SMALL):
            edge = place + scale * candidates
            reach = scale * np.array([width / 2, 11.0])
            cost += 4.0 * ((edge < reach) | (edge > np.array(size) - reach)).any(axis=1)
            for other, moved, wide in zip(places_n2, chosen, widths_n, strict=False):
                apart = np.abs(edge - other - scale * moved) / scale
                room = np.array([_APART_PX + (width + wide) / 2 - 22.0, _APART_PX])
                cost += 2.0 * np.maximum(0.0, 1 - apart / room).prod(axis=1)
        chosen.append(candidates[int(cost.argmin())])
    return np.array(chosen).reshape(-1, 2)
