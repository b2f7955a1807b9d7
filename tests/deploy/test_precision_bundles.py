"""Bundles that hold several precisions: loading, verifying and inspecting them, and cards that lie
about them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bundle_factory
import numpy as np
import pytest
from auxdrive import Predictor, verify_bundle
from auxdrive.bundles import Bundle, sha256_of_files
from auxdrive.checks.parity import predict_all, read_reference
from auxdrive.errors import BundleError, UsageError
from auxdrive.runtimes import RUNTIMES
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import to_int8
from precise_bundle import GRAPHS, MODEL

Change = Callable[[dict[str, Any], Path], None]


def changed(whole: Path, out: Path, change: Change, *, rehash: bool = True) -> Path:
    shutil.copytree(whole, out)
    card = json.loads((out / "card.json").read_text())
    change(card, out)
    if rehash:
        card["files"] = sha256_of_files(out)
    (out / "card.json").write_text(json.dumps(card))
    return out


def test_each_precision_predicts_by_its_own_graph(whole: Path) -> None:
    bundle = Bundle.open(whole)
    assert bundle.precisions == ("fp32", "fp16", "int8")
    reference = read_reference(bundle)
    outputs = {}
    for precision in bundle.precisions:
        with Predictor.load(bundle, precision=precision) as predictor:
            assert predictor.precision == precision
            outputs[precision] = predict_all(predictor, reference.images, reference.ego)
    with Predictor.load(whole) as predictor:
        assert predictor.precision == "fp32"
        assert np.array_equal(
            predict_all(predictor, reference.images, reference.ego), outputs["fp32"]
        )
    apart = {name: np.abs(found - outputs["fp32"]).max() for name, found in outputs.items()}
    assert 0 == apart["fp32"] < apart["fp16"] < apart["int8"] < np.radians(1.0)


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_verify_makes_every_check_for_every_precision(whole: Path, runtime: str) -> None:
    try:
        RUNTIMES[runtime].probe()
    except ImportError:
        pytest.skip(f"{runtime} is not installed")
    report = verify_bundle(whole, runtime)
    assert report.passed, [check for check in report.checks if not check.passed]
    names = [check.name for check in report.checks]
    assert len(names) == len(set(names))
    for name in ("runs", "parity", "negative control", "recorded parity", "depends on image"):
        assert {name, f"fp16: {name}", f"int8: {name}"} <= {*names}
    assert "int8: recorded worst difference" in names
    alone = verify_bundle(whole, runtime, precision="fp16")
    assert alone.passed
    assert not any(check.name in ("parity", "int8: parity") for check in alone.checks)
    assert any(check.name == "fp16: parity" for check in alone.checks)


def test_a_precision_that_is_not_there_is_a_mistake(whole: Path, tmp_path: Path) -> None:
    plain = bundle_factory.write_bundle(tmp_path / "plain")
    assert "precisions" in json.loads((plain / "card.json").read_text())
    for call in (
        lambda name: Predictor.load(plain, precision=name),
        lambda name: verify_bundle(plain, precision=name),
    ):
        with pytest.raises(UsageError, match=r"holds no int8, only fp32. .*--precision int8"):
            call("int8")
        with pytest.raises(UsageError, match=r"unknown precision 'int9'.*Did you mean 'int8'"):
            call("int9")


def test_bundles_of_before_there_were_precisions_stay_as_they_were(tmp_path: Path) -> None:
    old = bundle_factory.write_bundle(tmp_path / "old")
    card = json.loads((old / "card.json").read_text())
    del card["precisions"]
    (old / "card.json").write_text(json.dumps(card))
    assert Bundle.open(old).precisions == ("fp32",)
    assert verify_bundle(old).passed


def lacks_file(card: dict[str, Any], out: Path) -> None:
    (out / "model.int8.onnx").unlink()


def other_file(card: dict[str, Any], out: Path) -> None:
    card["precisions"]["int8"]["file"] = "model.onnx"


def outside(card: dict[str, Any], out: Path) -> None:
    card["precisions"]["int8"]["file"] = "../model.int8.onnx"


def unknown(card: dict[str, Any], out: Path) -> None:
    card["precisions"]["int4"] = card["precisions"].pop("int8")


def called_fp32(card: dict[str, Any], out: Path) -> None:
    card["precisions"]["fp32"] = card["precisions"].pop("int8")


def failed_gate(card: dict[str, Any], out: Path) -> None:
    card["precisions"]["int8"]["gates"][0]["value"] = 2.5


def no_gate(card: dict[str, Any], out: Path) -> None:
    card["precisions"]["int8"]["gates"] = []


def other_unit(card: dict[str, Any], out: Path) -> None:
    card["precisions"]["int8"]["parity"]["unit"] = "cm"


def infinite(card: dict[str, Any], out: Path) -> None:
    card["precisions"]["int8"]["parity"]["limit"] = 1e400


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lacks_file, "'model.int8.onnx' is not among the files"),
        (other_file, "is 'model.onnx' and not 'model.int8.onnx'"),
        (outside, "and not 'model.int8.onnx'"),
        (unknown, "'int4' is none of fp16, int8"),
        (called_fp32, "'fp32' is none of fp16, int8"),
        (failed_gate, "'worst difference' broke its limit"),
        (no_gate, "gates"),
        (other_unit, "needs the unit and the frames of parity"),
        (infinite, "Infinity is no JSON number"),
    ],
)
def test_cards_that_cannot_be_are_refused(
    whole: Path, tmp_path: Path, change: Change, told: str
) -> None:
    damaged = changed(whole, tmp_path / "damaged", change)
    with pytest.raises(BundleError, match=told):
        Predictor.load(damaged)
    report = verify_bundle(damaged)
    assert [check.name for check in report.checks if not check.passed] == ["card and hashes"]


def test_a_graph_with_another_hash_is_refused_whatever_precision_is_loaded(
    whole: Path, tmp_path: Path
) -> None:
    def change(card: dict[str, Any], out: Path) -> None:
        data = bytearray((out / "model.int8.onnx").read_bytes())
        data[-1] ^= 1
        (out / "model.int8.onnx").write_bytes(data)

    damaged = changed(whole, tmp_path / "damaged", change, rehash=False)
    for precision in ("fp32", "int8"):
        with pytest.raises(BundleError, match=r"model.int8.onnx: its SHA-256 is not the one"):
            Predictor.load(damaged, precision=precision)


def replaced(graph: bytes) -> Change:
    def change(card: dict[str, Any], out: Path) -> None:
        (out / "model.int8.onnx").write_bytes(graph)

    return change


WAYPOINTS = bundle_factory.model(1, "waypoints").SerializeToString()
OTHER = bundle_factory.model(2).SerializeToString()


@pytest.mark.parametrize(
    ("graph", "failed"),
    [
        (b"no graph", "model.int8.onnx: graph"),
        (to_int8(WAYPOINTS, Graph(WAYPOINTS).heavy(), {"chw": 1.0, "active": 1.5}),
         "model.int8.onnx: inputs and outputs"),
        (MODEL, "model.int8.onnx: precision"),
        (GRAPHS["fp16"], "model.int8.onnx: precision"),
        (to_int8(OTHER, Graph(OTHER).heavy(), {"chw": 1.0, "active": 1.5}), "int8: parity"),
        (to_int8(MODEL, Graph(MODEL).heavy(), {"chw": 1.0, "active": 0.02}), "int8: parity"),
    ],
)  # fmt: skip
def test_graphs_that_are_not_what_the_card_says_are_found(
    whole: Path, tmp_path: Path, graph: bytes, failed: str
) -> None:
    damaged = changed(whole, tmp_path / "damaged", replaced(graph))
    report = verify_bundle(damaged)
    assert failed in [check.name for check in report.checks if not check.passed]
    assert not any(check.name == "parity" and not check.passed for check in report.checks), (
        "fp32 is as it was"
    )
    if failed.startswith("model"):
        with pytest.raises(BundleError, match=r"model\.int8\.onnx"):
            Predictor.load(damaged, precision="int8")
        Predictor.load(damaged).close()


def test_a_graph_in_fp32_that_computes_in_int8_is_refused(whole: Path, tmp_path: Path) -> None:
    def change(card: dict[str, Any], out: Path) -> None:
        (out / "model.onnx").write_bytes(GRAPHS["int8"])

    damaged = changed(whole, tmp_path / "damaged", change)
    with pytest.raises(BundleError, match="computes in int8 and is called fp32"):
        Predictor.load(damaged)


def test_a_limit_that_proves_nothing_is_found(whole: Path, tmp_path: Path) -> None:
    def change(card: dict[str, Any], out: Path) -> None:
        card["precisions"]["int8"]["parity"]["limit"] = 1e6

    report = verify_bundle(changed(whole, tmp_path / "damaged", change))
    failed = [check.name for check in report.checks if not check.passed]
    assert failed == ["int8: negative control", "int8: recorded parity"]
