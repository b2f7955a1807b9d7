"""`auxdrive probe`: a linear head on each encoder of a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.train import train
from auxdrive_train.evaluation.evaluate import evaluate
from auxdrive_train.evaluation.models import open_model
from auxdrive_train.evaluation.probe import linear, probe
from auxdrive_train.tasks import make_task
from small_runs import settings_for

MAIN = "rmse_road_wheel_deg"


@pytest.fixture(scope="module")
def run(stripe_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fusion of RGB and depth, and its student."""
    out = tmp_path_factory.mktemp("probed") / "fusion"
    options = {"probe_epochs": 1}
    config = settings_for("naive_fusion", stripe_data, epochs=4, aux=["depth"], options=options)
    train(config, out)
    return out


def test_it_measures_each_encoder_beside_the_networks_own_head(run: Path) -> None:
    found = probe(run)
    assert [(each.role, each.encoder) for each in found.encoders] == [
        ("fused", "rgb"),
        ("fused", "depth"),
        ("student", "rgb"),
    ]
    assert all(each.width == 100 for each in found.encoders)
    fused, _, student = found.encoders
    # the student's encoder is the fusion's
    assert student.probe[MAIN] == pytest.approx(fused.probe[MAIN], rel=1e-5)
    # the stripe is where the label is: features tell it, a constant does not
    assert fused.probe[MAIN] < 0.7 * found.floor["constant"][MAIN]
    assert set(found.floor) == {"constant"}  # steering has no inputs beside the image


def test_the_networks_own_head_is_measured_as_evaluate_does(run: Path, stripe_data: Path) -> None:
    found = probe(run, split="test")
    wanted = evaluate(open_model(run), [stripe_data], "test").metrics[MAIN].value
    student = found.encoders[-1]
    assert student.head[MAIN] == pytest.approx(wanted, rel=1e-5)
    assert found.measured == evaluate(open_model(run), [stripe_data], "test").data.frames


def samples_of(data: Path, split: str) -> SampleSet:
    dataset = Dataset.open(data)
    task = make_task("steering", dataset.card)
    return SampleSet.open(dataset, dataset.split(split), task, [Modality.RGB])


def test_a_linear_head_finds_what_is_linear_in_the_features_and_nothing_else(
    stripe_data: Path,
) -> None:
    fitted, measured = samples_of(stripe_data, "train"), samples_of(stripe_data, "test")
    rng = np.random.default_rng(0)

    def features(samples: SampleSet, hidden: bool) -> np.ndarray:
        told = samples.label if not hidden else np.zeros_like(samples.label)
        noise = rng.normal(size=(len(samples), 3))
        return np.concatenate([noise, 5.0 * told + 0.3, np.ones((len(samples), 1))], axis=1)

    for hidden, limit in ((False, 1e-2), (True, None)):
        known, asked = features(fitted, hidden), features(measured, hidden)
        predicted = linear(known, fitted, asked, measured)
        error = np.sqrt(np.mean((predicted - measured.label) ** 2))
        spread = measured.label.std()
        assert (error < limit * spread) if limit else (error > 0.9 * spread)


def test_it_needs_the_data_that_trained_the_run(
    run: Path, stripe_data: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="tset"):
        probe(run, split="tset")
    moved = tmp_path / "moved"
    shutil.copytree(stripe_data, moved)
    assert probe(run, [moved]).encoders == probe(run).encoders
    shutil.rmtree(moved / "episodes" / "train-0")
    with pytest.raises(DataError):
        probe(run, [moved])
    other = tmp_path / "run"
    shutil.copytree(run, other)
    text = (other / "config.yaml").read_text()
    (other / "config.yaml").write_text(text.replace(str(stripe_data), str(tmp_path / "gone")))
    with pytest.raises(DataError, match="is not there; give --data"):
        probe(other)


def test_the_command_prints_a_table_and_json(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["probe", str(run)]) == 0
    printed = capsys.readouterr()
    assert "linear probe" in printed.out + printed.err
    assert cli.run(["probe", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["main_metric"] == MAIN
    assert len(found["encoders"]) == 3
