"""`auxdrive drive --record`: a drive becomes a data set with the expert's labels, whatever happens
to the process; and the drive is the same with and without.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.errors import UsageError
from auxdrive.machine.workers import Processes
from auxdrive.modalities import Modality
from auxdrive.types import Control
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.evaluate import drive_all
from auxdrive_eval.driving.onlookers.keeping import KeepOptions
from auxdrive_eval.driving.onlookers.record_settings import RecordOptions
from auxdrive_eval.driving.settings import DriverSource
from auxdrive_eval.driving.stored.evaluation import Evaluation
from auxdrive_eval.driving.stored.route import StoredRoute
from auxdrive_eval.driving.stored.route_files import route_folder
from auxdrive_eval.route import Route
from auxdrive_eval.simulators.base import SimulationCrashed
from auxdrive_eval.simulators.embedded.simulator import EmbeddedSimulator
from auxdrive_eval.simulators.settings import SimulatorSettings
from auxdrive_eval.world import WorldState
from small_recording import tree
from small_world import CAMERA, SETTINGS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # tests are no package
import bundle_factory

RGB_DEPTH = (Modality.RGB, Modality.DEPTH)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_factory.write_bundle(tmp_path_factory.mktemp("bundles") / "student", "waypoints")


def driven(
    routes: tuple[Route, ...], bundle: Path | None, out: Path, record: Path | None, **options: Any
) -> Evaluation:
    """Drive with a bundle, or the expert, and record."""
    source = DriverSource(None if bundle is None else AgentSource(bundle))
    keep = KeepOptions() if record is None else KeepOptions(RecordOptions(record, 4.0, RGB_DEPTH))
    return drive_all(routes, source, SETTINGS, out, keep=keep, **options)


def files(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in tree(folder).items() if ".lock" not in name}


@pytest.fixture(scope="module")
def by_student(
    tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...], bundle: Path
) -> tuple[Evaluation, Path]:
    """A route, driven by a bundle and recorded."""
    out = tmp_path_factory.mktemp("student")
    return driven(short_routes[:1], bundle, out / "out", out / "data"), out / "data"


@pytest.fixture(scope="module")
def by_expert(
    tmp_path_factory: pytest.TempPathFactory, short_routes: tuple[Route, ...]
) -> tuple[Evaluation, Path]:
    """Two routes, each driven twice by the expert and recorded."""
    out = tmp_path_factory.mktemp("expert")
    return driven(short_routes, None, out / "out", out / "data", repeats=2), out / "data"


def test_recording_changes_nothing_of_the_drive(
    by_student: tuple[Evaluation, Path],
    short_routes: tuple[Route, ...],
    bundle: Path,
    tmp_path: Path,
) -> None:
    plain = driven(short_routes[:1], bundle, tmp_path / "plain", None)
    for ours, theirs in zip(by_student[0].driven, plain.driven, strict=True):
        assert (ours.trace == theirs.trace).all()
        assert (ours.events, ours.film, ours.tally) == (theirs.events, theirs.film, theirs.tally)
        assert ours.record.scores == theirs.record.scores


class Elsewhere(Processes):
    """Processes that count as those of another machine: they write nothing into the data set."""

    @property
    def elsewhere(self) -> bool:
        return True


def test_workers_change_no_byte_of_a_recording_wherever_they_are(
    by_expert: tuple[Evaluation, Path], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    """Two processes here begin it, and others, as if on another machine, go on."""
    out, data, told = tmp_path / "out", tmp_path / "data", []

    def interrupt(stored: StoredRoute, _: bool) -> None:
        told.append(stored.record.index)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driven(short_routes, None, out, data, repeats=2, workers=2, on_route=interrupt)
    undone = data / "episodes" / f"drive-{(told[0] + 1) % 4:05d}"
    undone.mkdir(exist_ok=True)
    np.save(undone / "state.npy", np.zeros(3))  # of a process that was killed before its result
    driven(short_routes, None, out, data, repeats=2, workers=Elsewhere(1), resume=True)
    assert files(data) == files(by_expert[1])
    assert not list(out.rglob("*episode*"))


def test_the_data_set_says_that_the_student_drove(by_student: tuple[Evaluation, Path]) -> None:
    evaluation, data = by_student
    (stored,), dataset = evaluation.driven, Dataset.open(data)
    assert "driven by the student student (sha256" in dataset.card.source
    assert evaluation.settings.driver_sha256[:16] in dataset.card.source
    assert dataset.card.modalities == RGB_DEPTH
    state = dataset.episode("drive-00000").state
    assert np.diff(state["time_s"]) == pytest.approx(0.25)
    # the poses are those of the drive; the trace has them from the first tick on
    ticks = np.round(state["time_s"] / 0.05).astype(int)
    assert state["yaw_rad"][1:] == pytest.approx(stored.trace["yaw_rad"][ticks[1:] - 1])
    assert (state["disturbed"] == 1).all()
    assert np.isfinite(state["target_x_m"]).all()


def test_the_experts_own_drive_has_its_future_in_the_frames(
    by_expert: tuple[Evaluation, Path],
) -> None:
    dataset = Dataset.open(by_expert[1])
    episode = dataset.episode("drive-00000")
    assert episode.ahead is None
    assert not episode.state["disturbed"].any()
    assert dataset.card.source.startswith(
        "auxdrive's embedded simulator, driven by its expert; settings in record.json"
    )
    # the repeats of a route are alike, and stand in one split
    assert dataset.card.splits == {
        "train": ("drive-00000", "drive-00001"),
        "val": ("drive-00002", "drive-00003"),
    }


def test_a_killed_recording_goes_on_and_nothing_counts_twice(
    by_expert: tuple[Evaluation, Path], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    out, data = tmp_path / "out", tmp_path / "data"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        driven(short_routes, None, out, data, repeats=2, on_route=interrupt)
    assert len(Dataset.open(data)) == 1  # it can be read at any time
    driven(short_routes, None, out, data, repeats=2, resume=True)
    assert files(data) == files(by_expert[1])
    # killed after the episode and before the route's result; and while an episode was written
    shutil.rmtree(route_folder(out, 2))
    np.save(data / "episodes" / "drive-00002" / "state.npy", np.zeros(3))
    (data / "episodes" / f".partial-drive-00003-{2**22 + 1}").mkdir()
    driven(short_routes, None, out, data, repeats=2, resume=True)
    assert files(data) == files(by_expert[1])


def test_other_settings_and_other_data_sets_are_refused(
    by_expert: tuple[Evaluation, Path], short_routes: tuple[Route, ...], tmp_path: Path
) -> None:
    _, data = by_expert
    with pytest.raises(UsageError, match=r"under other settings: seed was 0 and is 3.*--record"):
        driven(short_routes, None, tmp_path / "a", data, repeats=2, seed=3)
    foreign = tmp_path / "foreign"
    shutil.copytree(data, foreign)
    (foreign / "record.json").unlink()
    with pytest.raises(UsageError, match="holds a data set that `auxdrive drive --record` did not"):
        driven(short_routes, None, tmp_path / "b", foreign, repeats=2)
    for options, message in (
        (RecordOptions(tmp_path / "c", 3.0), "3.0 Hz is not a whole number"),
        (RecordOptions(tmp_path / "c", 4.0, (Modality.DEPTH,)), "record rgb too"),
        (RecordOptions(tmp_path / "c", 4.0, (Modality.RGB, Modality.EDGE)), "record some of"),
    ):
        with pytest.raises(UsageError, match=message):
            drive_all(
                short_routes, DriverSource(None), SETTINGS, tmp_path / "d",
                keep=KeepOptions(options),
            )  # fmt: skip
    assert not (tmp_path / "c").exists()


def test_finished_drives_that_were_not_recorded_are_told_of(
    short_routes: tuple[Route, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    driven(short_routes[:1], None, tmp_path / "out", None)
    driven(short_routes[:1], None, tmp_path / "out", tmp_path / "data", resume=True)
    assert "1 finished drives (#0) were driven without --record and are not in it" in caplog.text
    assert not (tmp_path / "data" / "episodes").exists()


class CrashesOnce(EmbeddedSimulator):
    """Crashes at the 20th tick of its first route."""

    crashed = False

    def step(self, control: Control) -> WorldState:
        state = super().step(control)
        if state.frame == 20 and not CrashesOnce.crashed:
            CrashesOnce.crashed = True
            raise SimulationCrashed("the server is gone")
        return state


def test_a_route_that_is_driven_again_after_a_crash_is_one_episode(
    short_routes: tuple[Route, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven(short_routes[:1], None, tmp_path / "plain", tmp_path / "whole")

    def crashing(_: SimulatorSettings, **__: object) -> EmbeddedSimulator:
        return CrashesOnce(camera=CAMERA, traffic=2)

    monkeypatch.setattr("auxdrive_eval.driving.route_worker.make_simulator", crashing)
    driven(short_routes[:1], None, tmp_path / "out", tmp_path / "data")
    assert CrashesOnce.crashed
    assert files(tmp_path / "data") == files(tmp_path / "whole")


def test_options_of_a_recording_need_one() -> None:
    from auxdrive_eval.commands.keeping_options import keep_options

    with pytest.raises(UsageError, match="--record-rate-hz belongs to a recording"):
        keep_options(None, 2.0, None)
    with pytest.raises(UsageError, match="unknown modality 'deep'"):
        keep_options(Path("data"), None, "rgb,deep")
    assert keep_options(None, None, None) == KeepOptions()
    wanted = RecordOptions(Path("data"), 4.0, RGB_DEPTH)
    assert keep_options(Path("data"), None, "rgb,depth").record == wanted
