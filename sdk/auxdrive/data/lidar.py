"""The LiDAR modality: a histogram of the points ahead, seen from above, as in TransFuser.

Chitta et al., "TransFuser: Imitation with Transformer-Based Sensor Fusion for Autonomous Driving"
(PAMI 2022), section 3.2: points above and below the ground plane are counted separately, and the
count of each cell is capped at 5. Here there are 64 x 64 cells of 0.5 m in front of the vehicle.
"""

from __future__ import annotations

import numpy as np

from auxdrive.errors import InputError
from auxdrive.modalities import LIDAR_BEV_RANGE_M
from auxdrive.types import AnyArray, UInt8

BEV_CELLS = 64
BEV_CELL_M = LIDAR_BEV_RANGE_M / BEV_CELLS
BEV_SPLIT_Z_M = 0.3
BEV_CAP = 5


def bev_histogram(points_ego_m: AnyArray) -> UInt8:
    """Count points into cells: uint8 (64, 64, 2), a stored frame of `Modality.LIDAR`.

    Rows: x in [0, 32) m, row 0 is farthest. Columns: y in (-16, 16] m, column 0 is leftmost.
    Channel 0 counts points up to 0.3 m above the ground, channel 1 those above. A cell holds
    min(count, 5) * 51.

    Args:
        points_ego_m: (N, 3) or (N, 4): x, y, z in the ego frame with z = 0 on the ground, and an
            intensity that is not used. Points that are not finite (no return) and points out of
            range are left out.

    Raises:
        InputError: the points have another shape.
    """
    points = np.asarray(points_ego_m)
    if points.ndim != 2 or points.shape[1] not in (3, 4):
        raise InputError(f"LiDAR points have the shape (N, 4) or (N, 3), got {points.shape}")
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    half = LIDAR_BEV_RANGE_M / 2
    inside = np.flatnonzero(
        (x >= 0) & (x < LIDAR_BEV_RANGE_M) & (y > -half) & (y <= half) & np.isfinite(z)
    )
    x, y, z = (axis.take(inside).astype(np.float64) for axis in (x, y, z))
    row = BEV_CELLS - 1 - np.floor(x / BEV_CELL_M).astype(np.intp)
    # Division by 0.5 is exact, while a difference such as 16 - y is rounded, and a point could get
    # into the wrong cell.
    column = BEV_CELLS // 2 - np.ceil(y / BEV_CELL_M).astype(np.intp)
    above = (z > BEV_SPLIT_Z_M).astype(np.intp)
    cell = (row * BEV_CELLS + column) * 2 + above
    counts = np.bincount(cell, minlength=BEV_CELLS * BEV_CELLS * 2)
    return (
        (np.minimum(counts, BEV_CAP) * (255 // BEV_CAP))
        .astype(np.uint8)
        .reshape(BEV_CELLS, BEV_CELLS, 2)
    )
