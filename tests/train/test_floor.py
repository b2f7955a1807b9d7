"""What needs no network stands beside every result, and is what it says it is."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import PreprocessingSpec
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.inspection.metric_tables import thresholds_that_say_nothing
from auxdrive.modalities import Modality
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.floor import floors
from auxdrive_train.engine.train import train
from auxdrive_train.tasks import make_task
from typer.testing import CliRunner

SPEC = PreprocessingSpec(size=(64, 80))


def samples_of(data: Path, split: str, task: str) -> SampleSet:
    dataset = Dataset.open(data)
    return SampleSet.open(
        dataset, dataset.split(split), make_task(task, dataset.card), (Modality.RGB,)
    )


@pytest.fixture(scope="module")
def steering(stripe_data: Path) -> tuple[SampleSet, SampleSet]:
    return samples_of(stripe_data, "train", "steering"), samples_of(stripe_data, "val", "steering")


def floor_of(parts: tuple[SampleSet, SampleSet]) -> dict[str, dict[str, float]]:
    train_part, val = parts
    return floors(train_part, {"val": val}, Modality.RGB, SPEC, val.card.steering)["val"]


def test_the_constant_of_each_metric_is_the_training_parts_best(
    steering: tuple[SampleSet, SampleSet],
) -> None:
    """Against a fine grid of constants: none is much better on the training part, and it is
    measured on the split.
    """
    train_part, val = steering
    floor = floor_of(steering)["constant"]
    label, task = train_part.label, train_part.task
    mean, median = (
        np.broadcast_to(value, val.label.shape) for value in (label.mean(), np.median(label))
    )
    assert floor["rmse_road_wheel_deg"] == pytest.approx(
        task.metrics(mean, val.label, val.card.steering)["rmse_road_wheel_deg"], rel=1e-6
    )
    assert floor["mae_road_wheel_deg"] == pytest.approx(
        task.metrics(median, val.label, val.card.steering)["mae_road_wheel_deg"], rel=0.02
    )
    on_itself = floor_of((train_part, train_part))["constant"]
    for value in np.linspace(-0.3, 0.3, 61):
        metrics = task.metrics(np.full_like(label, value), label, val.card.steering)
        assert metrics["macc"] <= on_itself["macc"] + 0.02
        assert metrics["mae_road_wheel_deg"] >= on_itself["mae_road_wheel_deg"] - 0.05
    assert on_itself["r2"] == pytest.approx(0.0, abs=1e-6)


def test_without_ego_inputs_there_is_no_row_of_them(
    steering: tuple[SampleSet, SampleSet], stripe_data: Path
) -> None:
    assert list(floor_of(steering)) == ["constant", "neighbours"]
    parts = (
        samples_of(stripe_data, "train", "waypoints"),
        samples_of(stripe_data, "val", "waypoints"),
    )
    floor = floor_of(parts)
    assert list(floor) == ["constant", "ego", "neighbours"]
    label = parts[0].label.astype(np.float64)
    candidates = (label.mean(axis=0), np.median(label, axis=0))
    on_train, on_val = (
        [float(np.linalg.norm(c - part.label, axis=2).mean()) for c in candidates] for part in parts
    )
    assert floor["constant"]["ade_m"] == pytest.approx(on_val[int(np.argmin(on_train))], rel=1e-5)
    # The stripe's speed and target point never change, so that they say what a constant says.
    assert floor["ego"]["ade_m"] == pytest.approx(floor["constant"]["ade_m"], rel=0.2)


def test_neighbours_find_the_images_that_they_know(steering: tuple[SampleSet, SampleSet]) -> None:
    """The stripe stands where the wheels turn: neighbours in the image steer better than any
    constant.
    """
    floor = floor_of(steering)
    assert (
        floor["neighbours"]["rmse_road_wheel_deg"] < 0.8 * floor["constant"]["rmse_road_wheel_deg"]
    )


def test_thresholds_that_no_sample_can_miss_say_nothing(
    steering: tuple[SampleSet, SampleSet],
) -> None:
    """The wheels turn by up to 14 degrees here: within 30 and 75 degrees is every prediction that
    is not absurd.
    """
    floor = floor_of(steering)
    assert np.degrees(np.abs(steering[1].label)).max() < 15
    assert thresholds_that_say_nothing(floor) == ("acc_15", "acc_30", "acc_75")
    assert thresholds_that_say_nothing({}) == ()
    assert thresholds_that_say_nothing(
        {"constant": {"acc_30": 0.999, "steer_acc_75": 1.0, "macc": 1.0}}
    ) == ("steer_acc_75",)


def test_a_run_shows_its_floor_wherever_its_table_is_shown(
    stripe_data: Path, tmp_path: Path
) -> None:
    config = parse_config(
        {
            "data": str(stripe_data),
            "preprocessing": {"size": [64, 80]},
            "batch_size": 16,
            "threads": 1,
            "epochs": 1,
            "evaluate": ["test"],
        }
    )
    result = train(config, tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "result.json").read_text())
    assert stored["floor"] == result.floor
    assert set(result.floor) == {"val", "test"}
    assert set(result.floor["test"]["constant"]) == set(result.metrics["test"]["student"])
    assert all(
        math.isfinite(value)
        for rows in result.floor.values()
        for metrics in rows.values()
        for value in metrics.values()
    )
    shown = CliRunner().invoke(build_app(), ["inspect", str(tmp_path / "run")]).output
    assert "(constant)" in shown
    assert "(neighbours)" in shown
    assert "a constant is within acc_15, acc_30, acc_75 on every sample" in " ".join(shown.split())


def test_the_floor_is_of_the_samples_as_recorded(stripe_data: Path, tmp_path: Path) -> None:
    """Balancing changes what an epoch shows, not what a constant is."""
    values = {
        "data": str(stripe_data),
        "task": "waypoints",
        "preprocessing": {"size": [64, 80]},
        "batch_size": 16,
        "threads": 1,
        "epochs": 1,
    }
    plain = train(parse_config(values), tmp_path / "plain")
    balanced = train(parse_config({**values, "balance": {"turn_repeat": 5}}), tmp_path / "balanced")
    assert plain.floor == balanced.floor
