"""Bundles whose graph gives an out-of-distribution score: what the predictor makes of it, and what
cards and graphs must keep to.
"""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import pytest
from auxdrive.bundles import OOD_OUTPUT, Bundle, reference_ood
from auxdrive.checks.verify import verify_bundle
from auxdrive.errors import BundleError
from auxdrive.predictor import Predictor
from auxdrive.types import WITHHOLDING, Flag, Observation
from forged_bundles import change, failed, forge
from scored_bundles import SPEC, scored_model, scores, write_scored


def seen(image: np.ndarray, time_s: float = 0.0) -> Observation:
    return Observation(image, time_s, speed_mps=4.0, target_ego_m=(20.0, 0.0))


@pytest.mark.parametrize("task", ["steering", "waypoints"])
def test_a_bundle_with_a_score_verifies_and_its_predictions_hold_it(
    task: str, tmp_path: Path
) -> None:
    bundle = write_scored(tmp_path / "bundle", task)
    report = verify_bundle(bundle)
    assert report.passed, report.checks
    names = {check.name for check in report.checks}
    assert {"ood score", "ood score depends on image", "ood threshold"} <= names
    images, ego = bundle_factory.frames(task)
    with Predictor.load(bundle) as predictor:
        given = [predictor.predict(seen(image)) for image in images]
    assert np.allclose([each.ood_score for each in given], scores(task, images, ego)[:, 0])
    assert not any(each.flags & {Flag.OUT_OF_DISTRIBUTION} for each in given)


def test_a_frame_above_the_threshold_is_flagged_and_still_given(tmp_path: Path) -> None:
    image = bundle_factory.frames("steering")[0][0]
    plain = bundle_factory.write_bundle(tmp_path / "plain")
    threshold = float(scores("steering", image[None], np.zeros((1, 0), np.float32))[0, 0])
    for name, limit, flagged in (("low", 0.99, True), ("high", 1.01, False)):
        spec = SPEC.model_copy(update={"threshold": threshold * limit})
        bundle = write_scored(tmp_path / name, ood=spec)
        with Predictor.load(bundle) as predictor, Predictor.load(plain) as before:
            given, without = predictor.predict(seen(image)), before.predict(seen(image))
        assert (Flag.OUT_OF_DISTRIBUTION in given.flags) is flagged
        assert ("unlike those of the training" in given.reason) is flagged
        assert given.steer_rad == without.steer_rad
        assert without.ood_score is None
    assert Flag.OUT_OF_DISTRIBUTION not in WITHHOLDING


@pytest.mark.parametrize("factor", [np.inf, np.nan])
def test_a_score_that_is_not_finite_is_flagged(factor: float, tmp_path: Path) -> None:
    bundle = write_scored(tmp_path / "bundle", graph=scored_model(factor=factor))
    assert "ood score" in failed(verify_bundle(bundle))
    with Predictor.load(bundle) as predictor:
        given = predictor.predict(seen(bundle_factory.frames("steering")[0][0]))
    assert given.flags == {Flag.OUT_OF_DISTRIBUTION}
    assert given.ood_score is None
    assert not given.is_empty


def test_a_call_allocates_as_much_with_a_score_as_without(tmp_path: Path) -> None:
    """But for the score itself, a float of Python."""
    image = bundle_factory.frames("steering")[0][0]
    peaks: list[int] = []
    grown: list[int] = []
    for bundle in (bundle_factory.write_bundle(tmp_path / "plain"), write_scored(tmp_path / "ood")):
        with Predictor.load(bundle) as predictor:
            for turn in range(20):
                predictor.predict(seen(image, turn))
            tracemalloc.start()
            before, _ = tracemalloc.get_traced_memory()
            for turn in range(1000):
                predictor.predict(seen(image, turn))
            after, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        peaks.append(peak - before)
        grown.append(after - before)
    assert peaks[1] < peaks[0] + 500
    assert grown[1] < grown[0] + 500


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threshold": 0.0}, "ood.threshold"),
        ({"threshold": -1.0}, "ood.threshold"),
        ({"threshold": "3"}, "ood.threshold"),
        ({"threshold": None}, "ood.threshold"),
        ({"false_alarms": 1.5}, "ood.false_alarms"),
        ({"auroc": {"night": 1.5}}, "ood.auroc"),
        ({"fitted_on": 0}, "ood.fitted_on"),
        ({"more": 1}, "more"),
    ],
)
def test_cards_whose_score_is_no_score(changes: dict[str, Any], said: str, tmp_path: Path) -> None:
    bundle = write_scored(tmp_path / "bundle")
    card = json.loads((bundle / "card.json").read_text())
    card["ood"] |= changes
    (bundle / "card.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match=said):
        Bundle.open(bundle)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999"])
def test_thresholds_that_are_not_finite(number: str, tmp_path: Path) -> None:
    bundle = write_scored(tmp_path / "bundle")
    text = (bundle / "card.json").read_text()
    assert text.count('"threshold": 100000.0') == 1
    (bundle / "card.json").write_text(text.replace("100000.0", number))
    with pytest.raises(BundleError):
        Bundle.open(bundle)


def test_card_graph_and_files_must_agree_on_whether_there_is_a_score(tmp_path: Path) -> None:
    steering, score = (bundle_factory.output("steering"), OOD_OUTPUT)
    plain = bundle_factory.model(1)

    def refused(name: str, graph: Any, said: str, **card: object) -> None:
        bundle = write_scored(tmp_path / name, graph=graph, **card)
        with pytest.raises(BundleError, match=said):
            Predictor.load(bundle)

    refused("no spec", None, "has the one output 'steer_rad'", ood=None)
    refused("no output", None, "and, for ood, 'ood_score'", outputs=(steering,))
    refused("other order", None, "and, for ood, 'ood_score'", outputs=(score, steering))
    wide = score.model_copy(update={"shape": ("batch", 2)})
    refused("wide", None, r"'ood_score' must be float32 \(N, 1\)", outputs=(steering, wide))
    refused("nothing", None, "without ood", ood=None, outputs=(steering,))
    refused("graph without", plain, "the graph's outputs are")


def test_the_stored_scores_must_be_there_and_fit(tmp_path: Path) -> None:
    bundle = write_scored(tmp_path / "bundle")
    for array, said in (
        (np.zeros(6, np.float32), r"is float32 \(6,\), the card says float32 \(6, 1\)"),
        (np.zeros((6, 1)), "is float64"),
        (np.full((6, 1), np.nan, np.float32), "not finite"),
        (np.full((6, 1), -1, np.float32), "negative"),
    ):
        change(bundle, {reference_ood("fp32"): array})
        report = verify_bundle(bundle)
        assert failed(report) == ["runs"]
        with pytest.raises(BundleError, match=said):
            raise BundleError(report.checks[-1].detail)
    card = json.loads((bundle / "card.json").read_text())
    del card["files"][reference_ood("fp32")]
    (bundle / "card.json").write_text(json.dumps(card))
    (bundle / reference_ood("fp32")).unlink()
    with pytest.raises(BundleError, match="with ood, and not"):
        Bundle.open(bundle)


def test_verify_finds_scores_that_are_not_the_fitted_ones(tmp_path: Path) -> None:
    other = write_scored(tmp_path / "other", graph=scored_model(factor=1.002e4))
    assert failed(verify_bundle(other)) == ["ood score"]
    blind = write_scored(tmp_path / "blind", graph=scored_model(factor=0.0))
    change(blind, {reference_ood("fp32"): np.zeros((6, 1), np.float32)})
    assert failed(verify_bundle(blind)) == ["ood score depends on image"]
    strict = write_scored(tmp_path / "strict", ood=SPEC.model_copy(update={"threshold": 1e-6}))
    assert failed(verify_bundle(strict)) == ["ood threshold"]


def test_a_score_that_looks_at_more_than_the_image_is_refused(tmp_path: Path) -> None:
    bundle = write_scored(tmp_path / "bundle", "waypoints")
    forge(bundle, scored_model("waypoints", of="all"))
    with pytest.raises(BundleError, match="'ood_score' depends on more than the image"):
        Predictor.load(bundle)
