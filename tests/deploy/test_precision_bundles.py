"""Bundles that hold several precisions: loading, verifying and inspecting them, and cards that lie
about them.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import Observation, Predictor, bench_bundle, cli, verify_bundle
from auxdrive.bundles import Bundle, sha256_of_files
from auxdrive.checks.parity import predict_all, read_reference
from auxdrive.choosing import choose
from auxdrive.commands.bench import _parsed_subject
from auxdrive.console import speech
from auxdrive.errors import BundleError, UsageError
from auxdrive.machine.capabilities import runtime_devices
from auxdrive.precisions import PRECISIONS
from auxdrive.runtimes import RUNTIMES
from auxdrive_deploy.precisions.fp16 import to_fp16
from auxdrive_deploy.precisions.graph import Graph
from auxdrive_deploy.precisions.int8 import to_int8
from PIL import Image

sys.path.insert(
    0, str(Path(__file__).parents[1] / "sdk")
)  # tests are no package; the SDK's tests make genuine bundles
import bundle_factory

MODEL = bundle_factory.model(1).SerializeToString()
GRAPHS = {
    "fp16": to_fp16(MODEL, Graph(MODEL).heavy()),
    "int8": to_int8(MODEL, Graph(MODEL).heavy(), {"chw": 1.0, "active": 1.5}),
}
Change = Callable[[dict[str, Any], Path], None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the steering task with all precisions."""
    bundle = bundle_factory.write_bundle(tmp_path_factory.mktemp("bundles") / "whole")
    card = json.loads((bundle / "card.json").read_text())
    for name, graph in GRAPHS.items():
        (bundle / f"model.{name}.onnx").write_bytes(graph)
        card["precisions"][name] = {
            "file": f"model.{name}.onnx",
            "method": "made for the tests",
            "calibration_frames": 0 if name == "fp16" else 6,
            "float_layers": [],
            "gates": [
                {"name": "worst difference", "value": 0.2, "limit": 2.0, "unit": "deg",
                 "samples": 40}
            ],
            "parity": card["parity"] | {"limit": 2.0, "measured": 0.5},
        }  # fmt: skip
    write_card(bundle, card)
    return bundle


def write_card(bundle: Path, card: dict[str, Any]) -> None:
    card["files"] = sha256_of_files(bundle)
    (bundle / "card.json").write_text(json.dumps(card))


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


def test_the_fastest_runtime_is_chosen_for_each_precision(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auxdrive.choosing.TIME_S", 0.05)
    monkeypatch.setenv("AUXDRIVE_CACHE", str(tmp_path))
    bundle = Bundle.open(whole)
    choices = [choose(bundle, 1, precision) for precision in ("fp32", "int8")]
    assert choices[0].machine != choices[1].machine
    assert all(choice.candidates[0].p50_ms for choice in choices)
    with Predictor.load(whole, "auto", precision="int8") as predictor:
        assert predictor.precision == "int8"
        seen = Observation(bundle_factory.frames("steering", 1)[0][0], 0.0)
        assert predictor.predict(seen).steer_rad


def test_doctor_times_every_precision_and_auto_takes_the_one_that_is_named(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("auxdrive.choosing.TIME_S", 0.05)
    monkeypatch.setenv("AUXDRIVE_CACHE", str(tmp_path))
    monkeypatch.setattr(speech.stdout, "width", 400)
    here = tuple(runtime_devices())  # asked once
    monkeypatch.setattr("auxdrive.choosing.runtime_devices", lambda: here)
    assert cli.run(["doctor", "--bundle", str(whole), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["runtimes_of_bundle"]
    of = {name: [row for row in rows if row["precision"] == name] for name in PRECISIONS}
    assert len(rows) == sum(map(len, of.values()))
    assert len({tuple(sorted((row["runtime"], row["device"]) for row in of[n])) for n in of}) == 1
    for tried in of.values():
        assert tried[0]["p50_ms"]
        assert [row["why_not"] == "" for row in tried] == [True] + [False] * (len(tried) - 1)
    named = {name: tried[0]["runtime"] for name, tried in of.items()}
    with Predictor.load(whole, "auto") as predictor:  # as the doctor has just remembered
        assert (predictor.runtime, predictor.precision) == (named["fp32"], "fp32")
    with Predictor.load(whole, "auto", precision="int8") as predictor:
        assert (predictor.runtime, predictor.precision) == (named["int8"], "int8")
    assert cli.run(["doctor", "--bundle", str(whole)]) == 0
    shown = capsys.readouterr().out
    for precision in ("fp16", "int8"):
        assert f"takes this one with --precision {precision}" in shown
    assert shown.count("takes this one") == 3


def test_doctor_says_of_a_precision_why_nothing_runs_it(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUXDRIVE_CACHE", str(tmp_path))
    absent = (("onnxruntime", "cuda", "no CUDA here"),)
    monkeypatch.setattr("auxdrive.choosing.runtime_devices", lambda: absent)
    assert cli.run(["doctor", "--bundle", str(whole), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["runtimes_of_bundle"]
    assert [(row["precision"], row["p50_ms"], row["why_not"]) for row in rows] == [
        (name, None, "no CUDA here") for name in PRECISIONS
    ]


def test_every_graph_is_measured_and_held_to_its_own_limit(whole: Path) -> None:
    brief = {"calls": 10, "rounds": 1, "loop_s": 0.1, "cold_starts": 1, "energy_s": 0}
    report = bench_bundle(whole, ["onnxruntime:cpu"], brief)
    rows = {row.subject.name: row for row in report.rows}
    assert rows.keys() == {"onnxruntime:cpu", "onnxruntime:cpu:fp16", "onnxruntime:cpu:int8"}
    assert {row.state for row in rows.values()} == {"measured"}, [row.why for row in rows.values()]
    limits = {name: row.exactness.limit for name, row in rows.items()}
    assert limits["onnxruntime:cpu:int8"] == 2.0 != limits["onnxruntime:cpu"]
    assert rows["onnxruntime:cpu:int8"].exactness.worst > rows["onnxruntime:cpu"].exactness.worst
    assert rows["onnxruntime:cpu:int8"].cold_start is not None


def test_a_graph_to_measure_is_named_behind_the_device() -> None:
    parsed = _parsed_subject("onnxruntime:cpu:int8,spinning=false")
    assert (parsed.graph, parsed.options) == ("int8", {"spinning": False})
    assert parsed.name == "onnxruntime:cpu:int8,spinning=false"
    assert _parsed_subject("onnxruntime:cpu:spinning=false").graph == "fp32"
    with pytest.raises(UsageError, match=r"unknown precision 'int9'"):
        _parsed_subject("onnxruntime:cpu:int9")


def test_commands_take_and_show_precisions(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "frame.png"
    Image.fromarray(bundle_factory.frames("steering", 1)[0][0]).save(image)
    angles = []
    for precision in ("fp32", "int8"):
        given = ["predict", str(whole), str(image), "--precision", precision, "--json"]
        assert cli.run(given) == 0
        (found,) = json.loads(capsys.readouterr().out)["predictions"]
        angles.append(found["steer_rad"])
    assert 0 < abs(angles[0] - angles[1]) < 0.02
    assert cli.run(["inspect", str(whole)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "precision int8" in shown
    assert "worst difference 0.2 of 2 deg" in shown
    assert cli.run(["verify", str(whole), "--precision", "int8", "--json"]) == 0
    names = [check["name"] for check in json.loads(capsys.readouterr().out)["checks"]]
    assert "int8: parity" in names
    assert "parity" not in names
    assert cli.run(["predict", str(whole), str(image), "--precision", "int4"]) == 2
    assert "unknown precision 'int4'" in capsys.readouterr().err
