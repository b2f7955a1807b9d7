"""What a run keeps of its validation part: metrics by condition as `auxdrive evaluate` has them,
and examples that are the frames, labels and predictions that they say they are.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from auxdrive.data.dataset import Dataset
from auxdrive.data.image_files import read_images
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder, ValidationRecord
from auxdrive.strict import read_model
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.evaluate import predict_roles
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from auxdrive_train.engine.validation import APART_S, _orders, _spread
from auxdrive_train.evaluation.evaluate import evaluate
from auxdrive_train.evaluation.models import open_model
from small_runs import settings_for


@pytest.fixture(scope="module")
def run(stripe_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kept") / "baseline"
    train(settings_for("baseline", stripe_data, epochs=1), out)
    return out


@pytest.fixture(scope="module")
def record(run: Path) -> ValidationRecord:
    return read_model(RunFolder(run).validation_path, ValidationRecord)


def test_conditions_are_those_of_evaluate(
    run: Path, record: ValidationRecord, stripe_data: Path
) -> None:
    measured = evaluate(open_model(run), [stripe_data], "val")
    assert (record.role, record.task, record.main_metric) == (
        "student", "steering", "rmse_road_wheel_deg",
    )  # fmt: skip
    assert record.conditions.keys() == measured.conditions.keys()
    for name, each in record.conditions.items():
        assert each.frames == measured.conditions[name].frames
        assert each.metrics == pytest.approx(measured.conditions[name].metrics)
        assert each.constant == pytest.approx(measured.conditions[name].constant)


def test_examples_are_what_they_say(run: Path, record: ValidationRecord, stripe_data: Path) -> None:
    loaded, dataset = load_run(run), Dataset.open(stripe_data)
    samples = SampleSet.open(dataset, ["val-0"], loaded.task, [Modality.RGB])
    predicted = predict_roles({"student": loaded.roles["student"]}, samples, loaded_device())
    error_deg = np.abs(np.degrees(predicted["student"] - samples.label))[:, 0]
    place = {(samples.episode_ids[e], int(f)): n for n, (e, f) in enumerate(
        zip(samples.episode_of, samples.frame_of, strict=True))}  # fmt: skip
    for each in record.examples:
        number = place[each.episode, each.frame]
        assert each.unit == "deg"
        assert each.error == pytest.approx(error_deg[number], abs=1e-4)
        assert each.label == pytest.approx(samples.label[number])
        assert each.prediction == pytest.approx(predicted["student"][number], abs=1e-6)
        image = next(read_images(RunFolder(run).example_path(each.name))).image
        frame = np.asarray(dataset.episode(each.episode).frames(Modality.RGB)[each.frame])
        assert np.abs(image.astype(int) - frame).mean() < 12  # JPEG of noise
    ranks = {rank: [e for e in record.examples if e.rank == rank] for rank in ("best", "worst")}
    assert ranks["best"][0].error == pytest.approx(error_deg.min(), abs=1e-4)
    assert ranks["worst"][0].error == pytest.approx(error_deg.max(), abs=1e-4)
    frames = sorted(each.frame for each in ranks["worst"])
    assert (np.diff(frames) * 0.25 >= APART_S).all()


def loaded_device() -> object:
    import torch

    return torch.device("cpu")


def test_order_and_distance_of_examples(stripe_data: Path, run: Path) -> None:
    """By hand: 24 frames of one drive, a quarter of a second apart; 8 frames are 2 s."""
    samples = SampleSet.open(
        Dataset.open(stripe_data), ["val-0"], load_run(run).task, [Modality.RGB]
    )
    assert len(samples) == 24
    apart = np.abs(np.arange(24) - 11.9)  # best in the middle, worse to either side
    chosen = {rank: _spread(samples, order) for rank, order in _orders(apart)}
    assert chosen["best"] == [12, 4, 20]
    assert chosen["worst"] == [0, 23, 8]
    assert apart[chosen["median"][0]] == np.sort(apart)[12]
