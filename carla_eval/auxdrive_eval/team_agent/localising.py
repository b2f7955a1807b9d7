"""Where the rear axle is, from GNSS, compass and speed.

The fixes have noise of half a metre in a leaderboard, and a server of CARLA 0.9.16 may give them by
another projection than the plan, mirrored (see `auxdrive_eval.road_maps.geo`). Speed and compass
are exact there. So the way since the start is reckoned from these two: it tells which projection
the fixes are made by, and it bridges fixes that are missing.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np
from auxdrive.errors import InputError
from auxdrive.frames import compose, wrap_angle_rad
from auxdrive.types import Pose2

from auxdrive_eval.road_maps.geo import FITS_M, GeoReference
from auxdrive_eval.team_agent.plan import Plan
from auxdrive_eval.team_agent.sensors import Sensed

WEIGHT = 0.05
"""Of a fix against what was reckoned, at least: about the mean of the last 2 s."""
COMPARED_FIXES = 20
"""So many fixes, a second's, must agree with where the ego was."""
LONGEST_BLIND_S = 5.0
"""So long the way is reckoned without a fix."""


class Localiser:
    """Says where the rear axle of the ego is. The ego begins at the first point of the plan.

    Args:
        plan: that the leaderboard gave.
        rear_axle_m: how far the rear axle, where the sensors are, lies behind the ego's origin.
    """

    def __init__(self, plan: Plan, rear_axle_m: float) -> None:
        start = compose(plan.start, Pose2(-rear_axle_m, 0.0, 0.0))
        self._plan_geo = plan.geo
        self._geo: GeoReference | None = None
        self._recent: deque[tuple[tuple[float, float], tuple[float, float]]] = deque(
            maxlen=COMPARED_FIXES
        )
        self._pose = start
        self._speed_mps = 0.0
        self._now_s: float | None = None
        self._fix_s = -math.inf
        self._fixes = 0

    def update(self, sensed: Sensed, now_s: float) -> Pose2 | None:
        """The pose of the rear axle in the world frame; None while it is not known: there is
        neither compass nor yaw rate, or no fix for `LONGEST_BLIND_S`.

        Args:
            sensed: at this tick.
            now_s: the time of this tick.

        Raises:
            InputError: by no projection do the fixes lie where the ego is.
        """
        elapsed_s = 0.0 if self._now_s is None else max(now_s - self._now_s, 0.0)
        self._fix_s = now_s if self._now_s is None else self._fix_s  # where it begins is known
        self._now_s = now_s
        if not self._reckon(sensed, elapsed_s):
            return None
        if sensed.fix_deg is not None:
            self._fix_s = now_s
            self._correct(sensed.fix_deg)
        return self._pose if now_s - self._fix_s <= LONGEST_BLIND_S else None

    def _reckon(self, sensed: Sensed, elapsed_s: float) -> bool:
        """Go on by speed and heading; whether the heading is known."""
        before, known = self._pose, True
        yaw_rad = sensed.yaw_rad
        if yaw_rad is None:
            known = sensed.yaw_rate_radps is not None
            yaw_rad = before.yaw_rad + (sensed.yaw_rate_radps or 0.0) * elapsed_s
        if sensed.speed_mps is not None:
            self._speed_mps = sensed.speed_mps
        turned = float(wrap_angle_rad(yaw_rad - before.yaw_rad))
        on_the_way = Pose2(before.x_m, before.y_m, before.yaw_rad + turned / 2)
        there = compose(on_the_way, Pose2(self._speed_mps * elapsed_s, 0.0, turned / 2))
        self._pose = there
        return known

    def _correct(self, fix_deg: tuple[float, float]) -> None:
        """Move towards a fix, once it is known by which projection fixes are made."""
        if self._geo is None:
            self._geo = self._projected(fix_deg)
        if self._geo is None:
            return
        self._fixes += 1
        x_m, y_m = self._geo.to_world(np.array(fix_deg)).tolist()
        weight = max(1.0 / (self._fixes + 1), WEIGHT)
        pose = self._pose
        self._pose = Pose2(
            pose.x_m + weight * (x_m - pose.x_m),
            pose.y_m + weight * (y_m - pose.y_m),
            pose.yaw_rad,
        )

    def _projected(self, fix_deg: tuple[float, float]) -> GeoReference | None:
        """The projection of the fixes; None where both still put them in the same place."""
        self._recent.append((fix_deg, (self._pose.x_m, self._pose.y_m)))
        fixes, places = (np.array(each) for each in zip(*self._recent, strict=True))
        fits = self._plan_geo.fits(fixes, places)
        if not fits:
            x_m, y_m = self._plan_geo.to_world(fixes[-1]).tolist()
            raise InputError(
                f"the GNSS fix {fix_deg[0]:.7f}, {fix_deg[1]:.7f} is not where the ego is: by the "
                f"plan's projection it is x {x_m:.1f}, y {y_m:.1f} m, the ego is at "
                f"x {places[-1][0]:.1f}, y {places[-1][1]:.1f} m, and by no other projection is it "
                f"within {FITS_M:g} m"
            )
        return fits[0] if len(fits) == 1 else None
