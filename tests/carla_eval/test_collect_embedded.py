"""Recording in the embedded simulator: the same bytes for any number of workers, resuming, kill -9,
a full disk, splits.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive.route_follower import RouteFollower
from auxdrive.storage.folders import held
from auxdrive_eval.collecting.collect import Collected, collect
from auxdrive_eval.collecting.record import plan_episode
from auxdrive_eval.collecting.settings import CollectSettings, collect_settings, splits_of
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.embedded.spec import DEFAULT_CAMERA, EmbeddedOptions
from auxdrive_eval.simulators.settings import SimulatorSettings
from hypothesis import given
from hypothesis import strategies as st

CAMERA = DEFAULT_CAMERA.model_copy(update={"width": 48, "height": 32})


def settings(**changes: Any) -> CollectSettings:
    values = {
        "simulator": SimulatorSettings(options=EmbeddedOptions(traffic=2, camera=CAMERA)),
        "modalities": ("rgb", "depth"),
        "seed": 3,
        "route_seeds": (5, 6),
        "max_episode_s": 2.0,
    }
    return collect_settings(**(values | {"episodes": 2} | changes))


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Collected:
    """Two episodes, in this process."""
    return collect(settings(), tmp_path_factory.mktemp("recorded") / "data")


def test_a_recording_is_a_data_set(recorded: Collected) -> None:
    dataset = Dataset.open(recorded.out)
    assert dataset.episode_ids == ("s3-00000", "s3-00001")
    assert {name: len(dataset.split(name)) for name in dataset.card.splits} == {
        "train": 1,
        "val": 1,
    }
    assert dataset.card.rate_hz == 4.0
    assert (dataset.card.camera.width, dataset.card.camera.height) == (48, 32)
    assert dataset.card.vehicle.wheelbase_m is not None
    assert recorded.frames == sum(len(dataset.episode(name)) for name in dataset.episode_ids)
    episode = dataset.episode("s3-00000")
    assert episode.frames(Modality.RGB).shape == (8, 32, 48, 3)
    assert episode.frames(Modality.DEPTH).shape == (8, 32, 48)
    state = episode.state
    assert np.diff(state["time_s"]) == pytest.approx(np.full(7, 0.25))
    assert np.isfinite(np.array(state.tolist())).all()
    assert (state["target_x_m"] > 0).all()
    assert (state["speed_mps"] >= 0).all()
    assert state["speed_mps"][-1] > 1  # it drives
    # The recorded position moves as the recorded speed says.
    steps = np.hypot(np.diff(state["x_m"]), np.diff(state["y_m"]))
    assert steps == pytest.approx(
        (state["speed_mps"][1:] + state["speed_mps"][:-1]) / 2 * 0.25, abs=0.1
    )


def test_poses_are_the_rear_axles_and_targets_the_followers(recorded: Collected) -> None:
    plan = plan_episode(3, 0, (5, 6))
    simulator = EmbeddedSimulator(camera=CAMERA, traffic=2, render=False)
    route = simulator.random_route(plan.route_seed)
    state = simulator.reset(route, plan.traffic_seed)
    (goal_x_m, goal_y_m), command = RouteFollower(route.points, route.options).update(state.ego)
    first = Dataset.open(recorded.out).episode("s3-00000").state[0]
    assert (first["x_m"], first["y_m"], first["yaw_rad"]) == pytest.approx(
        (state.ego.x_m, state.ego.y_m, state.ego.yaw_rad)
    )
    assert (first["target_x_m"], first["target_y_m"], first["command"]) == pytest.approx(
        (goal_x_m, goal_y_m, int(command)), rel=1e-5
    )
    assert abs(goal_y_m) > 0.01


def test_several_workers_write_the_same_bytes(recorded: Collected, tmp_path: Path) -> None:
    together = collect(settings(), tmp_path / "data", workers=2)
    assert tree(together.out) == tree(recorded.out)


def test_recording_goes_on_where_it_stopped_and_may_grow(
    recorded: Collected, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    shutil.copytree(recorded.out, out)
    shutil.rmtree(out / "episodes/s3-00000")
    kept = (out / "episodes/s3-00001/state.npy").stat().st_mtime_ns
    again = collect(settings(), out)
    assert (again.recorded, again.episodes) == (1, 2)
    assert (out / "episodes/s3-00001/state.npy").stat().st_mtime_ns == kept
    assert tree(out) == tree(recorded.out)
    assert collect(settings(), out).recorded == 0
    grown = collect(settings(episodes=3), out)
    assert (grown.recorded, grown.episodes) == (1, 3)
    with pytest.raises(UsageError, match="episodes was 3 and is 2"):
        collect(settings(), out)


def test_frames_are_a_minimum_and_surplus_episodes_go(recorded: Collected, tmp_path: Path) -> None:
    by_frames = collect(settings(episodes=None, frames=8), tmp_path / "data")
    assert (by_frames.episodes, by_frames.frames) == (1, 8)
    together = collect(settings(episodes=None, frames=8), tmp_path / "together", workers=2)
    assert tree(together.out) == tree(by_frames.out)
    grown = collect(settings(), by_frames.out)  # by episodes now, and there are not more already
    assert tree(grown.out) == tree(recorded.out)
    with pytest.raises(UsageError, match="episodes was 2 and is 1"):
        collect(settings(episodes=1), by_frames.out)
    with pytest.raises(UsageError, match="episodes was 2 and is None"):
        collect(settings(episodes=None, frames=100), by_frames.out)


def test_other_settings_and_other_data_sets_are_refused(
    recorded: Collected, tmp_path: Path
) -> None:
    out = tmp_path / "data"
    shutil.copytree(recorded.out, out)
    before = tree(out)
    with pytest.raises(
        UsageError, match=r"modalities was .* and is .*; seed was 3 and is 4. Choose another --out"
    ):
        collect(settings(seed=4, modalities=("rgb",)), out)
    assert tree(out) == before
    (out / "collect.json").write_text("{")
    with pytest.raises(DataError, match=r"collect\.json(?s:.*)Choose another"):
        collect(settings(), out)
    (out / "collect.json").unlink()
    with pytest.raises(UsageError, match="did not make"):
        collect(settings(), out)
    (out / "dataset.json").unlink()
    shutil.rmtree(out / "episodes")
    (out / "collect.json").write_text("{")
    assert collect(settings(), out).recorded == 2  # without episodes nothing can be lost
    with held(out), pytest.raises(UsageError, match="another process is writing there"):
        collect(settings(), out)
    assert collect(settings(), out).recorded == 0
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match="holds something else"):
        collect(settings(), tmp_path / "other")


def test_the_label_is_the_experts_also_while_it_is_disturbed(tmp_path: Path) -> None:
    straight = {
        "episodes": 1,
        "max_episode_s": 14.0,
        "rate_hz": 20.0,
        "modalities": ("segmentation",),
        "route_seeds": (5,),
    }
    calm = (
        Dataset.open(collect(settings(**straight, perturb=False), tmp_path / "calm").out)
        .episode("s3-00000")
        .state
    )
    rough = (
        Dataset.open(collect(settings(**straight), tmp_path / "rough").out)
        .episode("s3-00000")
        .state
    )
    frames = min(len(calm), len(rough))
    apart = np.hypot(
        calm["x_m"][:frames] - rough["x_m"][:frames], calm["y_m"][:frames] - rough["y_m"][:frames]
    )
    first = int(np.flatnonzero(apart > 0)[0])
    assert calm["time_s"][first] >= 8.0  # the first pulse comes after 8 s at the earliest
    assert not calm["disturbed"].any()
    assert rough["disturbed"][first]
    assert not rough["disturbed"][: first - 2].any()
    # When the pulse begins the car has not moved yet, and the label does not show it.
    assert rough["steer_rad"][first - 1] == calm["steer_rad"][first - 1]
    assert apart.max() > 0.02


RUN = "import sys; from auxdrive.cli import main; main()"
SMALL = [
    "--size",
    "48x32",
    "--traffic",
    "2",
    "--modalities",
    "rgb,depth",
    "--seed",
    "3",
    "--route-seeds",
    "5,6",
    "--max-episode-s",
    "2",
]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_recording_is_readable_and_goes_on(
    recorded: Collected, tmp_path: Path, workers: int
) -> None:
    out = tmp_path / "data"
    command = [
        sys.executable,
        "-c",
        RUN,
        "collect",
        "--out",
        str(out),
        *SMALL,
        "--episodes",
        "2",
        "--workers",
        str(workers),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while not (
            list((out / "episodes").glob("s3-*")) and list((out / "episodes").glob(".partial-*"))
        ):
            assert process.poll() is None, process.stderr and process.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.002)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    if workers == 1:
        assert list((out / "episodes").glob(".partial-*"))  # what a killed process leaves
    assert Dataset.open(out).episode_ids
    resumed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert tree(out) == tree(recorded.out)


def test_a_full_disk_is_an_error_and_leaves_whole_episodes(tmp_path: Path) -> None:
    """A limit on file size stands for the disk: the write fails in the same place, with EFBIG."""
    out = tmp_path / "data"
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)); " + RUN
    command = [
        sys.executable,
        "-c",
        limited,
        "collect",
        "--out",
        str(out),
        *SMALL,
        "--episodes",
        "2",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"COLUMNS": "400"}
    )
    assert done.returncode == 2
    assert "the disk is full" in done.stderr
    assert "Traceback" not in done.stderr
    assert list((out / "episodes").iterdir()) == []


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
        (["--sim", "carla"], "unknown simulator 'carla'"),
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


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be made"):
        collect(settings(), tmp_path / "file" / "data")
