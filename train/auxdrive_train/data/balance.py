"""Balance of training samples by what the car is about to do. Recorded driving mostly goes straight
on, and a tenth of it is waiting. And it is rarely near a mistake.

Most samples at rest are followed by more rest, so with an L1 loss, which estimates the median, a
student learns to stay (the inertia problem, Codevilla et al. 2019, section 4.3). Turns are few, and
a car that misses one has lost its route. Few are also the moments before a stop line, in which a
car that is a little too fast rolls over it. Where a student drove (`auxdrive collect --driver`),
the frames around its mistakes teach what it does not know yet.
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
SLOW_M = 8.0


class BalanceConfig(Strict):
    """`balance:` in the config: how often an epoch shows which samples."""

    rest_every: int = Field(
        default=1,
        ge=1,
        description="n: of the samples in which the car stays at rest, only every n-th is shown",
    )
    turn_repeat: int = Field(
        default=1, ge=1, description="n: each sample in which the car turns is shown n times"
    )
    slow_repeat: int = Field(
        default=1,
        ge=1,
        description="n: each sample in which the car is slow and does not rest, below 4 m/s with "
        "waypoints or a plan of 2 s, is shown n times; in a slow turn the larger of both counts",
    )
    mistake_repeat: int = Field(
        default=1,
        ge=1,
        description="n: each sample around a mistake of a student that drove, from 5 s before to "
        "3 s after it, is shown n times as often",
    )


def balance(samples: SampleSet, config: BalanceConfig) -> SampleSet:
    """The samples in the proportions of the config. For training only: metrics are measured on all
    samples.

    Args:
        samples: the training samples as recorded.
        config: how often samples at rest, in turns, slow and around mistakes are shown. The default
            shows each sample once, for any task.

    Returns:
        The samples, some of them repeated or left out, in the recorded order.

    Raises:
        UsageError: rests, turns or slow samples are asked for, and the task does not predict a
            path, so that it is unknown where the car will be.
    """
    if config == BalanceConfig():
        return samples
    times = np.where(samples.near_mistake, config.mistake_repeat, 1)
    if (config.rest_every, config.turn_repeat, config.slow_repeat) != (1, 1, 1):
        times *= _by_manoeuvre(samples, config)
    return samples.chosen(np.repeat(np.arange(len(samples)), times))


def _by_manoeuvre(samples: SampleSet, config: BalanceConfig) -> NDArray[np.int64]:
    """How often each sample is shown by what the car is about to do: int64 (N,)."""
    path = samples.task.path(samples.label)
    if path is None:
        raise UsageError(
            "balance of rests, turns and slow samples is for tasks that say where the car will be, "
            f"as waypoints do; the task {samples.task.name} does not"
        )
    resting, turning, slow = manoeuvres(path)
    times = np.where(turning, config.turn_repeat, 1)
    times = np.where(slow, np.maximum(times, config.slow_repeat), times)
    times[resting & (np.cumsum(resting) % config.rest_every != 0)] = 0
    return times.astype(np.int64)


Marks = NDArray[np.bool_]
"""Whether each of N samples is of a kind, (N,)."""


def manoeuvres(waypoints_nt2: Float32) -> tuple[Marks, Marks, Marks]:
    """Which samples rest, which turn, and which are slow.

    Args:
        waypoints_nt2: (N, T, 2) in metres in the ego frame.

    Returns:
        bool (N,): the last waypoint is within half a metre; bool (N,): it is further away, and more
        than 15 degrees off straight ahead; bool (N,): it is between half a metre and 8 m away.
    """
    last = waypoints_nt2[:, -1]
    distance_m = np.linalg.norm(last, axis=1)
    resting = distance_m < RESTING_M
    turning = (distance_m > TURNING_MIN_M) & (
        np.abs(np.arctan2(last[:, 1], last[:, 0])) > TURNING_RAD
    )
    return resting, turning, ~resting & (distance_m < SLOW_M)
