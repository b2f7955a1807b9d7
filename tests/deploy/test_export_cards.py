"""The card of an exported bundle and its page: what the run was, its ranges, its metrics with
intervals, and what needs no network.
"""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from auxdrive.bundles import Bundle
from auxdrive.cards import ModelCard
from auxdrive.cli import build_app
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive.predictor import Predictor
from auxdrive.runs import RunFolder, RunResult
from auxdrive.types import Flag, Observation
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_deploy.metrics import floor_of
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.load import Run
from auxdrive_train.evaluation.intervals import metric_intervals
from typer.testing import CliRunner

NAMES = ("steering", "waypoints", "hd")


def test_the_card_holds_the_ranges_of_training_and_the_vehicle_is_told(
    bundles: dict[str, tuple[Run, Path]],
) -> None:
    run, path = bundles["waypoints"]
    card = Bundle.open(path).card
    assert card.input_ranges is not None
    (low,), (high,) = card.input_ranges["speed_mps"].low, card.input_ranges["speed_mps"].high
    assert 4.0 <= low < high <= 5.0
    target = card.input_ranges["target_ego_m"]
    # x is 20 throughout, y is mirrored
    assert target.low == tuple(-y if column else y for column, y in enumerate(target.high))
    assert card.input_ranges == run.record.input_ranges
    assert "Seen in training: `speed_mps` 4" in (path / "README.md").read_text()
    with Predictor.load(path) as predictor:
        image = np.zeros((card.camera.height, card.camera.width, 3), np.uint8)
        for speed, flagged in ((low, False), (high + 0.4, False), (high + 0.6, True)):
            prediction = predictor.predict(Observation(image, 0.0, speed, (20.0, 0.0)))
            assert (Flag.INPUT_OUT_OF_RANGE in prediction.flags) is flagged
    assert Bundle.open(bundles["steering"][1]).card.input_ranges == {}


def test_a_run_of_before_ranges_were_recorded_is_exported_and_said(
    bundles: dict[str, tuple[Run, Path]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run, _ = bundles["waypoints"]
    old = replace(run, record=run.record.model_copy(update={"input_ranges": None}))
    assert write_bundle(old, tmp_path / "out").input_ranges is None
    assert "before training ranges were recorded" in caplog.text


def test_the_card_says_what_the_run_was(bundles: dict[str, tuple[Run, Path]]) -> None:
    run, path = bundles["steering"]
    card: ModelCard = Bundle.open(path).card
    assert card.name == "steering"
    assert (card.camera, card.vehicle, card.steering, card.rate_hz) == (
        run.card.camera,
        run.card.vehicle,
        run.card.steering,
        2.0,
    )
    assert card.preprocessing.model_dump() == run.config.preprocessing.model_dump()
    training = card.training
    assert (training.method, training.backbone, training.auxiliaries, training.seed) == (
        "samd",
        "pilotnet",
        (Modality.DEPTH,),
        3,
    )
    assert training.dataset_sha256 == Dataset.open(run.config.data).fingerprint()
    assert training.commit == run.record.commit
    assert training.epochs == 2  # one of the teacher, one of the student
    assert card.latency == {}
    way = Bundle.open(bundles["waypoints"][1]).card
    assert way.waypoint_times_s == (0.5, 1.0, 1.5, 2.0)
    assert [spec.name for spec in way.inputs] == ["image", "speed_mps", "target_ego_m"]


def test_metrics_are_those_of_the_run_with_intervals_where_there_are_episodes_enough(
    bundles: dict[str, tuple[Run, Path]],
) -> None:
    run, path = bundles["steering"]
    result = json.loads((run.directory / "result.json").read_text())["metrics"]
    metrics = Bundle.open(path).card.metrics
    for split in ("val", "test"):
        for name, value in result[split]["student"].items():
            assert metrics[f"{split}/{name}"].value == pytest.approx(value, abs=1e-5)
    error = metrics["val/mae_road_wheel_deg"]
    assert error.unit == "deg"
    assert error.low is not None
    assert error.high is not None
    assert error.low < error.value < error.high
    assert metrics["test/mae_road_wheel_deg"].low is None
    text = (path / "README.md").read_text()
    assert (
        "`test`: 12 frames of 1 episode(s); no intervals: it is 1 whole minutes of 1 session(s), "
        "and 5 are needed" in text
    )
    assert "95 % intervals from a bootstrap over 5 whole sessions" in text
    apart = "in other sessions than training frames"
    assert Bundle.open(path).card.training.measured_on == {
        "val": f"the split 'val', {apart}",
        "test": f"the split 'test', {apart}",
    }
    assert f"- `test` is the split 'test', {apart}." in text
    assert "60 frames of 5 episode(s); 95 % intervals" in text


@pytest.mark.parametrize("name", NAMES)
def test_the_card_and_its_page_say_what_a_constant_reaches(
    name: str, bundles: dict[str, tuple[Run, Path]]
) -> None:
    run, path = bundles[name]
    floor = json.loads((run.directory / "result.json").read_text())["floor"]
    card = Bundle.open(path).card
    kinds = (
        ["constant", "neighbours"]
        if run.task.name == "steering"
        else ["constant", "ego", "neighbours"]
    )
    assert list(card.floor) == kinds
    for kind in kinds:
        assert card.floor[kind] == {
            metric: floor[metric.split("/")[0]][kind][metric.split("/")[1]]
            for metric in card.metrics
        }
    text = (path / "README.md").read_text()
    assert f"| split/metric | student | 95 % interval | {' | '.join(kinds)} | unit |" in text
    assert "`constant`, for each metric the constant that is best" in text
    table = [
        line
        for line in text.splitlines()
        if line.startswith(("| val/", "| test/", "| split/metric"))
    ]
    assert len({line.count("|") for line in table}) == 1
    assert "acc_75" in text.split("A constant is within", 1)[1].split(":")[0]
    shown = " ".join(
        CliRunner().invoke(build_app(), ["inspect", str(path)]).output.replace("│", " ").split()
    )
    first, value = next(iter(card.floor["constant"].items()))
    assert f"(constant {value:.4g}," in shown.split(f"metrics: {first} ", 1)[1]
    assert shown.count("(constant") == len(card.metrics)


def test_a_floor_of_another_form_is_a_damaged_result(tmp_path: Path) -> None:
    rest = {"method": "samd", "best": {}, "phases": [], "steps": 1, "trained_s": 1.0, "metrics": {}}

    def read(**more: object) -> RunResult:
        folder = RunFolder(tmp_path)
        folder.result_path.write_text(json.dumps({**rest, **more}))
        return folder.result()

    assert floor_of(read(), ["val/macc"]) == {}
    known = read(floor={"val": {"constant": {"macc": 0.5}}})
    assert floor_of(known, ["val/macc", "test/macc"]) == {"constant": {"val/macc": 0.5}}
    for damaged in ([], {"val": 3}, {"val": {"constant": {"macc": "x"}}}):
        with pytest.raises(DataError, match="floor"):
            read(floor=damaged)


def test_intervals_are_those_of_whole_episodes(
    bundles: dict[str, tuple[Run, Path]], small_data: Path
) -> None:
    """Each episode off by an angle of its own: all 5^5 draws of five episodes are listed, and
    frames within one tell nothing more.
    """
    run = bundles["steering"][0]
    dataset = Dataset.open(small_data)
    samples = SampleSet.open(dataset, dataset.split("val"), run.task, (Modality.RGB,))
    errors_deg = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    predictions = samples.label + np.radians(errors_deg[samples.episode_of])[:, None].astype(
        np.float32
    )
    found = metric_intervals(predictions, samples, run.card.steering, run.config.seed)[
        "mae_road_wheel_deg"
    ]
    means = np.array(list(itertools.product(errors_deg, repeat=5))).mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    assert found.value == pytest.approx(6.2, rel=1e-5)
    assert found.low == pytest.approx(low, rel=0.15)
    assert found.high == pytest.approx(high, rel=0.15)
