"""A new task is one file in the vehicle's half and one in the training half, with a row in each
table: another package brings one, and the commands train, export, verify and ask it.
"""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.bundles import Bundle, parse_card
from auxdrive.cards import VehicleSpec
from auxdrive.controllers import make_controller
from auxdrive.errors import BundleError, InputError
from auxdrive.predictor import Predictor
from auxdrive.steering import SteeringSpec
from auxdrive.tasks import TASKS, task_of
from auxdrive.types import Flag, Observation, Prediction
from auxdrive_eval.driving.agents.messages import PredictionMessage, message_of
from foreign_packages import install_package
from PIL import Image
from typer.testing import CliRunner

VEHICLE = '''
from auxdrive.tasks.base import OutputLimit, TaskSpec

class Speed(TaskSpec):
    """The forward speed one second later."""

    name = "speed"
    predicts = "the speed after one second"
    output_name = "speed_after_1s_mps"
    output_unit = "m/s"
    ego_inputs = ("speed_mps",)
    parity_unit = "m/s"
    parity_limit = 0.001

    def limit(self, steering):
        return OutputLimit(70.0, "m/s", "largest speed")

SPEED = Speed()
'''
TRAINING = """
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from auxdrive_train.tasks.base import Labels, Task, check_predictions, check_state

class Head(nn.Module):
    def __init__(self, feature_dim, scale):
        super().__init__()
        self.scale = scale
        self.layers = nn.Sequential(nn.Linear(feature_dim + 1, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, features_bd, ego_be):
        return self.layers(torch.cat((features_bd, ego_be / self.scale), dim=1)) * self.scale

@dataclass(frozen=True)
class SpeedTask(Task):
    name: str = "speed"
    scale: float = 10.0
    primary_metric: str = "mae_mps"

    def labels(self, state, rate_hz):
        check_state(state)
        ego = self.ego.from_state(state)
        time_s = state["time_s"] + 1.0
        later = np.interp(time_s, state["time_s"], state["speed_mps"])
        valid = (time_s <= state["time_s"][-1]) & np.isfinite(ego).all(axis=1) & np.isfinite(later)
        label = np.where(valid, later, 0.0).astype(np.float32)[:, None]
        return Labels(valid, np.where(valid[:, None], ego, np.float32(0)), label)

    def head(self, feature_dim, dropout):
        return Head(feature_dim, self.scale)

    def loss_per_sample(self, prediction, label):
        return (prediction - label).abs().flatten(1).mean(dim=1)

    def metrics(self, prediction, label, steering):
        predicted, truth = check_predictions(prediction, label, self.label_shape)
        return {"mae_mps": float(np.abs(predicted - truth).mean())}

    def mirror_label(self, label):
        return label
"""


@pytest.fixture
def _speed_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    vehicle = {"speed": "speedy_module:SPEED"}
    training = {"speed": "speedy_training_module:SpeedTask"}
    install_package(site, "speedy", "auxdrive.tasks", vehicle, VEHICLE)
    install_package(site, "speedy_training", "auxdrive.training_tasks", training, TRAINING)
    monkeypatch.syspath_prepend(site)


def command(*arguments: str | Path) -> Any:
    told = CliRunner().invoke(cli.build_app(), [*map(str, arguments), "--json"])
    assert told.exit_code == 0, (told.output, told.exception)
    return json.loads(told.stdout)


@pytest.mark.usefixtures("_speed_task")
def test_a_task_of_another_package(small_data: Path, tmp_path: Path) -> None:
    run, bundle = tmp_path / "run", tmp_path / "bundle"
    sets = [f"--set={each}" for each in ("preprocessing.size=[64,80]", "batch_size=8", "threads=1")]
    trained = command(
        "train", "--data", small_data, "--task", "speed", "--epochs", "1", "--out", run, *sets
    )
    assert set(trained["metrics"]["val"]["student"]) == {"mae_mps"}

    command("export", run, "--out", bundle)
    card = Bundle.open(bundle).card
    assert card.task == "speed"
    assert [spec.name for spec in card.inputs] == ["image", "speed_mps"]
    assert (card.outputs[0].name, card.outputs[0].unit) == ("speed_after_1s_mps", "m/s")
    assert card.metrics["val/mae_mps"].unit == "m/s"
    assert (card.parity.limit, card.parity.unit) == (0.001, "m/s")
    page = (bundle / "README.md").read_text()
    assert "predicts the speed after one second from one RGB camera image + speed_mps" in page
    assert 'print(prediction.values["speed_after_1s_mps"], prediction.latency_ms' in page
    assert "acc_t" not in page

    checks = {check["name"]: check["passed"] for check in command("verify", bundle)["checks"]}
    assert checks["parity"]
    assert checks["depends on speed_mps"]
    assert all(checks.values())

    image = Bundle.open(bundle).read_array("reference/images.npy")[0]
    Image.fromarray(image).save(tmp_path / "0.png")
    table = tmp_path / "predictions.csv"
    predicted = command("predict", bundle, tmp_path / "0.png", "--speed", "4.5", "--out", table)
    (record,) = predicted["predictions"]
    assert record["steer_rad"] is None
    assert record["waypoints_ego_m"] is None
    (value,) = record["speed_after_1s_mps"]
    (row,) = csv.DictReader(table.read_text().splitlines())
    assert float(row["speed_after_1s_mps"]) == value
    shown = CliRunner().invoke(
        cli.build_app(), ["predict", str(bundle), str(tmp_path / "0.png"), "--speed", "4.5"]
    )
    assert f"{value:.3f} m/s" in shown.stdout

    with Predictor.load(bundle) as predictor:
        prediction = predictor.predict(Observation(image, 0.0, 4.5))
        fast = predictor.predict(Observation(image, 0.0, 60.0))
    assert prediction.values["speed_after_1s_mps"].tolist() == [value]
    assert Flag.INPUT_OUT_OF_RANGE in fast.flags
    assert prediction == prediction
    assert prediction != fast
    assert task_of(prediction) is TASKS["speed"]


@pytest.mark.usefixtures("_speed_task")
def test_what_a_new_task_predicts_goes_through_the_agents_pipe_and_past_no_controller() -> None:
    prediction = TASKS["speed"].example()
    passed = PredictionMessage.model_validate_json(
        message_of(prediction).model_dump_json()
    ).prediction()
    assert passed == prediction
    broken = Prediction(1.0, 0.0, values={"speed_after_1s_mps": np.float32([np.nan])})
    assert message_of(broken).prediction().is_empty
    assert message_of(broken).flags == (Flag.NON_FINITE_OUTPUT,)
    for name in ("pid", "steering"):
        controller = make_controller(name, SteeringSpec(), VehicleSpec(wheelbase_m=2.8))
        with pytest.raises(InputError, match="the model predicts speed: no controller is for that"):
            controller.step(prediction, 4.0, 1.0)


def test_a_card_of_a_task_that_is_not_installed_names_the_nearest(
    bundles: dict[str, tuple[Any, Path]],
) -> None:
    text = (bundles["steering"][1] / "card.json").read_text()
    renamed = re.sub('"task": *"steering"', '"task": "steerin"', text)
    assert renamed != text
    with pytest.raises(BundleError, match=r"task.*unknown task 'steerin'.*Did you mean 'steering'"):
        parse_card(renamed.encode(), "card.json")
