"""The LiDAR on the roof: a fixed pattern of beams. Four low-resolution views, whose pixels name the
face that they show, tell which face each beam meets.

LiDAR frame: the axes of the ego frame, with the origin at the sensor. Legend: B beams; four views
(front, left, rear, right) of 90 degrees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from auxdrive.modalities import FIRST_CLASSES, SEGMENTATION_CLASSES, coarse_ids
from auxdrive.types import AnyArray, Float32

from auxdrive_eval.simulators.embedded.render.rasteriser import View
from auxdrive_eval.simulators.embedded.render.shapes.faces import CLASS_ID

MOUNT_M = (1.3, 0.0, 2.4)
RANGE_M = 60.0
RINGS = 32
AZIMUTHS = 480
LOWEST_DEG, HIGHEST_DEG = -25.0, 5.0
VIEWS = 4
COLUMNS = 128
_NEAR_M = 0.5

REFLECTIVITY = np.full(256, 0.3, dtype=np.float32)
"""The share of light that comes back, by class id. Markings, plates and signs are
retro-reflective.
"""
for _name, _share in {
    "road": 0.15, "lane_marking": 0.75, "sidewalk": 0.35, "building": 0.45, "vegetation": 0.30,
    "vehicle": 0.60, "traffic_light": 0.50, "traffic_sign": 0.95, "pole": 0.55, "terrain": 0.25,
}.items():  # fmt: skip
    REFLECTIVITY[CLASS_ID[_name]] = _share
REFLECTIVITY[: len(SEGMENTATION_CLASSES)] = REFLECTIVITY[coarse_ids(len(FIRST_CLASSES))]


@dataclass(frozen=True, slots=True)
class BeamPattern:
    """The beams.

    Attributes:
        directions: unit vectors, float32 (B, 3), in the LiDAR frame.
        pixels: the pixel of each beam in the image of the four views (flat index, row 0 at the
            bottom).
        view: what each of the four views covers.
        rows: rows of one of the four views.
    """

    directions: Float32
    pixels: AnyArray
    view: View
    rows: int


def beam_pattern() -> BeamPattern:
    """32 rings by 480 azimuths. Pixels are counted in an image of four views side by side, row 0 at
    the bottom.
    """
    lowest, highest = math.tan(math.radians(LOWEST_DEG)), math.tan(math.radians(HIGHEST_DEG))
    # at the corners of a view, 45 degrees off its axis, the beams are sqrt 2 farther apart
    margin, corner = 0.02, math.sqrt(2.0)
    bottom, top = corner * lowest - margin, corner * highest + margin
    rows = math.ceil(COLUMNS * (top - bottom) / 2.0)
    top = bottom + 2.0 * rows / COLUMNS
    view = View(-1.0, 1.0, bottom, top, _NEAR_M, RANGE_M * corner)

    azimuth = (np.arange(AZIMUTHS) + 0.5) * (2 * math.pi / AZIMUTHS)
    elevation = np.radians(np.linspace(LOWEST_DEG, HIGHEST_DEG, RINGS))
    azimuth, elevation = (grid.ravel() for grid in np.meshgrid(azimuth, elevation))
    directions = np.column_stack(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )

    index = np.round(azimuth / (math.pi / 2)).astype(int) % VIEWS
    off_axis = azimuth - index * (math.pi / 2)
    right = -np.tan(off_axis)  # azimuth grows to the left, columns to the right
    up = np.tan(elevation) / np.cos(off_axis)
    column = np.clip(np.floor((right + 1.0) / 2.0 * COLUMNS), 0, COLUMNS - 1).astype(int)
    row = np.clip(np.floor((up - bottom) / (top - bottom) * rows), 0, rows - 1).astype(int)
    pixels = row * (VIEWS * COLUMNS) + index * COLUMNS + column
    # column by column: each of them is read alone
    return BeamPattern(np.asfortranarray(directions, dtype=np.float32), pixels, view, rows)


def returns(pattern: BeamPattern, inverse_range: Float32, classes: AnyArray) -> Float32:
    """The points of the beams that hit something within range.

    The intensity is the reflectivity of the class, and falls to half of it at the end of the range.

    Args:
        pattern: the beams.
        inverse_range: (B,), 1 / m along each beam; 0 where it meets nothing.
        classes: (B,), the class id of what each beam meets.

    Returns:
        float32 (N, 4): x, y, z in the ego frame, metres, and intensity 0..1.
    """
    hit = np.flatnonzero(inverse_range > 1.0 / RANGE_M)
    distance = 1.0 / inverse_range[hit]
    points = np.empty((len(hit), 4), dtype=np.float32)
    for axis, mount_m in enumerate(MOUNT_M):
        points[:, axis] = pattern.directions[:, axis].take(hit) * distance + np.float32(mount_m)
    points[:, 3] = REFLECTIVITY.take(classes.take(hit)) * (1.0 - 0.5 / RANGE_M * distance)
    return points
