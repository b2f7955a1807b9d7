"""`benchmarks/sensors.py` and `open_closed.py`: what they say of drives whose truth is known."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
from auxdrive.errors import UsageError
from auxdrive.power import Plan, Scatter
from auxdrive.statistics import seed_difference, seed_interval
from auxdrive.strict_yaml import read_yaml
from auxdrive.types import Float64
from auxdrive_eval.dagger.budgets import BUDGETS

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from open_closed import METHODS, RUNS, WITHIN, correlations, plot, table
from sensors_models import models_of, written
from sensors_table import (
    markdown,
    power_in_words,
    power_of,
    scatter_found,
    table_of,
    verdicts,
)

SEEDS, ROUTES, REPEATS = 5, 12, 2
WORTH = {"baseline": (0.0, 0.0), "teacher": (2.0, 40.0), "samd": (1.0, 30.0)}
"""What each model has more than the baseline, by day and at night."""


@pytest.fixture(scope="module")
def scores() -> dict[str, dict[str, Float64]]:
    """Drives in which routes differ a lot, and the same way for all models."""
    rng = np.random.default_rng(0)
    of_route = rng.normal(50.0, 15.0, (1, ROUTES, 1))
    return {
        model: {
            condition: of_route
            + more
            + rng.normal(0, 1.5, (SEEDS, 1, 1))
            + rng.normal(0, 4.0, (SEEDS, ROUTES, REPEATS))
            for condition, more in zip(("day", "night"), gains, strict=True)
        }
        for model, gains in WORTH.items()
    }


def test_the_table_tells_gaps_shares_and_intervals_by_condition(
    scores: dict[str, dict[str, Float64]],
) -> None:
    table = table_of(scores)
    assert list(table) == ["day", "night", "all"]
    night = table["night"]
    ours = scores["samd"]["night"].mean(axis=(1, 2))
    first = scores["baseline"]["night"].mean(axis=(1, 2))
    interval = seed_interval(ours.tolist())
    assert night["samd"]["score"] == {
        "mean": interval.value, "low": interval.low, "high": interval.high
    }  # fmt: skip
    assert night["samd"]["by seed"] == ours.tolist()
    paired = seed_difference(ours, first)
    assert night["samd"]["against baseline"]["low"] == paired.low
    assert night["samd"]["against baseline"]["is_shown"]
    share = night["samd"]["share of the gap"]
    assert share["low"] < 0.75 < share["high"]
    assert share["high"] - share["low"] < 0.3
    assert night["samd"]["disjoint from baseline"]
    assert "share of the gap" not in night["teacher"]
    # by day there is hardly a gap, of which any share may be closed
    assert table["day"]["samd"]["disjoint from baseline"] is False
    day = table["day"]["samd"]["share of the gap"]
    assert day["low"] is None or day["high"] - day["low"] > 1.0
    whole = np.concatenate([scores["samd"][name] for name in ("day", "night")], axis=1)
    assert table["all"]["samd"]["score"]["mean"] == pytest.approx(whole.mean())
    lines = list(markdown(table))
    assert len(lines) == 2 + 9
    assert f"| night | samd | {interval.value:.1f} [" in lines[7]
    worse = {**scores, "teacher": {name: each - 60 for name, each in scores["teacher"].items()}}
    assert table_of(worse)["night"]["samd"]["share of the gap"] is None
    told = verdicts(table, ("night", "fog"))
    assert any("a gap of 10 points is shown" in each for each in told)
    assert any("half of it, with disjoint intervals, is reached" in each for each in told)


def test_one_seed_is_tested_over_routes_and_promises_no_interval(
    scores: dict[str, dict[str, Float64]],
) -> None:
    alone = {
        model: {name: each[:1] for name, each in rows.items()} for model, rows in scores.items()
    }
    row = table_of(alone)["night"]["samd"]
    assert row["score"]["low"] is None
    assert row["against baseline"]["test"] == "sign-flip test"
    assert row["share of the gap"]["low"] is None
    assert row["disjoint from baseline"] is None
    few = power_of(scatter_found(alone), Plan(ROUTES, REPEATS, 5))
    assert "single seed" in power_in_words(few, "as these drives scattered")


def test_power_is_told_from_scatter_that_is_found_again(
    scores: dict[str, dict[str, Float64]],
) -> None:
    found = power_of(scatter_found(scores), Plan(ROUTES, REPEATS, SEEDS))
    # a difference of two models has twice the variance of each
    assert found["standard deviations"]["repeat"] == pytest.approx(4.0 * 2**0.5, rel=0.1)
    assert found["standard deviations"]["seed"] == pytest.approx(1.5 * 2**0.5, rel=0.5)
    assert 2.0 < found["smallest difference"] < 8.0
    assert found["seeds for 5 points"] <= 6
    told = power_in_words(found, "as these drives scattered")
    assert f"a difference of {found['smallest difference']:.1f} points" in told
    wild = power_of(Scatter(90000.0, 0.0, 0.0, 0.0), Plan(2, 1, 5))
    assert wild["seeds for 5 points"] is None


def test_open_loop_is_held_against_closed_loop_over_runs_methods_and_seeds(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    # methods with a lower error drive worse; within each, a lower error drives better
    points = [
        {
            "method": method, "seed": seed, "metric": "plan_error_m",
            "open loop": {"all": float(place + luck), "night": float(place), "fog": None},
            "driving score": {"all": 50.0 + 10 * place - 9 * luck, "night": 40.0, "fog": 1.0},
        }
        for place, method in enumerate("abcd")
        for seed, luck in enumerate(rng.uniform(0, 0.9, 5))
    ]  # fmt: skip
    found = correlations(points)
    assert list(found) == ["all", "night"]  # in fog not every run was measured
    assert (found["all"][RUNS]["pairs"], found["all"][METHODS]["pairs"]) == (20, 4)
    assert found["all"][METHODS]["rho"] == pytest.approx(1.0)
    assert found["all"][METHODS]["low"] is None
    assert found["all"][WITHIN]["rho"] == pytest.approx(-1.0)
    assert 0 < found["all"][RUNS]["low"] < found["all"][RUNS]["rho"] < found["all"][RUNS]["high"]
    lines = list(table(points))
    assert "| night | all runs | 20 | the same for all | 1.000 |" in lines
    assert any("fewer than 10" in line for line in lines)
    assert plot(points, tmp_path / "plot.svg").count(b'id="axes_') == 2


def test_the_recipe_is_that_of_any_file_of_settings(tmp_path: Path) -> None:
    whole = read_yaml(written(Path("standard"), tmp_path / "recipe.yaml"))
    told = read_yaml(BUDGETS["standard"])["train"]
    assert whole == {"base": {k: v for k, v in told.items() if k != "threads"}, "methods": {}}
    sweep = tmp_path / "sweep.yaml"
    sweep.write_text("base: {lr: 0.1, seed: 3}\nmethods: {samd: {lr: 0.2}}\nseeds: [1]\n")
    assert read_yaml(written(sweep, tmp_path / "recipe.yaml")) == {
        "base": {"lr": 0.1}, "methods": {"samd": {"lr": 0.2}}
    }  # fmt: skip
    (tmp_path / "train.yaml").write_text("lr: 0.3\nmethod: samd\n")
    whole = read_yaml(written(tmp_path / "train.yaml", tmp_path / "recipe.yaml"))
    assert whole == {"base": {"lr": 0.3}, "methods": {}}


def test_what_was_not_trained_is_not_driven(tmp_path: Path) -> None:
    given = Namespace(drive_only=True, out=tmp_path, seeds=2, methods=["baseline", "teacher"])
    with pytest.raises(UsageError, match="has 0 finished runs of the 4 that are to be driven"):
        models_of(given, [])
