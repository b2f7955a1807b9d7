"""What a drive in CARLA keeps: a data set, a video; the drive is the same with and without them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

carla = pytest.importorskip("carla", reason="needs the extra [carla]")
pytest.importorskip("av", reason="needs the extra [video]")

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # it makes genuine bundles
import bundle_factory
from auxdrive.data.dataset import Dataset
from auxdrive.data.lidar import bev_histogram
from auxdrive.modalities import Modality
from auxdrive_eval import DriverSource, drive_all
from auxdrive_eval.diagnosis.diagnose import diagnose
from auxdrive_eval.diagnosis.repeats.log import read_facts
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.onlookers.keeping import KeepOptions
from auxdrive_eval.driving.onlookers.record_settings import RecordOptions
from auxdrive_eval.driving.stored.route_files import VIDEO
from started_carla import planned, settings_in


def test_a_drive_through_the_stock_client_is_recorded_and_filmed(tmp_path: Path) -> None:
    bundle = bundle_factory.write_bundle(tmp_path / "student", "steering")
    settings = settings_in(tmp_path / "carla", modalities=["rgb", "lidar"])
    routes, source = planned(settings, 1), DriverSource(AgentSource(bundle))
    record = RecordOptions(
        tmp_path / "data", modalities=(Modality.RGB, Modality.LIDAR), lidar_points=True
    )
    keep = KeepOptions(record, video=True)
    kept = drive_all(routes, source, settings, tmp_path / "kept", keep=keep).driven[0]
    plain = drive_all(routes, source, settings, tmp_path / "plain").driven[0]
    assert (kept.trace == plain.trace).all()
    assert kept.record.scores == plain.record.scores
    assert kept.file(VIDEO)
    episode = Dataset.open(tmp_path / "data").episode("drive-00000")
    assert len(episode) == 1 + (len(kept.trace) - 1) // 5
    assert np.isfinite(episode.state["steer_rad"]).all()
    assert episode.state["throttle"].max() > 0  # the expert sets off
    assert episode.ahead is None  # CARLA cannot tell what would happen
    assert episode.plan is not None  # but its expert says what it means to do
    assert episode.plan["target_speed_mps"].max() > 0
    assert episode.lidar_points is not None
    for histogram, points in zip(episode.frames(Modality.LIDAR), episode.lidar_points, strict=True):
        assert len(points) > 0
        assert np.array_equal(bev_histogram(points), histogram)
    assert "driven by the student student" in Dataset.open(tmp_path / "data").card.source
    noted = read_facts(plain)  # by which the drive can be diagnosed without a server
    assert noted is not None
    assert [each.instant.time_s for each in noted[:3]] == pytest.approx([0.0, 0.25, 0.5])
    assert noted[0].instant.expert_goes
    assert noted[-1].instant.along_m > 1.0
    assert len(noted[0].expert_ego_m) == 4
    diagnosis = diagnose(tmp_path / "plain").diagnosis
    assert diagnosis.costs.score == pytest.approx(plain.record.scores.score_composed)
