"""Waypoints: where the vehicle will be at given times, in its own frame. Legend: N frames, T
waypoints. Ego frame: x forward, y left, metres.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from auxdrive.cards import ModelCard
from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.output_form import OutputForm
from auxdrive.steering import SteeringSpec
from auxdrive.tasks.base import Drawing, OutputLimit, TaskSpec
from auxdrive.tasks.steering import steering_note
from auxdrive.types import Float32, Float64, Prediction

FIRST_WAYPOINT_S, LAST_WAYPOINT_S = 0.01, 60.0
"""The earliest and the latest time of a waypoint. The limit on speed would mean nothing for others,
and no planner gives them.
"""


class Waypoints(TaskSpec):
    """The task "waypoints": T points (x, y), whose times stand in the card."""

    name = "waypoints"
    predicts = "where the car will be"
    output_name = "waypoints_ego_m"
    output_unit = "m"
    output_frame = "ego, x forward, y left"
    axes = ("T", "2")
    ego_inputs = ("speed_mps", "target_ego_m")
    parity_unit = "cm"
    # As for steering: right exports differ by 1e-6 to 1e-4 cm.
    parity_limit = 0.1
    # As for steering: a waypoint lies up to 20 m away, and students are wrong by 30 to 150 cm.
    precision_limits = (30.0, 5.0)
    controller = "pid"

    def shape(self, form: OutputForm) -> tuple[int, ...]:
        """(T, 2)."""
        return (len(form.times_s), 2)

    def form_mistakes(self, form: OutputForm) -> Iterator[str]:
        """What is wrong with the times: there must be some, increasing and within the bounds."""
        yield from super().form_mistakes(replace(form, times_s=()))
        times_s = form.times_s
        if not times_s or any(later <= before for before, later in pairwise((0.0, *times_s))):
            yield "waypoint_times_s: need one time per waypoint, increasing from above 0"
        elif not FIRST_WAYPOINT_S <= times_s[0] <= times_s[-1] <= LAST_WAYPOINT_S:
            yield (
                f"waypoint_times_s: lie within {FIRST_WAYPOINT_S:g} to {LAST_WAYPOINT_S:g} s, not "
                f"{times_s[0]:g} to {times_s[-1]:g}"
            )

    def apart(self, difference: Float64) -> Float64:
        """Distances between corresponding waypoints in centimetres, (N, T, 2) to (N, T)."""
        return np.asarray(100.0 * np.hypot(difference[..., 0], difference[..., 1]))

    def limit(self, steering: SteeringSpec) -> OutputLimit:
        """The largest speed of a car: no waypoint may lie farther away than it can be reached."""
        del steering
        return OutputLimit(MAX_SPEED_MPS, "m/s", "largest mean speed to a waypoint")

    def size(self, row: Sequence[Any], form: OutputForm) -> float:
        """The mean speed from the car straight to a waypoint, of the fastest one, in m/s; infinite
        where a waypoint is not finite.

        Args:
            row: (T, 2), the waypoints in metres in the ego frame.
            form: its times (T,), seconds after the image for each of them.
        """
        largest = 0.0
        for (x_m, y_m), time_s in zip(row, form.times_s, strict=True):
            speed_mps = math.hypot(x_m, y_m) / time_s
            if not speed_mps < math.inf:
                return math.inf
            largest = max(largest, speed_mps)
        return largest

    def fields(self, row: Float32) -> dict[str, Any]:
        """The waypoints as they are."""
        return {"waypoints_ego_m": row}

    def row(self, prediction: Prediction) -> Float32:
        """The waypoints, (T, 2)."""
        return np.asarray(prediction.waypoints_ego_m)

    def made(self, prediction: Prediction) -> bool:
        """Whether there are waypoints."""
        return prediction.waypoints_ego_m is not None

    @property
    def field(self) -> str:
        """`prediction.waypoints_ego_m`."""
        return "waypoints_ego_m"

    def text(self, prediction: Prediction) -> str:
        """All points."""
        points = np.asarray(prediction.waypoints_ego_m).tolist()
        return " ".join(f"({x:.2f}, {y:+.2f})" for x, y in points) + " m"

    def cells(self, prediction: Prediction) -> dict[str, float | None]:
        """Two columns for each waypoint k, x<k>_m and y<k>_m."""
        found = prediction.waypoints_ego_m
        times = prediction.waypoint_times_s
        points = [(None, None)] * len(times) if found is None else found.tolist()
        return {
            f"{axis}{index}_m": point[k]
            for index, point in enumerate(points)
            for k, axis in enumerate("xy")
        }

    def drawing(self, row: Float32) -> Drawing:
        """The last waypoint as text, and the path from the car through all of them."""
        last = row[-1]
        return Drawing(
            f"({last[0]:.1f}, {last[1]:+.1f}) m",
            np.concatenate([np.zeros((1, 2), np.float32), row]),
            marks=True,
        )

    def describe(self, form: OutputForm) -> str:
        """What is predicted, with the times of the waypoints."""
        return f"{self.predicts} in {', '.join(f'{time_s:g}' for time_s in form.times_s)} s"

    def metrics_note(self, card: ModelCard) -> str:
        """What the metrics of steering angles mean for waypoints."""
        return f"{steering_note(card)} `steer_*`: of the path's pure-pursuit angle."

    def example(self) -> Prediction:
        """Two waypoints at the car: it stays where it is."""
        return Prediction(1.0, 0.0, None, np.zeros((2, 2), np.float32), (0.5, 1.0))


WAYPOINTS = Waypoints()
