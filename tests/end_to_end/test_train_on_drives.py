"""A student's drive, recorded with the expert's labels, is trained on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.modalities import Modality
from auxdrive_eval import DriverSource, SimulatorSettings, drive_all, make_simulator
from auxdrive_eval.driving.agents import AgentSource
from auxdrive_eval.driving.onlookers.keeping import KeepOptions
from auxdrive_eval.driving.onlookers.record_settings import RecordOptions
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.train import train
from auxdrive_train.tasks import TASKS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sdk"))  # tests are no package
import bundle_factory


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """17 s of a bundle that knows nothing, on a route of 15 m."""
    out = tmp_path_factory.mktemp("drive")
    bundle = bundle_factory.write_bundle(out / "bundle", "waypoints")
    settings = SimulatorSettings(options={"traffic": 2})
    simulator = make_simulator(settings, sensors=False)
    whole = simulator.random_route(1003)
    route = simulator.plan(whole.town, [tuple(whole.points[0]), tuple(whole.points[15])])
    drive_all(
        [route],
        DriverSource(AgentSource(bundle)),
        settings,
        out / "out",
        keep=KeepOptions(RecordOptions(out / "data", modalities=(Modality.RGB, Modality.DEPTH))),
    )
    return out / "data"


@pytest.mark.parametrize("task", ["waypoints", "steering"])
def test_every_frame_of_a_students_drive_is_trained_on(
    recorded: Path, task: str, tmp_path: Path
) -> None:
    dataset = Dataset.open(recorded)
    assert len(SampleSet.open(dataset, dataset.episode_ids, TASKS[task](), [Modality.RGB])) == sum(
        len(dataset.episode(episode_id)) for episode_id in dataset.episode_ids
    )
    config = parse_config(
        {
            "data": str(recorded), "task": task, "method": "baseline", "epochs": 1, "threads": 1,
            "preprocessing": {"size": [66, 200]}, "batch_size": 16,
        }
    )  # fmt: skip
    train(config, tmp_path / "run")
    assert "driven by the student bundle" in (tmp_path / "run" / "dataset.json").read_text()
    assert (tmp_path / "run" / "checkpoints" / "best.safetensors").exists()
