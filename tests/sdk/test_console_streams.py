"""What a command writes: on terminals that lack characters, into full disks and closed pipes, and
names that mean harm.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from auxdrive.console import printable
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

COMMAND = [sys.executable, "-m", "auxdrive"]
ENVIRONMENT = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}


def run(
    *arguments: object, stdout: object = subprocess.PIPE, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)], stdout=stdout, stderr=subprocess.PIPE, timeout=120,
        check=False, env={**ENVIRONMENT, **environment},
    )  # type: ignore[call-overload]  # fmt: skip


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin1:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_good_bundle_passes_whatever_the_terminal_can_show(
    steering_bundle: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    bundle = Path(shutil.copytree(steering_bundle, tmp_path / "zür\u2192ich"))
    done = run("verify", bundle, **environment)
    assert done.returncode == 0, done.stderr
    assert b"parity" in done.stdout
    assert run("verify", bundle, "--json", **environment).returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [("verify", "{bundle}"), ("verify", "{bundle}", "--json"), ("--help",), ("--version",)],
)
def test_what_cannot_be_told_is_no_failed_check(
    steering_bundle: Path, arguments: tuple[str, ...]
) -> None:
    with open("/dev/full", "w") as full:
        done = run(*(word.format(bundle=steering_bundle) for word in arguments), stdout=full)
    assert done.returncode == 3
    assert b"standard output cannot be written (No space left on device)" in done.stderr
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_what_stands_beside_the_result_need_not_be_told(steering_bundle: Path) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [*COMMAND, "verify", steering_bundle],
            stdout=subprocess.PIPE,
            stderr=full,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0


@pytest.mark.parametrize(
    "arguments",
    [("verify", "{bundle}"), ("verify", "{bundle}", "--json"), ("--help",), ("doctor",)],
)
@pytest.mark.parametrize("damaged", [False, True])
def test_a_closed_pipe_ends_quietly_and_the_check_still_counts(
    steering_bundle: Path, tmp_path: Path, arguments: tuple[str, ...], damaged: bool
) -> None:
    bundle = Path(shutil.copytree(steering_bundle, tmp_path / "bundle"))
    if damaged:
        (bundle / "model.onnx").write_bytes(b"changed")
    command = [*COMMAND, *(word.format(bundle=bundle) for word in arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        message = process.stderr.read()
    assert process.returncode == int(damaged and arguments[0] == "verify")
    assert "Traceback" not in message
    assert "Exception ignored" not in message


def test_closed_streams_are_no_error(steering_bundle: Path) -> None:
    line = " ".join([*COMMAND, "verify", str(steering_bundle)])
    for closed in (">&-", ">&- 2>&-"):
        assert (
            subprocess.run(
                ["sh", "-c", f"{line} {closed}"],
                timeout=120,
                check=False,
                stderr=subprocess.DEVNULL,
            ).returncode
            == 0
        )


NOISE = """
import os, sys
import auxdrive.predictor as p
load = p.Predictor.load
def noisy(*arguments, **options):
    print("from Python")
    os.write(1, b"from native code\\n")
    return load(*arguments, **options)
p.Predictor.load = noisy
from auxdrive.cli import main
main()
"""


def test_the_result_stands_alone_on_standard_output(steering_bundle: Path, tmp_path: Path) -> None:
    """Also where ONNX Runtime, or an agent, prints: in Python or beneath it."""
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(tmp_path / "frame.png")
    command = [
        sys.executable,
        "-c",
        NOISE,
        "predict",
        str(steering_bundle),
        str(tmp_path / "frame.png"),
    ]
    done = subprocess.run(
        [*command, "--json"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["task"] == "steering"
    assert "from Python" in done.stderr
    assert "from native code" in done.stderr
    assert (
        "from Python"
        in subprocess.run(command, capture_output=True, text=True, timeout=120, check=False).stdout
    )


EVIL = "\x1b[2J\x9b31m\u202egnp.exe\u2066\u200b\x07\r\u2028\ufeff"


def test_names_cannot_steer_the_terminal(steering_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / f"{EVIL}images\nerror: forged"
    folder.mkdir()
    Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(folder / f"{EVIL}.png")
    (folder / f"{EVIL}broken.png").write_bytes(b"no image")
    outputs = [
        run("predict", steering_bundle, folder),
        run("verify", folder),
        run("inspect", folder),
        run("verify", "b", f"--{EVIL}"),
    ]
    assert [done.returncode for done in outputs] == [2, 2, 2, 2]
    for done in outputs:
        text = (done.stdout + done.stderr).decode()
        assert "\\x1b[2J\\x9b31m\\u202egnp.exe\\u2066\\u200b\\x07\\r\\u2028\\ufeff" in text.replace(
            "\n", ""
        ).replace("\\x0d", "\\r")
        assert not set(EVIL) & set(text) - set("gnp.exe[231mJ")
        assert not any(line.startswith("error: forged") for line in text.splitlines())


def test_bytes_that_are_no_text_are_shown_as_such(steering_bundle: Path, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path) + b"/\xff\xfe.png"
    try:
        with open(path, "wb") as file:
            Image.fromarray(np.zeros((24, 32, 3), np.uint8)).save(file, format="PNG")
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    done = subprocess.run(
        [*COMMAND, "predict", steering_bundle, path],
        capture_output=True,
        timeout=120,
        check=False,
        env=ENVIRONMENT,
    )
    assert done.returncode == 0, done.stderr
    assert b"\\udcff\\udcfe.png" in done.stdout
    shown = subprocess.run(
        [*COMMAND, "predict", steering_bundle, path, "--json"],
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert json.loads(shown.stdout)["predictions"][0]["file"].endswith("\udcff\udcfe.png")


@given(st.text(st.characters()) | st.text(alphabet=EVIL))
def test_what_is_printable_is_seen_and_encodable(text: str) -> None:
    shown = printable(text)
    assert "\n" not in shown
    assert not set(EVIL) & set(shown) - set("gnp.exe[231mJ")
    shown.encode()


def test_what_people_write_stays_as_it_is() -> None:
    for text in ("Zürich → 東京", "می‌خواهم", "👩‍🔬", "a b"):
        assert printable(text) == text


INTERRUPTING = """
import os, signal, sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
from auxdrive.__main__ import main
main()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(
    "module",
    ["auxdrive.cli", "typer", "rich", "numpy", "pydantic", "auxdrive.predictor", "onnxruntime"],
)
def test_an_interrupt_during_imports_is_one_line(steering_bundle: Path, module: str) -> None:
    code = (
        "import signal; signal.signal(signal.SIGINT, "
        f"signal.default_int_handler)\n{INTERRUPTING.format(module=module)}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", steering_bundle],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 130
    assert done.stderr == "interrupted\n"
    assert done.stdout == ""


def test_the_installed_command_starts_there() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())[
        "project"
    ]
    assert project["scripts"] == {"auxdrive": "auxdrive.__main__:main"}
