"""The out-of-distribution score of an exported student: fitted at the export, computed by the
graph, compared with float64.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.bundles import MODEL_NAME, Bundle, parse_card, reference_ood
from auxdrive.checks.ood import TOLERANCES
from auxdrive.checks.verify import verify_bundle
from auxdrive.data.dataset import Dataset
from auxdrive.errors import BundleError
from auxdrive.modalities import Modality
from auxdrive.predictor import Predictor
from auxdrive.types import Flag, Observation
from auxdrive_deploy import PrecisionPlan
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_deploy.ood.faults import faulty
from auxdrive_deploy.ood.measuring import LEAST_FRAMES, Ood, ood_frames
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


PRECISIONS = ("fp32", "fp16", "int8")
PLAN = PrecisionPlan(
    precisions=("fp16", "int8"), calibrate=16,
    gates={"worst": 1.0, "mean": 0.3, "accuracy_points": 5.0},
)  # fmt: skip


@pytest.fixture(scope="module")
def in_all(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same student in every precision."""
    out = tmp_path_factory.mktemp("bundles") / "all"
    write_bundle(run, out, precisions=PLAN)
    assert Bundle.open(out).precisions == PRECISIONS
    return out


def frames(run: Run, split: str) -> np.ndarray:
    dataset = Dataset.open(run.config.data)
    samples = SampleSet.open(dataset, dataset.split(split), run.task, (Modality.RGB,))
    return samples.gather(np.arange(len(samples), dtype=np.int64)).frames[Modality.RGB].numpy()


def scores(
    bundle: Path, images: np.ndarray, precision: str = "fp32", runtime: str = "onnxruntime"
) -> np.ndarray:
    with Predictor.load(bundle, runtime, precision=precision) as predictor:
        given = [predictor.predict(Observation(image, 0.0)).ood_score for image in images]
    return np.array(given, np.float64)


def fitted(run: Run) -> Ood:
    found = ood_frames(run, ("val", "test"))
    assert not isinstance(found, str)
    return found.fit(partial(vectors_of, student_of(run)))


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


@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_precision_has_a_score_of_its_own(run: Run, in_all: Path, precision: str) -> None:
    """Its threshold is that of its own scores of the held-out frames, through the predictor."""
    spec = Bundle.open(in_all).card.ood_of(precision)
    assert spec is not None
    assert (spec.fitted_on, spec.held_out) == (204, 120)
    held_out = scores(in_all, frames(run, "val"), precision)
    assert np.sort(held_out)[-2] == pytest.approx(spec.threshold, rel=1e-4)
    shown = float(np.mean(scores(in_all, frames(run, "test"), precision) > spec.threshold))
    assert shown == spec.flagged["test"]
    black = faulty("black", frames(run, "test"))
    with Predictor.load(in_all, precision=precision) as predictor:
        given = [predictor.predict(Observation(image, 0.0)) for image in black]
    assert all(Flag.OUT_OF_DISTRIBUTION in each.flags for each in given)
    assert f"threshold {spec.threshold:.4g}" in given[0].reason


def test_verify_checks_the_score_of_every_precision(in_all: Path) -> None:
    report = verify_bundle(in_all)
    assert report.passed, report.checks
    names = {check.name for check in report.checks}
    for of in ("", "fp16: ", "int8: "):
        assert {f"{of}ood score", f"{of}ood score depends on image", f"{of}ood threshold"} <= names
    card = Bundle.open(in_all).card
    specs = [card.ood_of(precision) for precision in PRECISIONS]
    assert len({spec.threshold for spec in specs if spec is not None}) == 3
    page = (in_all / "README.md").read_text()
    assert "| fault of the camera | fp32 | fp16 | int8 |" in page
    assert cli.run(["inspect", str(in_all)]) == 0


def test_a_card_with_a_score_for_some_precisions_alone_is_refused(in_all: Path) -> None:
    card = json.loads((in_all / "card.json").read_text())
    stored = reference_ood("int8")
    without = {name: sha for name, sha in card["files"].items() if name != stored}
    with pytest.raises(BundleError, match=rf"a card with ood, and not '{re.escape(stored)}'"):
        parse_card(json.dumps(card | {"files": without}).encode(), "card")
    card["precisions"]["int8"]["ood"] = None
    with pytest.raises(BundleError, match=r"int8\.ood: either all graphs of a bundle give"):
        parse_card(json.dumps(card | {"files": without}).encode(), "card")


@pytest.mark.parametrize("precision", PRECISIONS)
def test_other_runtimes_give_the_score_of_every_precision(
    run: Run, in_all: Path, precision: str
) -> None:
    pytest.importorskip("openvino", reason="needs the extra openvino")
    images = frames(run, "test")[:8]
    given = scores(in_all, images, precision, "openvino")
    tolerance = TOLERANCES[precision]
    assert np.allclose(given, scores(in_all, images, precision), rtol=tolerance, atol=tolerance)


def test_a_score_changes_no_prediction_of_any_precision(
    run: Run, in_all: Path, tmp_path: Path
) -> None:
    write_bundle(run, tmp_path / "plain", ood=False, precisions=PLAN)
    plain = Bundle.open(tmp_path / "plain").card
    assert [plain.ood_of(precision) for precision in PRECISIONS] == [None] * 3
    for precision in PRECISIONS:
        with (
            Predictor.load(in_all, precision=precision) as one,
            Predictor.load(tmp_path / "plain", precision=precision) as other,
        ):
            for image in frames(run, "test"):
                seen = Observation(image, 0.0)
                assert one.raw_output(seen).tobytes() == other.raw_output(seen).tobytes()


def test_a_second_export_gives_the_same_bytes_in_every_precision(
    run: Run, in_all: Path, tmp_path: Path
) -> None:
    write_bundle(run, tmp_path / "again", name=Bundle.open(in_all).card.name, precisions=PLAN)
    assert Bundle.open(tmp_path / "again").card_sha256 == Bundle.open(in_all).card_sha256


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
    found = ood_frames(steering_run, ("val",))
    assert isinstance(found, str)
    assert f"{LEAST_FRAMES} of each are needed" in found
