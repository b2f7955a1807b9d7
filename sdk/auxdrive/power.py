"""What a comparison can show, told before it is driven: how large a difference between two drivers
must be for the test over seeds to find it.

    scatter = scatter_of(differences_snk)                 # of earlier drives
    smallest_shown(scatter, Plan(routes=30, repeats=2, seeds=5))

Both drivers drive the same routes in the same traffic, with models of the same seeds. The
difference of the scores of one drive is

    d_srk = delta + seed_s + route_r + both_sr + repeat_srk

with independent parts. `auxdrive compare` tests the mean over routes and repeats of each seed by
Student's paired t-test over seeds. What one driver is better at on some routes, for every seed, is
the same in all these means, so that more routes reduce the scatter within each seed alone.

Legend: S seeds, N routes, K repeats. SciPy is imported inside functions, as in
`auxdrive.statistics`.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np

from auxdrive.errors import DataError, UsageError
from auxdrive.statistics import ALPHA
from auxdrive.types import Float64

POWER = 0.8
"""How likely a comparison should be to find the difference."""
_STRIPS = 4000
_PLAN = re.compile(r"([1-9]\d{0,4})x([1-9]\d{0,4})x([1-9]\d{0,4})")


@dataclass(frozen=True)
class Plan:
    """How much is driven with each of the two drivers.

    Attributes:
        routes: number of routes.
        repeats: how often each is driven.
        seeds: number of models, each trained with a seed of its own.
    """

    routes: int
    repeats: int
    seeds: int

    def __str__(self) -> str:
        return f"{self.routes}x{self.repeats}x{self.seeds}"


def parse_plan(text: str) -> Plan:
    """The plan that a user writes as "30x2x5": routes x repeats x seeds.

    Raises:
        UsageError: it cannot be read.
    """
    if (found := _PLAN.fullmatch(text.strip())) is None:
        raise UsageError(f"a plan is ROUTESxREPEATSxSEEDS, such as 30x2x5, not '{text}'")
    routes, repeats, seeds = map(int, found.groups())
    return Plan(routes, repeats, seeds)


@dataclass(frozen=True)
class Scatter:
    """How the difference between two drivers scatters: the variance of each of its parts, in the
    metric's unit squared.

    Attributes:
        seed: from one seed to the next, over all routes; None where a single seed does not tell.
        route: from route to route, whatever the seed.
        both: of each seed on each route, beside these two.
        repeat: from one drive of the same models on the same route to the next.
    """

    seed: float | None
    route: float
    both: float
    repeat: float

    def within_seed(self, plan: Plan) -> float:
        """Variance of a seed's mean by its routes and repeats alone."""
        return (self.both + self.repeat / plan.repeats) / plan.routes


def scatter_of(differences_snk: Float64) -> Scatter:
    """The parts of the scatter of earlier drives, from the mean squares of a crossed analysis of
    variance with random effects (Searle, Casella and McCulloch 1992, chapter 4.6). An estimate
    below 0 is 0. With a single repeat, what repeats add cannot be told from `both` and is counted
    there, as if further repeats did not reduce it; with a single seed, `both` is counted in
    `route`.

    Args:
        differences_snk: (S, N, K), the differences of one driver's score from the other's, of the
            same seeds, routes and repeats.

    Raises:
        DataError: there are fewer than two routes, or the numbers are not finite.
    """
    d = np.asarray(differences_snk, np.float64)
    if d.ndim != 3 or not d.size or d.shape[1] < 2 or not np.isfinite(d).all():
        raise DataError(
            "scatter is measured on finite differences by (seeds, routes, repeats), of two routes "
            f"or more; got {d.shape}"
        )
    seeds, routes, repeats = d.shape
    cells, by_seed, by_route = d.mean(axis=2), d.mean(axis=(1, 2)), d.mean(axis=(0, 2))
    repeat = float(d.var(axis=2, ddof=1).mean()) if repeats > 1 else 0.0
    if seeds == 1:
        return Scatter(None, _part(float(by_route.var(ddof=1)), repeat / repeats), 0.0, repeat)
    rest = cells - by_seed[:, None] - by_route[None, :] + d.mean()
    crossed = float((rest**2).sum()) / ((seeds - 1) * (routes - 1))
    return Scatter(
        seed=_part(float(by_seed.var(ddof=1)), crossed / routes),
        route=_part(float(by_route.var(ddof=1)), crossed / seeds),
        both=_part(crossed, repeat / repeats),
        repeat=repeat,
    )


def _part(whole: float, other: float) -> float:
    """What is left of a variance; rounding leaves nothing."""
    return whole - other if whole - other > 1e-12 * whole else 0.0


def smallest_shown(scatter: Scatter, plan: Plan, power: float = POWER) -> float:
    """The smallest true difference that the test finds at 5 % in a share `power` of all such
    comparisons, in the metric's unit.

    Over two seeds or more it is that of the t-test over seeds, by the noncentral t distribution.
    For a single seed it is that of the test over routes, by the same formula; it then holds for
    these two models alone.

    Args:
        scatter: of earlier drives of such drivers.
        plan: what is to be driven.
        power: between 0.05 and 1.

    Raises:
        DataError: the plan has several seeds, and the scatter does not tell how they differ; or it
            has a single seed and a single route.
    """
    return error_of(scatter, plan) * _in_errors(_pairs(plan) - 1, power)


def error_of(scatter: Scatter, plan: Plan) -> float:
    """Standard error of the mean difference by what the test sees: seeds, or, for a single one,
    routes.

    Args:
        scatter: of earlier drives.
        plan: what is to be driven.

    Raises:
        DataError: as for `smallest_shown`.
    """
    if plan.seeds == 1:
        if plan.routes == 1:
            raise DataError("one drive of one seed shows no difference: plan more")
        return math.sqrt(scatter.route / plan.routes + scatter.within_seed(plan))
    if scatter.seed is None:
        raise DataError(
            f"drives of a single seed do not tell what {plan.seeds} seeds would show: their models "
            "may differ by more than their routes do. Give drives of two seeds or more"
        )
    return math.sqrt((scatter.seed + scatter.within_seed(plan)) / plan.seeds)


def error_by_routes(scatter: Scatter, plan: Plan) -> float:
    """By how much the difference on other routes would differ from that on the planned ones, as a
    standard error. No test over seeds knows it, since all seeds drive the same routes.

    Args:
        scatter: of earlier drives.
        plan: what is to be driven.
    """
    return math.sqrt(scatter.route / plan.routes)


def _pairs(plan: Plan) -> int:
    return plan.routes if plan.seeds == 1 else plan.seeds


def _in_errors(freedom: int, power: float) -> float:
    """The smallest difference in units of its standard error, where that is estimated with so many
    degrees of freedom.
    """
    from scipy import optimize, special, stats

    critical = float(stats.t.ppf(1 - ALPHA / 2, freedom))
    # The noncentral t distribution as a mean over the estimated standard error, which is accurate
    # far out too, where SciPy's own gives up.
    middles = (np.arange(_STRIPS) + 0.5) / _STRIPS
    bounds = critical * np.sqrt(stats.chi2.ppf(middles, freedom) / freedom)

    def missing(shift: float) -> float:
        found = special.ndtr(shift - bounds) + special.ndtr(-shift - bounds)
        return float(found.mean()) - power

    return float(optimize.brentq(missing, 0.0, 10 * critical + 20))
