"""The out-of-distribution score of an exported student: fitted at the export, computed by the
graph, compared with float64.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from auxdrive.bundles import MODEL_NAME, Bundle
from auxdrive.checks.verify import verify_bundle
from auxdrive.data.dataset import Dataset
from auxdrive.modalities import Modality
from auxdrive.predictor import Predictor
from auxdrive.types import Flag, Observation
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_deploy.ood.faults import faulty
from auxdrive_deploy.ood.measuring import LEAST_FRAMES, Ood, fit_ood
from auxdrive_deploy.ood.network import vectors_of
from auxdrive_deploy.student_graph import student_of
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import Run, load_run
from auxdrive_train.engine.train import train

SPLITS = {
    "train": tuple(f"t{number:02d}" for number in range(17)),
    "val": tuple(f"v{number:02d}" for number in range(10)),
    "test": tuple(f"e{number:02d}" for number in range(6)),
}


@pytest.fixture(scope="module")
def run(data_writer: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A student whose data are enough for a score: 204 frames to fit to, 120 held out."""
    root = tmp_path_factory.mktemp("ood")
    data = data_writer(root / "data", 64, 80, SPLITS, False)
    values = {
        "data": str(data), "preprocessing": {"size": [64, 80]}, "batch_size": 16, "threads": 1,
        "epochs": 3, "lr": 2e-3, "backbone": "pilotnet_bn", "evaluate": ["test"],
    }  # fmt: skip
    train(parse_config(values), root / "run")
    return load_run(root / "run")


@pytest.fixture(scope="module")
def bundle(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundles") / "ood"
    write_bundle(run, out)
    return out


def frames(run: Run, split: str) -> np.ndarray:
    dataset = Dataset.open(run.config.data)
    samples = SampleSet.open(dataset, dataset.split(split), run.task, (Modality.RGB,))
    return samples.gather(np.arange(len(samples), dtype=np.int64)).frames[Modality.RGB].numpy()


def scores(bundle: Path, images: np.ndarray) -> np.ndarray:
    with Predictor.load(bundle) as predictor:
        given = [predictor.predict(Observation(image, 0.0)).ood_score for image in images]
    return np.array(given, np.float64)


def fitted(run: Run) -> Ood:
    found = fit_ood(run, student_of(run), ("val", "test"))
    assert isinstance(found, Ood)
    return found


def test_the_bundle_verifies_and_its_card_says_what_was_measured(run: Run, bundle: Path) -> None:
    report = verify_bundle(bundle)
    assert report.passed, report.checks
    spec = Bundle.open(bundle).card.ood
    assert spec is not None
    assert (spec.fitted_on, spec.held_out) == (204, 120)
    assert spec.flagged.keys() == {"test"}
    assert spec == fitted(run).spec
    assert "out_of_distribution" in (bundle / "README.md").read_text()


def test_the_graph_computes_the_score_of_float64(run: Run, bundle: Path) -> None:
    images = np.concatenate([frames(run, "test"), faulty("black", frames(run, "test")[:1])])
    expected = fitted(run).score.of(vectors_of(student_of(run), [images]))
    assert np.allclose(scores(bundle, images), expected, rtol=1e-4)
    assert np.ptp(expected) > 0.1


def test_predictions_are_the_same_bit_for_bit_with_and_without_a_score(
    run: Run, bundle: Path, tmp_path: Path
) -> None:
    write_bundle(run, tmp_path / "plain", ood=False)
    assert Bundle.open(tmp_path / "plain").card.ood is None
    with Predictor.load(bundle) as one, Predictor.load(tmp_path / "plain") as other:
        for image in frames(run, "test"):
            seen = Observation(image, 0.0)
            assert one.raw_output(seen).tobytes() == other.raw_output(seen).tobytes()
            assert other.predict(seen).ood_score is None


def test_one_in_a_hundred_held_out_frames_is_flagged(run: Run, bundle: Path) -> None:
    spec = Bundle.open(bundle).card.ood
    assert spec is not None
    assert np.mean(scores(bundle, frames(run, "val")) > spec.threshold) <= spec.false_alarms
    shown = float(np.mean(scores(bundle, frames(run, "test")) > spec.threshold))
    assert shown == spec.flagged["test"] <= 0.1


@pytest.mark.parametrize("fault", ["black", "dark", "hazy"])
def test_night_haze_and_a_dead_camera_are_flagged(run: Run, bundle: Path, fault: str) -> None:
    images = faulty(fault, frames(run, "test"))
    with Predictor.load(bundle) as predictor:
        given = [predictor.predict(Observation(image, 0.0)) for image in images]
    assert np.mean([Flag.OUT_OF_DISTRIBUTION in each.flags for each in given]) > 0.9
    assert not any(each.is_empty for each in given)


def test_a_second_export_gives_the_same_bytes(run: Run, bundle: Path, tmp_path: Path) -> None:
    write_bundle(run, tmp_path / "again", name=Bundle.open(bundle).card.name)
    assert Bundle.open(tmp_path / "again").card_sha256 == Bundle.open(bundle).card_sha256
    assert (tmp_path / "again" / MODEL_NAME).read_bytes() == (bundle / MODEL_NAME).read_bytes()


def test_openvino_gives_the_same_score(run: Run, bundle: Path) -> None:
    pytest.importorskip("openvino", reason="needs the extra openvino")
    images = frames(run, "test")[:8]
    with Predictor.load(bundle, "openvino") as predictor:
        given = [predictor.predict(Observation(image, 0.0)).ood_score for image in images]
    assert np.allclose(np.array(given, np.float64), scores(bundle, images), rtol=1e-3)


def test_runs_whose_data_are_gone_or_few_have_no_score(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "auxdrive_deploy"):
        gone = replace(run, config=run.config.model_copy(update={"data": str(tmp_path / "gone")}))
        write_bundle(gone, tmp_path / "without")
    assert "gives no out-of-distribution score: the data set was not at hand" in caplog.text
    assert Bundle.open(tmp_path / "without").card.ood is None
    assert verify_bundle(tmp_path / "without").passed
    shutil.rmtree(tmp_path / "without")


def test_few_held_out_frames_are_too_few(steering_run: Run) -> None:
    found = fit_ood(steering_run, student_of(steering_run), ("val",))
    assert isinstance(found, str)
    assert f"{LEAST_FRAMES} of each are needed" in found
