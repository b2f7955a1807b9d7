"""Fewer of the samples that teach least: a car that waits looks the same for many frames.

An expert waits at lights and behind cars for a tenth of the time and more. Most frames at rest are followed by rest, and an L1 loss, which
estimates the median, learns to stay (the inertia problem, Codevilla et al. 2019, section 4.3).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from auxdrive.errors import UsageError

from auxdrive_train.data.samples import SampleSet

RESTING_M = 0.5


def thin_resting(samples: SampleSet, every: int) -> SampleSet:
    """Keep every `every`-th of the samples whose last waypoint is within half a metre, and all others. For training alone.

    Raises:
        UsageError: the task has no waypoints, so nobody can say what rests.
    """
    if every == 1:
        return samples
    if samples.target.ndim != 3:
        raise UsageError(f"thin_resting is for the task waypoints; the task {samples.task.name} does not say where the car will be")
    resting = np.linalg.norm(samples.target[:, -1], axis=1) < RESTING_M
    kept = ~resting | (np.cumsum(resting) % every == 0)
    return replace(
        samples,
        episode_of=samples.episode_of[kept],
        frame_of=samples.frame_of[kept],
        ego=samples.ego[kept],
        target=samples.target[kept],
    )
