"""Whether a source's timestamps can be used, at which rate it was recorded, and where its time is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from auxdrive.timing import GAP_PERIODS
from auxdrive.types import Float64
from numpy.typing import NDArray

_USABLE_SHARE = 0.9
"""Timestamps are used when at least this share of the steps goes forward."""


@dataclass(frozen=True, slots=True)
class Clock:
    """time_s: one per record, float64 (N,). rate_hz: nominal. note: what was found, for a person."""

    time_s: Float64
    rate_hz: float
    note: str


def judge(times_s: Sequence[float | None], positions: Sequence[int], nominal_hz: float) -> Clock:
    """Judge the timestamps of records that stand in the order of `positions`, the source's own numbering.

    The rate is that of the median step. A tenth of the timestamps may be missing and are interpolated. Where more are, or more than
    a tenth of the steps do not go forward, no timestamp is used: time is then the position over the nominal rate, so that
    positions left out still leave a gap.
    """
    time_s = np.array([np.nan if time is None else time for time in times_s], dtype=np.float64)
    known = np.isfinite(time_s)
    missing = len(time_s) - int(known.sum())
    if known.sum() < _USABLE_SHARE * len(time_s):
        return _nominal(positions, nominal_hz, f"{missing} of {len(time_s)} records have no usable timestamp")
    if missing:
        time_s = _interpolated(time_s, np.array(positions, dtype=np.float64), known)
    steps = np.diff(time_s)
    forward = steps[steps > 0]
    if not len(forward) or len(forward) < _USABLE_SHARE * len(steps):
        return _nominal(positions, nominal_hz, f"{len(steps) - len(forward)} of {len(steps)} time steps do not go forward")
    period = float(np.median(forward))
    if period < 1e-3:
        return _nominal(positions, nominal_hz, f"the median time step is {period} s")
    rate_hz = round(1 / period, 3)
    still, back = int((steps == 0).sum()), int((steps < 0).sum())
    leaps = int((steps > GAP_PERIODS / rate_hz).sum())
    note = f"timestamps: {rate_hz:g} Hz; {leaps} gaps longer than {GAP_PERIODS:g} periods, {still} repeated, {back} going back"
    note += "; an episode ends at each" if leaps + still + back else ""
    return Clock(time_s, rate_hz, note + (f"; {missing} missing, interpolated" if missing else ""))


def _interpolated(time_s: Float64, positions: Float64, known: NDArray[np.bool_]) -> Float64:
    """Missing times by position: between their neighbours, and beyond the first and last at the median pace."""
    at, there = positions[known], time_s[known]
    pace_s = float(np.median(np.diff(there) / np.diff(at)))
    filled = np.interp(positions, at, there)
    filled += np.minimum(positions - at[0], 0.0) * pace_s + np.maximum(positions - at[-1], 0.0) * pace_s
    return np.where(known, time_s, filled)


def _nominal(positions: Sequence[int], nominal_hz: float, why: str) -> Clock:
    time_s = np.array(positions, dtype=np.float64) / nominal_hz
    return Clock(time_s, nominal_hz, f"timestamps are not used ({why}); time is the record's number at a nominal {nominal_hz:g} Hz")
