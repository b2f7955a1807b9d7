"""The command line as a user meets it: real processes, exit codes, no tracebacks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_processes import auxdrive, refused, write_frame
from PIL import Image

Copy = Callable[[Path], Path]


def test_version_and_help() -> None:
    from auxdrive import __version__

    assert auxdrive("--version").stdout == f"auxdrive {__version__}\n"
    run = auxdrive("--help")
    assert run.returncode == 0
    for name in ("predict", "verify", "doctor", "train", "export", "drive"):
        assert name in run.stdout


def test_an_unknown_command_gets_the_nearest() -> None:
    message = refused(auxdrive("verfy", "x"))
    assert "unknown command 'verfy'. Did you mean 'verify'?" in message


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("predict",),
        ("verify", "b", "--no-such-option"),
        ("--nonsense",),
        ("predict", "b", "i", "--speed", "fast"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    run = auxdrive(*arguments)
    assert run.returncode == 2
    assert "Traceback" not in run.stderr


def test_verify_passes(steering_bundle: Path) -> None:
    run = auxdrive("verify", steering_bundle)
    assert run.returncode == 0, run.stderr
    assert "parity" in run.stdout
    assert "FAIL" not in run.stdout
    result = json.loads(auxdrive("verify", steering_bundle, "--json").stdout)
    assert result["passed"] is True
    assert {check["name"] for check in result["checks"]} >= {
        "parity",
        "negative control",
        "determinism",
    }


def test_verify_fails_with_exit_code_1(steering_bundle: Path, copy_of: Copy) -> None:
    bundle = copy_of(steering_bundle)
    (bundle / "model.onnx").write_bytes(b"changed")
    message = refused(auxdrive("verify", bundle), 1)
    assert "1 of 1 checks failed" in message
    assert "model.onnx" in message
    run = auxdrive("verify", bundle, "--json")
    assert run.returncode == 1
    assert json.loads(run.stdout)["passed"] is False


def test_verify_of_nothing_is_exit_code_2(tmp_path: Path, steering_bundle: Path) -> None:
    assert "Did you mean 'cuda'" in refused(
        auxdrive("verify", steering_bundle, "--device", "cudaa")
    )
    assert "no such directory" in refused(auxdrive("verify", tmp_path / "nothing"))


def test_predict(steering_bundle: Path, tmp_path: Path) -> None:
    image = write_frame(tmp_path / "frame.png")
    run = auxdrive("predict", steering_bundle, image)
    assert run.returncode == 0, run.stderr
    assert "deg" in run.stdout
    result = json.loads(auxdrive("predict", steering_bundle, image, "--json").stdout)
    assert result["task"] == "steering"
    assert isinstance(result["predictions"][0]["steer_rad"], float)


def test_predict_waypoints_from_a_gif(waypoint_bundle: Path, tmp_path: Path) -> None:
    frames = [Image.fromarray(np.full((24, 32, 3), 40 * k, np.uint8)) for k in range(1, 4)]
    frames[0].save(tmp_path / "drive.gif", save_all=True, append_images=frames[1:], duration=100)
    out = tmp_path / "out.csv"
    run = auxdrive(
        "predict",
        waypoint_bundle,
        tmp_path / "drive.gif",
        "--speed",
        4,
        "--target",
        "10,-1",
        "--out",
        out,
    )
    assert run.returncode == 0, run.stderr
    lines = out.read_text().splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("file,frame,latency_ms,flags,x0_m,y0_m")


def test_a_closed_pipe_is_no_error(steering_bundle: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "from auxdrive.cli import main; main()",
        "verify",
        str(steering_bundle),
        "--json",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        message = run.stderr.read()
    assert "Traceback" not in message
    assert "Exception ignored" not in message


def test_starting_is_cheap() -> None:
    """Neither the library nor the command line's help pulls in what only training or rendering
    needs.
    """
    heavy = ("torch", "onnx", "onnxruntime", "PIL", "panda3d", "scipy")
    code = (
        f"import sys, auxdrive, auxdrive.cli; print([name for name in {heavy} if name in "
        "sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_public_names_exist() -> None:
    import auxdrive as package

    names: list[Any] = [getattr(package, name) for name in package.__all__]
    assert len(names) == len(set(package.__all__))
