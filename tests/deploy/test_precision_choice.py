"""The precision that is run, measured and shown: choosing a runtime for it, doctor, bench and the
commands.
"""

from __future__ import annotations

import json
from pathlib import Path

import bundle_factory
import pytest
from auxdrive import Observation, Predictor, bench_bundle, cli
from auxdrive.bundles import Bundle
from auxdrive.choosing import choose
from auxdrive.commands.bench import _parsed_subject
from auxdrive.console import speech
from auxdrive.errors import UsageError
from auxdrive.machine.capabilities import runtime_devices
from auxdrive.precisions import PRECISIONS
from PIL import Image


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
