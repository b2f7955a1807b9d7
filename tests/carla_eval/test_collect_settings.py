"""What a recording is to hold: routes, seeds, splits, and settings that are refused."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from auxdrive import cli
from auxdrive.errors import UsageError
from auxdrive_eval.collecting.planning import splits_of
from auxdrive_eval.collecting.record import plan_episode
from hypothesis import given
from hypothesis import strategies as st
from small_recording import settings


@given(st.integers(0, 5), st.integers(1, 12))
def test_routes_do_not_repeat_before_all_were_used(seed: int, routes: int) -> None:
    seeds = tuple(range(100, 100 + routes))
    plans = [plan_episode(seed, index, seeds) for index in range(2 * routes)]
    assert sorted(plan.route_seed for plan in plans[:routes]) == list(seeds)
    assert sorted(plan.route_seed for plan in plans[routes:]) == list(seeds)
    assert len({(plan.traffic_seed, plan.perturbation_seed) for plan in plans}) == 2 * routes
    assert plans[0] == plan_episode(seed, 0, seeds)


@given(st.integers(0, 5), st.integers(0, 45))
def test_splits_are_disjoint_whole_and_one_in_ten(seed: int, episodes: int) -> None:
    splits = splits_of(list(range(episodes)), settings(seed=seed))
    ids = [name for split in splits.values() for name in split]
    assert len(ids) == len(set(ids)) == episodes
    if episodes > 1:
        assert episodes // 10 <= len(splits["val"]) <= episodes // 10 + 1
        assert episodes // 10 <= len(splits.get("test", ())) <= episodes // 10 + 1
        assert len(splits.get("test", ())) >= (episodes > 2)
        assert splits["train"]
    # Growing by whole tens moves nothing.
    if episodes >= 10:
        more = splits_of(list(range(episodes + 10)), settings(seed=seed))
        assert set(splits["val"]) <= set(more["val"])


def test_one_named_split_holds_everything() -> None:
    assert splits_of([0, 1], settings(split="test")) == {"test": ("s3-00000", "s3-00001")}
    assert splits_of([], settings(split="test")) == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"episodes": 0}, "episodes: .*greater than or equal to 1"),
        ({"frames": 5}, "give the number of episodes or of frames"),
        ({"rate_hz": 3.0}, "3.0 Hz is not a whole number of the simulator's ticks"),
        ({"rate_hz": 40.0}, "40.0 Hz is not a whole number"),
        ({"rate_hz": -1.0}, "rate_hz"),
        ({"modalities": ("rgb", "edge")}, "record some of rgb, depth, segmentation, lidar"),
        ({"modalities": ("rgb", "rgb")}, "each once"),
        ({"modalities": ()}, "record some of"),
        ({"route_seeds": ()}, "no route seeds"),
        ({"seed": -1}, "seed"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings(**changes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--episodes", "1", "--frames", "1"], "--episodes or --frames, not both"),
        (["--size", "256"], "--size 256: write width x height"),
        (["--size", "8x8"], "each from 16 to 4096"),
        (["--modalities", "rgb,depht"], "Did you mean 'depth'"),
        (["--sim", "carlo"], "unknown simulator 'carlo'"),
        (["--traffic", "-1"], "the number of moving cars is 0 to 500, got -1"),
        (["--traffic", "2", "--sim-option", "traffic=3"], "--traffic or --sim-option traffic"),
        (["--sim-option", "trafic=3"], "Did you mean 'traffic'"),
        (["--sim-option", "traffic"], "write NAME=VALUE"),
        (["--sim-option", "tick_s=1"], "tick_s: must be less than or equal to 0.1"),
        (["--route-seeds", "x"], "route seeds 'x'"),
        (["--workers", "0", "--episodes", "1"], "Invalid value for '--workers'"),
        (["--frames", "0"], "Invalid value for '--frames'"),
        (["--split", "a b"], "a split's name is a letter and up to 30 letters, digits and _"),
        (["--rate-hz", "7"], "7.0 Hz is not a whole number"),
        (["--rate-hz", "nan"], "rate_hz: "),
        (["--seed", "-1"], "Invalid value for '--seed'"),
        (["--max-episode-s", "inf"], "max_episode_s: "),
    ],
)
def test_mistakes_on_the_command_line(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(
        sys, "argv", ["auxdrive", "collect", "--out", str(tmp_path / "data"), *arguments]
    )
    with pytest.raises(SystemExit) as exit_info:
        cli.main()
    assert exit_info.value.code == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "data").exists()
