"""Balance of training samples by what the car is about to do. Recorded driving is mostly straight
on, and a tenth of it is waiting.

Most frames at rest are followed by rest, and an L1 loss, which estimates the median, learns to stay
(the inertia problem, Codevilla et al. 2019, section 4.3). Turns are few, and a car that misses one
has lost its route.
"""

from __future__ import annotations

import numpy as np
from auxdrive.errors import UsageError
from auxdrive.strict import Strict
from auxdrive.types import Float32
from numpy.typing import NDArray
from pydantic import Field

from auxdrive_train.data.samples import SampleSet

RESTING_M = 0.5
TURNING_RAD = np.radians(15.0)
TURNING_MIN_M = 2.0


class BalanceConfig(Strict):
    """`balance:` in the config."""

    rest_every: int = Field(
        default=1,
        ge=1,
        description="of the samples in which the car stays where it is, show every n-th",
    )
    turn_repeat: int = Field(
        default=1, ge=1, description="show each sample in which it turns n times"
    )


def balance(samples: SampleSet, config: BalanceConfig) -> SampleSet:
    """The samples in the wanted proportions; for training alone, never for measuring.

    Raises:
        UsageError: the task has no waypoints, so nobody can say where the car will be.
    """
    if config == BalanceConfig():
        return samples
    path = samples.task.path(samples.label)
    if path is None:
        raise UsageError(
            "balance is for tasks that say where the car will be, as waypoints do; the task "
            f"{samples.task.name} does not"
        )
    resting, turning = manoeuvres(path)
    times = np.where(turning, config.turn_repeat, 1)
    times[resting & (np.cumsum(resting) % config.rest_every != 0)] = 0
    return samples.chosen(np.repeat(np.arange(len(samples)), times))


def manoeuvres(waypoints_nt2: Float32) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which samples (N,) rest (last waypoint within half a metre), and which turn (it lies more
    than 15 degrees off straight ahead).
    """
    last = waypoints_nt2[:, -1]
    distance_m = np.linalg.norm(last, axis=1)
    resting = distance_m < RESTING_M
    turning = (distance_m > TURNING_MIN_M) & (
        np.abs(np.arctan2(last[:, 1], last[:, 0])) > TURNING_RAD
    )
    return resting, turning
