"""An ego input more is one row of `auxdrive.ego.EGO_INPUTS` and its name in a task: a student is
trained, exported, verified and asked with the route command beside speed and target point.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from auxdrive.bundles import Bundle
from auxdrive.checks.verify import verify_bundle
from auxdrive.commands import predict as module
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.ego import other_side
from auxdrive.predictor import Predictor
from auxdrive.tasks.waypoints import WAYPOINTS
from auxdrive.types import Flag, Observation
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from PIL import Image
from typer.testing import CliRunner

LEFT, RIGHT = 1.0, 2.0


@pytest.fixture
def with_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that names one more row of the table."""
    monkeypatch.setattr(WAYPOINTS, "ego_inputs", ("command", "speed_mps", "target_ego_m"))


def with_commands(source: Path, out: Path) -> Path:
    """The same drives with a command in each frame: left or right, as the target point lies."""
    dataset = Dataset.open(source)
    for name in dataset.episode_ids:
        episode = dataset.episode(name)
        with EpisodeWriter(out, name, dataset.card.modalities) as writer:
            for index, state in enumerate(np.array(episode.state)):
                state["command"] = LEFT if state["target_y_m"] > 0 else RIGHT
                frames = {m: np.array(episode.frames(m)[index]) for m in dataset.card.modalities}
                writer.append(frames, state)
    write_card(out, dataset.card)
    return out


@pytest.mark.usefixtures("with_command")
def test_the_route_command_as_an_input(small_data: Path, tmp_path: Path) -> None:
    data = with_commands(small_data, tmp_path / "data")
    values = {
        "data": str(data), "task": "waypoints", "preprocessing": {"size": [64, 80]},
        "batch_size": 8, "threads": 1, "epochs": 1, "augment": {"speed_noise": 1.0},
    }  # fmt: skip
    train(parse_config(values), tmp_path / "run")
    run = load_run(tmp_path / "run")
    assert run.input_ranges is not None
    assert run.input_ranges["command"].low == (LEFT,)
    assert run.input_ranges["command"].high == (RIGHT,)

    write_bundle(run, tmp_path / "bundle")
    report = verify_bundle(tmp_path / "bundle")
    assert report.passed, report.checks
    assert "depends on command" in {check.name for check in report.checks}
    assert (
        "command=4.0, speed_mps=5.0, target_ego_m=(20.0, 0.0)"
        in (tmp_path / "bundle" / "README.md").read_text()
    )

    bundle = Bundle.open(tmp_path / "bundle")
    image = bundle.read_array("reference/images.npy")[0]
    with Predictor.load(bundle) as predictor:
        left, right, never = (
            predictor.predict(Observation(image, 0.0, 4.5, (20.0, 0.0), command))
            for command in (1, 2, 6)
        )
    assert left != right
    assert left.flags == right.flags == frozenset()
    assert never.flags == {Flag.INPUT_OUT_OF_RANGE}

    Image.fromarray(image).save(tmp_path / "0.png")
    app = typer.Typer()
    app.command()(module.predict)
    asked = [str(tmp_path / "bundle"), str(tmp_path / "0.png"), "--json"]
    told = CliRunner().invoke(app, [*asked, "--command", "1", "--speed", "4.5", "--target", "20,0"])
    assert told.exit_code == 0, told.output
    (found,) = json.loads(told.stdout)["predictions"]
    assert left.waypoints_ego_m is not None
    np.testing.assert_array_equal(np.float32(found["waypoints_ego_m"]), left.waypoints_ego_m)
    lacking = CliRunner().invoke(app, [*asked, "--speed", "4.5", "--target", "20,0"])
    assert "give --command" in str(lacking.exception)


def test_the_mirror_of_a_command_works_on_both_libraries() -> None:
    numbers = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    mirrored = [2.0, 1.0, 3.0, 4.0, 6.0, 5.0]
    assert other_side(np.array(numbers)).tolist() == mirrored
    assert other_side(torch.tensor(numbers)).tolist() == mirrored
