"""`auxdrive run`: the loop of a vehicle on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import bundle_factory
import pytest
from auxdrive import VehicleSpec
from looping import HEEDS, image
from PIL import Image

EGO = ("--speed", 4, "--target", "20,0")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of twice the size that the bundles' camera has."""
    path = tmp_path_factory.mktemp("camera")
    for number in range(20):
        Image.fromarray(image(number, 48, 64)).save(path / f"{number:02}.png")
    return path


def test_it_ends_with_the_camera_and_gives_its_health(
    waypoint_bundle: Path, folder: Path, tmp_path: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    out = tmp_path / "drive.jsonl"
    code, said, notes = run(
        "run", waypoint_bundle, "--camera", folder, "--rate", 50, "--resize", "--out", out,
        "--json", *EGO,
    )  # fmt: skip
    assert code == 0, notes
    result = json.loads(said)
    assert result["ended"] == "the camera has ended"
    assert result["frames"] == 20
    assert result["predictions"] + result["frames_skipped"] == 20
    kinds = [json.loads(line)["kind"] for line in out.read_text().splitlines()]
    assert kinds.count("control") == result["ticks"]
    assert f"wrote telemetry to {out}" in notes
    lines = [line for line in notes.splitlines() if line.startswith("{")]
    assert json.loads(lines[-1])["ended"] == "the camera has ended"


def test_a_steering_model_needs_no_speed_and_may_be_given_one(
    steering_bundle: Path, folder: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    for more in (
        (),
        ("--speed", 3.0, "--controller", "steering"),
        ("--no-envelope",),
        ("--runtime", "auto"),
    ):
        words = ("run", steering_bundle, "--camera", folder, "--resize", "--seconds", 0.3)
        code, said, notes = run(*words, *more)
        assert code == 0, notes
        assert "missed deadlines" in said
        assert "0.3 s are over" in said


def test_without_a_wheelbase_the_envelope_must_be_left_out(
    tmp_path: Path, folder: Path, run: Callable[..., tuple[int, str, str]]
) -> None:
    bundle = bundle_factory.write_bundle(tmp_path / "bundle", vehicle=VehicleSpec())
    words = ("run", bundle, "--camera", folder, "--resize", "--seconds", 0.2)
    code, _, notes = run(*words)
    assert code == 2
    assert "give --no-envelope" in notes
    assert run(*words, "--no-envelope")[0] == 0


def test_mistakes_are_told(
    steering_bundle: Path,
    waypoint_bundle: Path,
    folder: Path,
    run: Callable[..., tuple[int, str, str]],
) -> None:
    given = ("run", waypoint_bundle, "--camera", folder, "--seconds", 1)
    for words, told in (
        ((*given, "--resize"), "needs speed_mps beside the image: give --speed"),
        ((*given, *EGO), "Resize it, or train for this camera"),
        ((*given, *EGO, "--resize", "--controller", "pidd"), "Did you mean 'pid'?"),
        (
            ("run", steering_bundle, "--camera", folder, "--target", "20,0"),
            "does not take target_ego_m",
        ),
        (("run", steering_bundle, "--camera", "none"), "no such file or folder"),
        (
            ("run", steering_bundle, "--camera", folder, "--resize", "--out", "drive.txt"),
            "unknown telemetry format 'txt'",
        ),
        (("run", steering_bundle, "--camera", folder, "--rate", 0), "rate_hz is 0"),
    ):
        code, said, notes = run(*words)
        assert (code, said) == (2, ""), words
        assert told in notes, words


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_a_regular_end(
    steering_bundle: Path, folder: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out = tmp_path / "drive.jsonl"
    words = ["run", steering_bundle, "--camera", folder, "--rate", 1, "--resize", "--out", out]
    process = subprocess.Popen(
        [sys.executable, "-m", "auxdrive", *map(str, words), "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=HEEDS,
    )  # fmt: skip
    assert process.stderr is not None
    while not process.stderr.readline().startswith("{"):  # the first health
        assert process.poll() is None
    process.send_signal(number)
    said, notes = process.communicate(timeout=60)
    assert process.returncode == 0, notes
    assert json.loads(said)["ended"] == number.name
    assert json.loads(out.read_text().splitlines()[-1])["ended"] == number.name
