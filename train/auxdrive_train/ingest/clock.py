"""Whether a source's timestamps can be used, at which rate it was recorded, and where its time
jumps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from auxdrive.data.timing import GAP_PERIODS, period_s
from auxdrive.errors import DataError
from auxdrive.types import Float64
from numpy.typing import NDArray

PLAUSIBLE_HZ = (0.5, 200.0)
"""The lowest and the highest rate of a vehicle's camera. Timestamps with another rate are refused,
unless `--rate-hz` is given.
"""
_USABLE_SHARE = 0.9
"""Timestamps are used if at least this share of the records has one, and at least this share of the
steps goes forward.
"""
_STEADY_SHARE = 0.6
"""Records that were sorted by time are taken for a drive if at least this share of the steps is
within half of the median step; with random times it is 0.35.
"""

_EQUAL_SHARE = 0.05
"""If a larger share of the times is equal, the clock stood still for some records, and their order
in time is unknown.
"""
_LATEST_S, _SHORTEST_S = 1e12, 1e-9
"""Times above the first (30,000 years) and median steps below the second (a nanosecond) are not
times.
"""


@dataclass(frozen=True, slots=True)
class Clock:
    """The time of each record.

    Attributes:
        time_s: float64 (N,), one per record.
        rate_hz: nominal rate.
        note: what was found, for people.
    """

    time_s: Float64
    rate_hz: float
    note: str


@dataclass(frozen=True, slots=True)
class Order:
    """The order of records in time.

    Attributes:
        places: the records that are kept, in the order of time.
        note: what was found; empty if the order was right.
        left_out: how many records are not kept, by reason.
    """

    places: list[int]
    note: str = ""
    left_out: Counter[str] = field(default_factory=Counter)

    def numbers(self, indexes: Sequence[int]) -> list[int]:
        """The indexes of the kept records. If the records had to be sorted, the indexes are
        assigned anew, so that they rise with time.
        """
        kept = [indexes[place] for place in self.places]
        return sorted(kept) if self.note else kept


def in_order(times_s: Sequence[float | None], *, times_are_sure: bool) -> Order:
    """The order of records in time.

    If few time steps go back, the records are in order: a clock was set, or logs were joined. If
    more than a tenth do, the records were shuffled and are sorted; those without a time are then
    left out.

    Args:
        times_s: when each record was taken; None if unknown.
        times_are_sure: True if each time belongs to its record's image. Records are then sorted
            even if only few are out of place, and however irregular the times are. False if the
            records' numbers are as reliable; they are kept if the times do not look like a clock's.
    """
    everything = list(range(len(times_s)))
    known = [place for place in everything if times_s[place] is not None]
    time_s = np.array([times_s[place] for place in known], dtype=np.float64)
    steps = np.diff(time_s)
    back = int((steps < 0).sum())
    if not back or len(known) < _USABLE_SHARE * len(everything):
        return Order(everything)
    order = np.argsort(time_s, kind="stable")
    ordered = np.diff(time_s[order])
    shuffled = back > (1 - _USABLE_SHARE) * len(steps)
    if (
        shuffled
        and not times_are_sure
        and not (_is_steady(ordered) and (ordered == 0).mean() <= _EQUAL_SHARE)
    ):
        return Order(everything)
    if not shuffled and (not times_are_sure or _interleaves(steps, ordered)):
        return Order(everything)
    places = [known[place] for place in order]
    lost = len(everything) - len(places) if shuffled else 0
    if lost == 0 and len(places) < len(everything):
        # few are out of place, and some cannot be sorted since they have no time
        return Order(everything)
    note = (
        f"{back} of {len(steps)} time steps went back: the records stood out of order, and were "
        "sorted and numbered by their times"
    )
    return Order(
        places,
        note,
        Counter({"without a time, where others are out of order": lost} if lost else {}),
    )


def _is_steady(steps_s: Float64) -> bool:
    """Whether the steps look like a camera's: most of them about as long as the median."""
    forward = steps_s[steps_s > 0]
    if not len(forward):
        return False
    median = float(np.median(forward))
    return float((np.abs(forward - median) <= 0.5 * median).mean()) >= _STEADY_SHARE


def _interleaves(steps_s: Float64, ordered_s: Float64) -> bool:
    """Whether sorting would mix drives that were recorded at the same time: the steps would become
    much shorter.
    """
    before, after = steps_s[steps_s > 0], ordered_s[ordered_s > 0]
    return bool(len(before) and len(after) and np.median(after) < 0.75 * np.median(before))


def judge(
    times_s: Sequence[float | None],
    positions: Sequence[int],
    nominal_hz: float,
    given_hz: float | None = None,
    where: str = "the recording",
) -> Clock:
    """Decide whether the timestamps can be used, and at which rate the records were made.

    The rate is that of the median step within episodes (`auxdrive.data.timing`), or `given_hz`; the
    times are then stretched so that the median step is its period, which keeps the gaps. Up to a
    tenth of the timestamps may be missing and are interpolated. If more are missing, or more than a
    tenth of the steps do not go forward, no timestamp is used: time is then position / `given_hz`
    or position / `nominal_hz`, so that missing positions still leave a gap.

    Args:
        times_s: the timestamp of each record; None if it has none.
        positions: each record's number in the source; records are in this order.
        nominal_hz: the source's usual rate.
        given_hz: the rate that the user gave.
        where: the recording's name, for messages.

    Raises:
        DataError: the timestamps have a rate outside `PLAUSIBLE_HZ`, and no rate was given.
    """
    time_s = np.array([np.nan if time is None else time for time in times_s], dtype=np.float64)
    known = np.abs(time_s) < _LATEST_S
    missing = len(time_s) - int(known.sum())
    if known.sum() < _USABLE_SHARE * len(time_s):
        return _nominal(
            positions,
            nominal_hz,
            given_hz,
            f"{missing} of {len(time_s)} records have no usable timestamp",
        )
    if missing:
        time_s = _interpolated(time_s, np.array(positions, dtype=np.float64), known)
    steps = np.diff(time_s)
    forward, median_s = steps[steps > 0], period_s(steps)
    if median_s is None or len(forward) < _USABLE_SHARE * len(steps):
        return _nominal(
            positions,
            nominal_hz,
            given_hz,
            f"{len(steps) - len(forward)} of {len(steps)} time steps do not go forward",
        )
    if given_hz is not None and median_s < _SHORTEST_S:
        return _nominal(positions, nominal_hz, given_hz, f"the median time step is {median_s:g} s")
    time_s, rate_hz, stretched = _at_rate(time_s, median_s, given_hz, where)
    note = f"timestamps: {1 / median_s:.4g} Hz{stretched}; {_breaks(np.diff(time_s), rate_hz)}"
    return Clock(time_s, rate_hz, note + (f"; {missing} missing, interpolated" if missing else ""))


def _breaks(steps_s: Float64, rate_hz: float) -> str:
    """How often time leaps, stands still or goes back, in words."""
    still, back = int((steps_s == 0).sum()), int((steps_s < 0).sum())
    leaps = int((steps_s > GAP_PERIODS / rate_hz).sum())
    found = f"{leaps} gaps longer than {GAP_PERIODS:g} periods, {still} repeated, {back} going back"
    return found + ("; an episode ends at each" if leaps + still + back else "")


def _at_rate(
    time_s: Float64, median_s: float, given_hz: float | None, where: str
) -> tuple[Float64, float, str]:
    """Times, rate, and a remark for the note."""
    if given_hz is not None:
        factor = 1 / given_hz / median_s
        told = (
            f", but --rate-hz {given_hz:g} holds: times are stretched by "
            f"{factor:.4g}{_doubt(given_hz)}"
        )
        return (time_s - time_s[0]) * factor, given_hz, told
    measured_hz = 1 / median_s
    if _doubt(measured_hz):
        raise DataError(
            f"{where}: the timestamps say {measured_hz:.4g} Hz (a median step of {median_s:.3g} "
            f"s){_doubt(measured_hz)}. "
            "Is their unit another? Say the camera's true rate with --rate-hz, which then holds"
        )
    return time_s, round(measured_hz, 3), ""


def _doubt(rate_hz: float) -> str:
    """A remark on a rate that no camera has; empty for other rates."""
    lowest, highest = PLAUSIBLE_HZ
    return (
        ""
        if lowest <= rate_hz <= highest
        else f", and no vehicle's camera records outside {lowest:g} to {highest:g} Hz"
    )


def _interpolated(time_s: Float64, positions: Float64, known: NDArray[np.bool_]) -> Float64:
    """The times with missing ones filled in by position: between their neighbours, or at the median
    pace before the first and after the last known time.
    """
    at, there = positions[known], time_s[known]
    pace_s = float(np.median(np.diff(there) / np.diff(at)))
    filled = np.interp(positions, at, there)
    filled += (
        np.minimum(positions - at[0], 0.0) * pace_s + np.maximum(positions - at[-1], 0.0) * pace_s
    )
    return np.where(known, time_s, filled)


def _nominal(
    positions: Sequence[int], nominal_hz: float, given_hz: float | None, why: str
) -> Clock:
    rate_hz = given_hz or nominal_hz
    time_s = np.array(positions, dtype=np.float64) / rate_hz
    at = (
        f"--rate-hz {rate_hz:g}{_doubt(rate_hz)}"
        if given_hz
        else f"a nominal {rate_hz:g} Hz, which nothing confirms (--rate-hz says another)"
    )
    return Clock(
        time_s, rate_hz, f"timestamps are not used ({why}); time is the record's number at {at}"
    )
