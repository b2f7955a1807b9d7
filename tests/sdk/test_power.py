"""What a comparison can show, against simulated comparisons with the tests that are used."""

from __future__ import annotations

import math

import numpy as np
import pytest
from auxdrive.errors import DataError, UsageError
from auxdrive.power import (
    Plan,
    Scatter,
    error_by_routes,
    parse_plan,
    scatter_of,
    smallest_shown,
)
from auxdrive.statistics import ALPHA, paired_difference, seed_difference
from auxdrive.types import Float64
from scipy import stats

SCATTER = Scatter(seed=9.0, route=60.0, both=100.0, repeat=80.0)


def simulated(scatter: Scatter, plan: Plan, mean: float, count: int, seed: int) -> Float64:
    """(count, S, N, K), the differences of so many comparisons, drawn part by part."""
    rng = np.random.default_rng(seed)
    assert scatter.seed is not None
    shape = (count, plan.seeds, plan.routes, plan.repeats)
    return (
        mean
        + math.sqrt(scatter.seed) * rng.normal(size=(count, plan.seeds, 1, 1))
        + math.sqrt(scatter.route) * rng.normal(size=(count, 1, plan.routes, 1))
        + math.sqrt(scatter.both) * rng.normal(size=shape[:3])[..., None]
        + math.sqrt(scatter.repeat) * rng.normal(size=shape)
    )


@pytest.mark.parametrize("plan", [Plan(30, 2, 5), Plan(6, 1, 3), Plan(10, 3, 2)], ids=str)
def test_the_t_test_over_seeds_finds_the_smallest_difference_in_four_of_five(plan: Plan) -> None:
    # a difference on the planned routes: what these routes add to it is no mistake of the test
    on_them = Scatter(SCATTER.seed, 0.0, SCATTER.both, SCATTER.repeat)
    shown = smallest_shown(SCATTER, plan)
    means = simulated(on_them, plan, shown, 10_000, seed=1).mean(axis=(2, 3))
    t = means.mean(axis=1) / (means.std(axis=1, ddof=1) / math.sqrt(plan.seeds))
    found = np.abs(t) > stats.t.ppf(1 - ALPHA / 2, plan.seeds - 1)
    assert found.mean() == pytest.approx(0.8, abs=0.013)
    # the twin is the test that `compare` makes
    zeros = np.zeros(plan.seeds)
    assert [seed_difference(row, zeros).is_shown for row in means[:100]] == found[:100].tolist()


def test_for_one_seed_the_sign_flip_test_over_routes_finds_it_in_four_of_five() -> None:
    plan = Plan(25, 2, 1)
    shown = smallest_shown(SCATTER, plan)
    two_models = Scatter(0.0, SCATTER.route, SCATTER.both, SCATTER.repeat)
    means = simulated(two_models, plan, shown, 200, seed=2).mean(axis=(1, 3))
    found = [paired_difference(row, np.zeros(25), seed=0).is_shown for row in means]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_the_parts_of_the_scatter_are_found_in_drives() -> None:
    plan = Plan(12, 3, 4)
    found = [scatter_of(each) for each in simulated(SCATTER, plan, 5.0, 800, seed=3)]
    for name in ("route", "both", "repeat"):
        mean = np.mean([getattr(each, name) for each in found])
        assert mean == pytest.approx(getattr(SCATTER, name), rel=0.05), name
    # an estimate below zero is zero, so that the mean is a little too large
    assert SCATTER.seed is not None
    assert SCATTER.seed < np.mean([each.seed for each in found]) < 1.2 * SCATTER.seed
    # the error of the mean over seeds that these very drives have is that of their seeds' means
    drives = simulated(SCATTER, plan, 5.0, 1, seed=6)[0]
    scatter = scatter_of(drives)
    assert scatter.seed is not None
    assert scatter.seed > 0
    assert (scatter.seed + scatter.within_seed(plan)) == pytest.approx(
        drives.mean(axis=(1, 2)).var(ddof=1)
    )
    assert error_by_routes(SCATTER, plan) == math.sqrt(60.0 / 12)


def test_what_few_drives_do_not_tell() -> None:
    drives = simulated(SCATTER, Plan(9, 1, 2), 0.0, 1, seed=4)[0]
    assert scatter_of(drives).repeat == 0.0  # counted with what routes and seeds share
    alone = scatter_of(drives[:1])
    assert alone.seed is None
    assert smallest_shown(alone, Plan(9, 1, 1)) > 0
    with pytest.raises(DataError, match="drives of a single seed do not tell what 5 seeds"):
        smallest_shown(alone, Plan(30, 2, 5))
    with pytest.raises(DataError, match="one drive of one seed"):
        smallest_shown(SCATTER, Plan(1, 4, 1))
    with pytest.raises(DataError, match="two routes or more"):
        scatter_of(drives[:, :1])


def test_plans_are_read() -> None:
    assert parse_plan("30x2x5") == Plan(30, 2, 5)
    assert str(Plan(30, 2, 5)) == "30x2x5"
    for wrong in ("30x2", "0x1x1", "30 x 2 x 5", "30x2x5x1", ""):
        with pytest.raises(UsageError, match="ROUTESxREPEATSxSEEDS"):
            parse_plan(wrong)
