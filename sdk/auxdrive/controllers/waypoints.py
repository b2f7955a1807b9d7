"""The waypoints of a prediction, checked before a controller follows them.

Legend: T waypoints. Ego frame: x forward, y left.
"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from auxdrive.checks.numbers import reading, shown
from auxdrive.controllers.base import Unusable, other_task
from auxdrive.errors import InputError
from auxdrive.types import AnyArray, Float64, Prediction


def usable_waypoints(prediction: Prediction) -> tuple[Float64, tuple[float, ...]]:
    """The checked waypoints of a prediction, for a controller's `_command`.

    Args:
        prediction: as `_command` gets it.

    Returns:
        The waypoints, float64 (T, 2) in metres, and their times, T seconds after the image.

    Raises:
        Unusable: a waypoint is not finite; `GuardedController.step` makes it a safe stop.
        InputError: the prediction has no waypoints (the message names the controller of its task),
            or its waypoints and times do not fit together.

    Examples:
        >>> import numpy as np
        >>> from auxdrive import Prediction, usable_waypoints
        >>> ahead = np.array([[2.0, 0.0], [4.0, 0.0]], np.float32)
        >>> prediction = Prediction(0.0, 1.0, waypoints_ego_m=ahead, waypoint_times_s=(0.5, 1.0))
        >>> waypoints, times = usable_waypoints(prediction)
        >>> waypoints[-1].tolist(), times
        ([4.0, 0.0], (0.5, 1.0))
    """
    if prediction.waypoints_ego_m is None:
        raise InputError(f"this controller follows waypoints and {other_task(prediction)}")
    waypoints, times = _numbers(prediction.waypoints_ego_m), _times(prediction.waypoint_times_s)
    if (
        waypoints.ndim != 2
        or waypoints.shape[1] != 2
        or len(waypoints) < 2
        or len(times) != len(waypoints)
    ):
        raise InputError(
            f"need two or more waypoints (T, 2) with a time each, got {waypoints.shape} and "
            f"{len(times)} times"
        )
    if not all(earlier < later < math.inf for earlier, later in pairwise(times)):
        raise InputError(f"the waypoints' times must increase, got {times}")
    # for a few points several times as fast as NumPy, whose code is in no cache after a network
    if not all(map(math.isfinite, waypoints.ravel().tolist())):
        raise Unusable("a waypoint is not finite")
    return waypoints.astype(np.float64), times


def _numbers(waypoints: object) -> AnyArray:
    try:
        numbers = np.asarray(waypoints)
    except ValueError as error:
        raise InputError(f"the waypoints are no array (T, 2) of numbers: {error}") from None
    if numbers.dtype.kind not in "fiu":
        raise InputError(f"the waypoints are {numbers.dtype}, no numbers")
    return numbers


def _times(times_s: object) -> tuple[float, ...]:
    if not isinstance(times_s, tuple | list):
        raise InputError(
            f"the waypoints' times are {shown(times_s)}; give a tuple of seconds after the image"
        )
    return tuple(
        reading("a waypoint's time", time_s, "seconds after the image") for time_s in times_s
    )
