"""Recording in the embedded simulator: the same bytes for any number of workers, growing, other
settings, labels.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import DatasetCard
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.lidar import bev_histogram
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive.route_follower import RouteFollower
from auxdrive.standing import STANDING_MPS
from auxdrive.storage.folders import held
from auxdrive_eval.collecting.collect import Collected, collect
from auxdrive_eval.collecting.record import plan_episode
from auxdrive_eval.collecting.settings import SETTINGS_NAME
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from small_recording import CAMERA, settings, tree


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


def test_lidar_points_are_recorded_where_asked_and_are_those_of_the_histogram(
    recorded: Collected, tmp_path: Path
) -> None:
    wanted = {"modalities": ("rgb", "lidar"), "episodes": 1, "max_episode_s": 0.5}
    made = collect(settings(**wanted, lidar_points=True), tmp_path / "data")
    episode = Dataset.open(made.out).episode("s3-00000")
    histograms, frames = episode.frames(Modality.LIDAR), episode.lidar_points
    assert frames is not None
    assert len(frames) == len(histograms) == 2
    for histogram, points in zip(histograms, frames, strict=True):
        assert len(points) > 100
        assert np.array_equal(bev_histogram(points), histogram)
    plain = Dataset.open(recorded.out).episode("s3-00000")
    assert plain.lidar_points is None
    assert np.array_equal(plain.frames(Modality.RGB)[:2], episode.frames(Modality.RGB))
    with pytest.raises(UsageError, match="lidar_points was true and is false"):
        collect(settings(**wanted), tmp_path / "data")


def test_a_recording_of_fewer_classes_is_not_continued(tmp_path: Path) -> None:
    now = settings(modalities=("rgb", "segmentation"))
    old = DatasetCard(
        name="old", rate_hz=4.0, modalities=now.modalities, camera=now.simulator.options.camera
    )
    (tmp_path / SETTINGS_NAME).write_text(now.model_dump_json())
    write_card(tmp_path, old)
    with pytest.raises(UsageError, match="has 13 classes, that of this version has 18"):
        collect(now, tmp_path)


def test_poses_are_the_rear_axles_and_targets_the_followers(recorded: Collected) -> None:
    plan = plan_episode(3, 0, (5, 6))
    simulator = EmbeddedSimulator(camera=CAMERA, traffic=2, render=False)
    route = simulator.random_route(plan.route_seed)
    state = simulator.reset(route, plan.traffic_seed)
    told = RouteFollower(route.points, route.options).update(state.ego)
    first = Dataset.open(recorded.out).episode("s3-00000").state[0]
    assert (first["x_m"], first["y_m"], first["yaw_rad"]) == pytest.approx(
        (state.ego.x_m, state.ego.y_m, state.ego.yaw_rad)
    )
    assert (first["target_x_m"], first["target_y_m"], first["command"]) == pytest.approx(
        (*told.target_ego_m, int(told.command)), rel=1e-5
    )
    assert abs(told.target_ego_m[1]) > 0.01
    after = [f"target_{k}_{axis}_m" for k in (2, 3) for axis in "xy"]
    assert [*first[after]] == pytest.approx(told.next_targets_ego_m, rel=1e-5)
    assert (first["next_command"], first["standing_s"]) == (int(told.next_command), 0.0)
    passed = (*told.last_target_ego_m, int(told.last_command))
    assert [*first[["target_0_x_m", "target_0_y_m", "last_command"]]] == pytest.approx(passed)
    whole = Dataset.open(recorded.out).episode("s3-00000").state
    stands = np.abs(whole["speed_mps"]) <= STANDING_MPS
    assert (whole["moving_s"][stands] == 0.0).all()
    moves = np.flatnonzero(~stands)
    assert moves.size
    assert (np.diff(whole["moving_s"][moves]) > 0.0).all(), "it stood once, before it set off"
    plans = Dataset.open(recorded.out).episode("s3-00000").plan
    assert plans is not None
    simulator.expert()
    np.testing.assert_allclose(plans["path_ego_m"][0], simulator.expert_plan().path_ego_m, 1e-5)


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
    with pytest.raises(UsageError, match="episodes was 2 and is not set"):
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
