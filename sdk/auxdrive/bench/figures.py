"""Numbers from measured times.

Legend: R rounds, C calls of a round.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from auxdrive.bench.record import ColdStart, Latency, Loop, Overhead
from auxdrive.types import Float64

SHARES = (
    *(share / 100 for share in range(0, 95, 5)), 0.95, 0.96, 0.97, 0.98, 0.985, 0.99,
    0.993, 0.995, 0.997, 0.998, 0.999, 0.9995, 0.9999, 0.99999,
)  # fmt: skip
"""The shares of calls at which `Latency.curve_ms` says by when they were done."""
LEAST_FOR_P99_9 = 1000
_DIGITS = 6  # of a millisecond: the clock's own


def shares_of(calls: int) -> tuple[float, ...]:
    """Those of `SHARES` that this many calls can tell apart from the worst call."""
    return tuple(share for share in SHARES if share <= 1 - 1 / calls)


def nines(share: float) -> float:
    """A share of calls by how small the rest is: 1 for 90 %, 2 for 99 %, 3 for 99.9 %."""
    return -math.log10(1 - share)


def latency_of(rounds: Sequence[Float64]) -> Latency:
    """Times of calls.

    Args:
        rounds: the times of each round, R times (C,), in milliseconds.
    """
    times = np.concatenate(rounds)
    calls = len(times)
    p50, p90, p99, p99_9 = (float(value) for value in np.percentile(times, (50, 90, 99, 99.9)))
    curve = np.quantile(times, shares_of(calls)).round(_DIGITS).tolist()
    return Latency(
        calls=calls,
        p50_ms=p50,
        p90_ms=p90,
        p99_ms=p99,
        p99_9_ms=p99_9 if calls >= LEAST_FOR_P99_9 else None,
        worst_ms=float(times.max()),
        mean_ms=float(times.mean()),
        std_ms=float(times.std()),
        jitter_ms=p99 - p50,
        curve_ms=(*curve, float(times.max())),
        rounds_p50_ms=tuple(round(float(np.median(each)), _DIGITS) for each in rounds),
    )


def overhead_of(whole: Sequence[Float64], bare: Sequence[Float64]) -> Overhead:
    """What the whole path takes over the bare session.

    Args:
        whole: times of the path, R times (C,), in milliseconds.
        bare: times of the session on the same frames, likewise.
    """
    path, session = np.concatenate(whole), np.concatenate(bare)
    p50, p99 = np.percentile(path, (50, 99)) / np.percentile(session, (50, 99))
    return Overhead(
        p50_ratio=float(p50),
        p99_ratio=float(p99),
        p50_us=float(np.median(path - session)) * 1e3,
    )


def cold_start_of(
    totals_s: Sequence[float],
    imports_s: Sequence[float],
    loads_s: Sequence[float],
    interpreters_s: Sequence[float],
) -> ColdStart:
    """Times of fresh processes, in the order in which they ran.

    Args:
        totals_s: from the import to the first command.
        imports_s: of the imports.
        loads_s: of loading the bundle.
        interpreters_s: from starting the process to the first command.
    """
    return ColdStart(
        processes=len(totals_s),
        seconds=float(np.median(totals_s)),
        least_s=min(totals_s),
        most_s=max(totals_s),
        first_s=totals_s[0],
        import_s=float(np.median(imports_s)),
        load_s=float(np.median(loads_s)),
        interpreter_s=float(np.median(interpreters_s)),
    )


def loop_of(rate_hz: float, done_ms: Float64, woken_ms: Float64) -> Loop:
    """A loop at a camera's rate.

    Args:
        rate_hz: of the camera.
        done_ms: from the time of each frame to its command, (frames,); NaN where there was none.
        woken_ms: from the time of each frame until the process was woken, likewise.
    """
    period_ms = 1e3 / rate_hz
    late = ~(done_ms <= period_ms)
    asleep = late & (done_ms - woken_ms <= period_ms)
    done, woken = done_ms[~np.isnan(done_ms)], woken_ms[~np.isnan(woken_ms)]
    p50, p99 = np.percentile(done, (50, 99))
    return Loop(
        rate_hz=rate_hz,
        frames=len(done_ms),
        missed=int(late.sum()),
        missed_asleep=int(asleep.sum()),
        p50_ms=float(p50),
        p99_ms=float(p99),
        worst_ms=float(done.max()),
        woken_p99_ms=float(np.percentile(woken, 99)),
        woken_worst_ms=float(woken.max()),
    )
