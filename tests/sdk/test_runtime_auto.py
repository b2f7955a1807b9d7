"""`runtime="auto"`: the fastest that is right, why not the others, and what is remembered."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path
from typing import Any

import auxdrive.choosing as choosing
import numpy as np
import pytest
from auxdrive import Bundle, Observation, Predictor
from auxdrive.cli import main
from auxdrive.errors import RuntimeUnavailable, UsageError
from auxdrive.runtimes import RUNTIMES, RuntimeSpec
from auxdrive.runtimes.onnx_runtime import ONNX_RUNTIME
from auxdrive.storage.user_cache import VARIABLE
from PIL import Image

ABSENT = (("onnxruntime", "cuda", "no CUDA"),)
FRAME = Observation(np.full((24, 32, 3), 90, np.uint8), 0.0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "cache"))
    return tmp_path / "cache"


class Changed:
    """A real session of ONNX Runtime that is slow or wrong."""

    def __init__(self, session: Any, delay_s: float, error: float) -> None:
        self.inputs, self.outputs, self.providers = session.inputs, session.outputs, ("changed",)
        self._session, self._delay_s, self._error = session, delay_s, error

    def run(self, deadline_s: float | None = None) -> None:
        self._session.run(deadline_s)
        time.sleep(self._delay_s)
        for array in self.outputs.values():
            array += self._error

    def close(self) -> None:
        self._session.close()


def changed(name: str, delay_s: float = 0.0, error: float = 0.0) -> RuntimeSpec:
    return RuntimeSpec(
        name=name,
        open=lambda *given: Changed(ONNX_RUNTIME.open(*given), delay_s, error),  # type: ignore[arg-type]
        devices=("cpu",),
        package="onnxruntime",
        extra="",
        probe=ONNX_RUNTIME.probe,
        options_type=ONNX_RUNTIME.options_type,
    )


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The runtimes of this test: the real one, a slow one, a wrong one that is as fast."""
    rows = {
        "slow": changed("slow", delay_s=0.01),
        "wrong": changed("wrong", error=1.0),
        "onnxruntime": ONNX_RUNTIME,
    }
    found = [(name, "cpu", "") for name in rows] + [("onnxruntime", "cuda", "no CUDA here")]
    monkeypatch.setattr(choosing, "runtime_devices", lambda: iter(found))
    real = type(RUNTIMES).__getitem__
    monkeypatch.setattr(
        type(RUNTIMES),
        "__getitem__",
        lambda self, name: rows[name] if self is RUNTIMES and name in rows else real(self, name),
    )


def test_the_fastest_that_is_right_is_taken_and_the_others_say_why_not(
    table: None, steering_bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.INFO, "auxdrive"),
        Predictor.load(steering_bundle, "auto") as found,
    ):
        assert (found.runtime, found.device) == ("onnxruntime", "cpu")
        assert found.predict(FRAME).steer_rad is not None
        choice = found.choice
    assert choice is not None
    told = {(each.runtime, each.device): each for each in choice.candidates}
    assert told["onnxruntime", "cpu"].why_not == ""
    slow = told["slow", "cpu"]
    assert slow.p50_ms is not None
    assert slow.p50_ms > 10
    assert "times as long" in slow.why_not
    wrong = told["wrong", "cpu"]
    assert wrong.p50_ms is None
    assert "differ from the reference by 57.3 deg" in wrong.why_not
    assert told["onnxruntime", "cuda"].why_not == "no CUDA here"
    assert "onnxruntime on cpu: chosen" in caplog.text
    with Predictor.load(steering_bundle) as named:
        assert named.choice is None


def test_a_choice_is_remembered_for_the_machine_and_the_bundle(
    table: None, steering_bundle: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = choosing.choose(Bundle.open(steering_bundle), threads=1)
    (file,) = (cache / "runtimes").iterdir()
    measured: list[str] = []
    real = choosing._measured
    monkeypatch.setattr(
        choosing, "_measured", lambda *given: (measured.append(given[3]), real(*given))[1]
    )
    assert choosing.choose(Bundle.open(steering_bundle), threads=1) == first
    assert measured == []
    assert choosing.try_all(Bundle.open(steering_bundle), threads=1)[0].runtime == "onnxruntime"
    assert measured == ["slow", "wrong", "onnxruntime"]
    choosing.choose(Bundle.open(steering_bundle), threads=2)
    assert len(measured) == 6, "more threads are another question"
    for damage in (b"", b"{}", file.read_bytes().replace(b'"cpus"', b'"gpus"')):
        file.write_bytes(damage)
        assert choosing.choose(Bundle.open(steering_bundle), threads=1).runtime == "onnxruntime"
    assert len(measured) == 15
    monkeypatch.setattr(choosing, "installed_version", lambda name: "9.9")
    choosing.choose(Bundle.open(steering_bundle), threads=1)
    assert len(measured) == 18, "a new version is measured"


def test_where_nothing_can_be_remembered_it_is_measured_each_time(
    table: None, steering_bundle: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file")
    with Predictor.load(steering_bundle, "auto") as found:
        assert found.runtime == "onnxruntime"
    assert "is not remembered" in caplog.text


def test_where_none_is_right_each_says_why_not(
    steering_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "runtime_devices", lambda: iter(ABSENT))
    with pytest.raises(RuntimeUnavailable, match="onnxruntime on cuda: no CUDA"):
        Predictor.load(steering_bundle, "auto")


@pytest.mark.parametrize("given", [{"device": "cpu"}, {"options": {"spinning": False}}])
def test_device_and_options_belong_to_a_named_runtime(
    steering_bundle: Path, given: dict[str, Any]
) -> None:
    with pytest.raises(UsageError, match="name a runtime"):
        Predictor.load(steering_bundle, "auto", **given)


def test_doctor_shows_the_times_of_a_bundle_and_predict_takes_the_fastest(
    steering_bundle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With the real table: whatever this machine has."""
    image = tmp_path / "image.png"
    Image.fromarray(FRAME.image).save(image)

    def run(*words: object) -> str:
        monkeypatch.setattr("sys.argv", ["auxdrive", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert not ended.value.code, capsys.readouterr().err
        return capsys.readouterr().out

    rows = json.loads(run("doctor", "--bundle", steering_bundle, "--json"))["runtimes_of_bundle"]
    assert {row["runtime"] for row in rows} == set(RUNTIMES)
    assert {row["precision"] for row in rows} == {"fp32"}
    assert rows[0]["why_not"] == ""
    assert all(row["why_not"] for row in rows[1:])
    assert "takes this one" in run("doctor", "--bundle", steering_bundle)
    document = json.loads(run("predict", steering_bundle, image, "--runtime", "auto", "--json"))
    assert document["predictions"]
    with pytest.raises(AssertionError, match="name the --runtime that it is for"):
        run("predict", steering_bundle, image, "--runtime", "auto", "--runtime-option", "a=1")
