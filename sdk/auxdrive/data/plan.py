"""What the expert means to do, as recordings hold it: `plan.npy` of an episode has one record of
`PLAN_DTYPE` for each frame.

Legend: N frames, P points of the path, T times, R reasons (`HELD_BY`). Ego frame: x forward, y
left, origin at the rear axle.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from auxdrive.checks.limits import MAX_SPEED_MPS
from auxdrive.checks.numbers import number, shown
from auxdrive.errors import InputError
from auxdrive.types import AnyArray, Float64

PATH_POINTS, PATH_STEP_M = 20, 1.0
"""The path has so many points, one each time that it goes on by so much."""
PLAN_TIMES_S = (0.5, 1.0, 1.5, 2.0)
"""The speed is planned for these times, seconds after the frame."""
HELD_BY = ("road", "ahead", "lane_change", "light", "stop_sign", "crossing", "hidden")
"""What keeps a driver from driving faster: the road itself (limits, bends); somebody ahead, also
one behind a junction who leaves no room there; those whom a change of lanes must keep clear of; a
light; a stop sign; those who go first, and a line at which it is not known yet who does; care for
what the driver does not see.
"""

HELD_MPS = 0.5
"""Slower than the road alone allows by more than this is held."""

EARLIER_PLAN_DTYPE = np.dtype(
    [
        ("path_ego_m", "<f4", (PATH_POINTS, 2)),
        ("speeds_mps", "<f4", (len(PLAN_TIMES_S),)),
        ("target_speed_mps", "<f4"),
    ]
)
"""Of records of before `allowed_mps`, which is unknown there."""
PLAN_DTYPE = np.dtype([*EARLIER_PLAN_DTYPE.descr, ("allowed_mps", "<f4", (len(HELD_BY),))])


@dataclass(frozen=True, slots=True)
class ExpertPlan:
    """Where the expert means to drive, and how fast.

    Attributes:
        path_ego_m: (P, 2), where it means to drive: the points of its path 1, 2, ... 20 m on, in
            the ego frame of now. It is a path by distance, so it is as long at rest as at speed.
        speeds_mps: (T,), how fast it will be at `PLAN_TIMES_S`, as it drives on.
        target_speed_mps: the speed that it wants here and now: at which it would neither accelerate
            nor brake, with what is ahead of it. 0 where it means to stand. It follows from the
            scene and not from the present speed.
        allowed_mps: (R,), the target speed if there were nothing but the road and each of `HELD_BY`
            in turn. The least of them is the target speed. None where the expert does not tell.

    Examples:
        >>> import numpy as np
        >>> from auxdrive.data.plan import ExpertPlan, plan_record
        >>> ahead = np.stack([np.arange(1.0, 21.0), np.zeros(20)], axis=1)
        >>> plan = ExpertPlan(ahead, np.array([1.0, 2.0, 3.0, 4.0]), target_speed_mps=8.0)
        >>> float(plan_record(plan)["target_speed_mps"])
        8.0
    """

    path_ego_m: Float64
    speeds_mps: Float64
    target_speed_mps: float
    allowed_mps: Float64 | None = None


def plan_record(plan: ExpertPlan) -> AnyArray:
    """One record of `PLAN_DTYPE`, of no axes.

    Args:
        plan: the expert's at the moment of the frame.

    Raises:
        InputError: it is no plan, an array has another shape, or a number is not finite or no speed
            of a road vehicle.
    """
    if not isinstance(plan, ExpertPlan):
        raise InputError(f"the expert's plan is {shown(plan)}; give an ExpertPlan")
    record = np.zeros((), PLAN_DTYPE)
    record["allowed_mps"] = np.nan
    told = ("path_ego_m", "speeds_mps", *(() if plan.allowed_mps is None else ("allowed_mps",)))
    for name in told:
        given = np.asarray(getattr(plan, name))
        if given.shape != PLAN_DTYPE[name].shape or given.dtype.kind not in "fiu":
            raise InputError(
                f"the plan's {name} is an array {given.dtype} {given.shape}; give numbers "
                f"{PLAN_DTYPE[name].shape}"
            )
        if not np.isfinite(given).all():
            raise InputError(f"the plan's {name} is not finite")
        record[name] = given
    record["target_speed_mps"] = number("the plan's target_speed_mps", plan.target_speed_mps)
    for name in (*told[1:], "target_speed_mps"):
        if not ((record[name] >= 0) & (record[name] <= MAX_SPEED_MPS)).all():
            raise InputError(
                f"the plan's {name} lies outside 0 to {MAX_SPEED_MPS:g} m/s; nobody plans that"
            )
    return record


def checked_plan(plan: ExpertPlan | None, announced: bool) -> AnyArray | None:
    """The record of a plan that an episode is to hold; None where it holds none.

    Args:
        plan: that was given.
        announced: whether the episode holds plans.

    Raises:
        InputError: it is missing or was not announced, or see `plan_record`.
    """
    if announced != (plan is not None):
        raise InputError("give the expert's plan" if announced else "no plans were announced")
    return None if plan is None else plan_record(plan)


def with_plan(state: AnyArray, plan: AnyArray | None) -> AnyArray:
    """Records of an episode with the fields of its plans beside them.

    Args:
        state: (N,) of `STATE_DTYPE`.
        plan: (N,) of `PLAN_DTYPE`; None where the episode has none, and the state alone is given.
    """
    if plan is None:
        return state
    both = [(name, each.dtype[name]) for each in (state, plan) for name in each.dtype.names or ()]
    records = np.empty(state.shape, np.dtype(both))
    for each in (state, plan):
        for name in each.dtype.names or ():
            records[name] = each[name]
    return records


def completed_plans(plans: AnyArray) -> AnyArray:
    """Plans with every field of `PLAN_DTYPE`: in those of before `allowed_mps` it is NaN.

    Args:
        plans: (N,), of `PLAN_DTYPE` or `EARLIER_PLAN_DTYPE`.

    Returns:
        The same array where nothing is lacking; else a copy, read-only.
    """
    if plans.dtype == PLAN_DTYPE:
        return plans
    whole = np.zeros(plans.shape, PLAN_DTYPE)
    whole["allowed_mps"] = np.nan
    for name in plans.dtype.names or ():
        whole[name] = plans[name]
    whole.flags.writeable = False
    return whole


def holding(plans: AnyArray) -> NDArray[np.int64]:
    """Which of `HELD_BY` holds the expert most at each frame, (N,): 0, the road, where another
    allows less by no more than `HELD_MPS`; -1 where it is not known.

    Args:
        plans: (N,) of `PLAN_DTYPE`.
    """
    allowed_mps = plans["allowed_mps"]
    known = np.isfinite(allowed_mps).all(axis=1)
    speeds = np.where(known[:, None], allowed_mps, 0.0)
    held = speeds.min(axis=1) < speeds[:, 0] - HELD_MPS
    return np.where(known, np.where(held, speeds.argmin(axis=1), 0), -1)
