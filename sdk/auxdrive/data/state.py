"""The state of the vehicle in recordings: the structured array `state.npy` with one record for each
frame. The world frame is right-handed with z up; the ego frame is that of ISO 8855.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from auxdrive.checks.numbers import reading, seconds
from auxdrive.errors import InputError, unknown_name
from auxdrive.types import AnyArray

STATE_DTYPE = np.dtype(
    [
        ("time_s", "<f8"),  # since the episode began
        ("x_m", "<f8"),  # rear axle in the world frame; NaN where a source has no pose
        ("y_m", "<f8"),
        ("yaw_rad", "<f8"),
        ("speed_mps", "<f4"),  # NaN where a source has no speed
        ("steer_rad", "<f4"),  # road-wheel angle that the driver commanded, positive left
        ("throttle", "<f4"),
        ("brake", "<f4"),
        ("command", "<i1"),  # CARLA's RoadOption, -1 where unknown
        ("target_x_m", "<f4"),  # target point in the ego frame; NaN where unknown
        ("target_y_m", "<f4"),
        (
            "disturbed",
            "<i1",
            # 1 while the steering was disturbed on purpose: the car does not follow the driver
        ),
        # the two target points after that one, and the command at the first of them
        ("target_2_x_m", "<f4"),
        ("target_2_y_m", "<f4"),
        ("target_3_x_m", "<f4"),
        ("target_3_y_m", "<f4"),
        ("next_command", "<i1"),
        ("standing_s", "<f4"),  # since when the car stands still, as `StandingTime` counts it
        ("moving_s", "<f4"),  # since when it moves, likewise
        # the target point that was passed last, and the command that holds since then
        ("target_0_x_m", "<f4"),
        ("target_0_y_m", "<f4"),
        ("last_command", "<i1"),
        ("class_id", "<i2"),  # of the card's `class_names`, for the task classification; or -1
    ]
)
LATER_FIELDS = (
    "target_2_x_m", "target_2_y_m", "target_3_x_m", "target_3_y_m", "next_command", "standing_s",
    "moving_s", "target_0_x_m", "target_0_y_m", "last_command", "class_id",
)  # fmt: skip
"""The fields that came later. Records may lack them, and they are unknown then."""
UNKNOWN: dict[str, float | int] = {
    "x_m": np.nan, "y_m": np.nan, "yaw_rad": np.nan, "speed_mps": np.nan, "command": -1,
    "target_x_m": np.nan, "target_y_m": np.nan, "target_2_x_m": np.nan, "target_2_y_m": np.nan,
    "target_3_x_m": np.nan, "target_3_y_m": np.nan, "next_command": -1, "standing_s": np.nan,
    "moving_s": np.nan, "target_0_x_m": np.nan, "target_0_y_m": np.nan, "last_command": -1,
    "class_id": -1,
}  # fmt: skip
"""The fields that a source may not know, and the value that then stands for "unknown"."""
StateLike = np.void | AnyArray | Mapping[str, float]
"""A record of `STATE_DTYPE`, or its fields by name."""
_REQUIRED = ("time_s", "steer_rad", "throttle", "brake")
_WHOLE = frozenset(name for name in STATE_DTYPE.names or () if STATE_DTYPE[name].kind == "i")


def state_record(state: StateLike) -> AnyArray:
    """One record of `STATE_DTYPE`.

    Args:
        state: a record, or its fields by name. time_s, steer_rad, throttle and brake are needed;
            other fields that are left out count as unknown.

    Returns:
        An array of no axes.

    Raises:
        InputError: a field is missing or there is no such field; a value is no number (see
            `auxdrive.checks.numbers`); time or steering is not finite, or any number is infinite;
            the time cannot be in seconds; a pedal lies outside 0..1; or an integer field holds
            another number.
    """
    record = np.zeros((), STATE_DTYPE)
    if isinstance(state, Mapping):
        for name in state:
            if name not in STATE_DTYPE.fields:  # type: ignore[operator]  # a structured dtype has fields
                raise InputError(unknown_name("state field", str(name), STATE_DTYPE.names or ()))
        missing = [name for name in _REQUIRED if name not in state]
        if missing:
            raise InputError(f"the state lacks {', '.join(missing)}")
        # a number too large for its field becomes infinite, and is then refused
        with np.errstate(over="ignore"):
            for name, value in {**UNKNOWN, **state}.items():
                record[name] = _checked_field(name, value)
    else:
        given = np.asarray(state)
        if given.shape != () or given.dtype != STATE_DTYPE:
            raise InputError(
                f"the state must be one record of STATE_DTYPE or a mapping, got {given.dtype} of "
                f"shape {given.shape}"
            )
        record[()] = given
    for name, value in zip(STATE_DTYPE.names or (), record.item(), strict=True):
        if math.isinf(value) or (math.isnan(value) and name in _REQUIRED):
            raise InputError(f"the state's {name} is {value}; it must be a finite number")
    seconds("the state's time_s", float(record["time_s"]), "seconds since the episode began")
    for name in ("throttle", "brake"):
        if not 0 <= record[name] <= 1:
            raise InputError(f"the state's {name} is {record[name]}; a pedal goes from 0 to 1")
    return record


def lacking(dtype: np.dtype[Any]) -> tuple[str, ...] | None:
    """Which fields records lack that an earlier version of auxdrive wrote; none where they are of
    this version.

    Args:
        dtype: of the records.

    Returns:
        Some of `LATER_FIELDS`; None where no version wrote such records.
    """
    names = STATE_DTYPE.names or ()
    missing = tuple(name for name in LATER_FIELDS if name not in (dtype.names or ()))
    known = np.dtype([(name, STATE_DTYPE[name]) for name in names if name not in missing])
    return missing if dtype == known else None


def completed(records: AnyArray) -> AnyArray:
    """Records with every field of `STATE_DTYPE`: those that they lack (`lacking`) are unknown.

    Args:
        records: of any shape.

    Returns:
        The same array where nothing is lacking; else a copy, read-only.
    """
    missing = lacking(records.dtype)
    if not missing:
        return records
    whole = np.empty(records.shape, STATE_DTYPE)
    for name in STATE_DTYPE.names or ():
        whole[name] = UNKNOWN[name] if name in missing else records[name]
    whole.flags.writeable = False
    return whole


def following_records(record: AnyArray, ahead: Sequence[StateLike], count: int) -> AnyArray:
    """The records that would have followed one, in the order of time.

    Args:
        record: the one, of no axes.
        ahead: what would have followed it.
        count: how many these must be.

    Returns:
        (count,) of `STATE_DTYPE`.

    Raises:
        InputError: there are more or fewer, one is not valid, or the times do not increase.
    """
    if len(ahead) != count:
        raise InputError(f"give {count} states of what would have followed, got {len(ahead)}")
    records = np.zeros(count, STATE_DTYPE)
    for place, state in enumerate(ahead):
        records[place] = state_record(state)
    if (np.diff(records["time_s"], prepend=record["time_s"]) <= 0).any():
        raise InputError("the times of what would have followed must increase")
    return records


def _checked_field(name: str, value: Any) -> float:
    whole = name in _WHOLE
    found = (
        float(value)
        if whole and isinstance(value, bool | np.bool_)
        else reading(f"the state's {name}", value, "a number")
    )
    if whole:
        least, most = (getattr(np.iinfo(STATE_DTYPE[name]), end) for end in ("min", "max"))
        if not (found.is_integer() and least <= found <= most):
            raise InputError(
                f"the state's {name} is {found:g}; it must be a whole number from {least} to {most}"
            )
    return found
