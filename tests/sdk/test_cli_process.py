"""The command line as a user meets it: real processes, exit codes, no tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.extras import EXTRA_OF_COMMAND, EXTRA_OF_MODULE, WITHIN_EXTRA, what_lacks
from auxdrive.machine.facts import Extra
from foreign_packages import install_package
from PIL import Image

Copy = Callable[[Path], Path]


def auxdrive(
    *arguments: object, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line as `auxdrive ...` does."""
    return subprocess.run(
        [sys.executable, "-c", "from auxdrive.cli import main; main()", *map(str, arguments)],
        capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **(env or {})},
    )  # fmt: skip


def refused(run: subprocess.CompletedProcess[str], code: int = 2) -> str:
    assert run.returncode == code, run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == "" or code == 1
    return run.stderr


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "frame.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)).save(
        path
    )
    return path


@pytest.fixture
def plugins(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """Install a distribution with one command into a folder; gives the environment that sees it."""

    def install(name: str, source: str) -> dict[str, str]:
        folder, point = tmp_path / "site", {name: "plugin_module:command"}
        install_package(folder, "plugin", "auxdrive.commands", point, source)
        return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}

    return install


def test_version_and_help() -> None:
    from auxdrive import __version__

    assert auxdrive("--version").stdout == f"auxdrive {__version__}\n"
    run = auxdrive("--help")
    assert run.returncode == 0
    for name in ("predict", "verify", "doctor", "train", "export", "drive"):
        assert name in run.stdout


def test_help_is_broken_for_the_terminal_and_not_where_the_source_is(
    plugins: Callable[[str, str], dict[str, str]],
) -> None:
    source = 'def command() -> None:\n    """One sentence that\n    goes on in the next line."""\n'
    assert (
        "One sentence that goes on in the" in auxdrive("--help", env=plugins("long", source)).stdout
    )


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


def test_predict(steering_bundle: Path, image: Path) -> None:
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


def test_a_missing_extra_is_named(
    plugins: Callable[[str, str], dict[str, str]], tmp_path: Path
) -> None:
    """Two ways to miss one: while the command runs, and while its module is imported."""
    inside = (
        "def command() -> None:\n    'Late.'\n    raise ModuleNotFoundError(\"No module named "
        "'torch'\", name='torch')\n"
    )
    assert "pip install 'auxdrive[train]'" in refused(auxdrive("late", env=plugins("late", inside)))


EXTRA_MODULES = (
    "torch",
    "lightning_fabric",
    "safetensors",
    "yaml",
    "onnx",
    "onnxscript",
    "panda3d",
    "jinja2",
    "scipy",
    "matplotlib",
)
WITHOUT = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Without())
from auxdrive.cli import main
main()
"""


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("train", "--data", "."), "train"),
        (("select", "--data", "."), "train"),
        (("export", ".", "--out", "bundle"), "deploy"),
        (("collect", "--out", "data", "--frames", "20"), "sim"),
        (("demo", "--out", "demo"), "all"),
    ],
)
def test_a_base_install_names_the_extra_that_makes_the_command_work(
    arguments: tuple[str, ...], extra: str, tmp_path: Path
) -> None:
    code = WITHOUT.format(modules=EXTRA_MODULES)
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    message = " ".join(refused(run).split())
    assert f"`auxdrive {arguments[0]}` needs the extra '{extra}'" in message
    assert f"pip install 'auxdrive[{extra}]'" in message


def test_a_module_beyond_the_commands_own_extra_is_named_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run, unlike a bundle, is driven with torch, which the simulator's extra does not bring."""
    absent = ModuleNotFoundError("No module named 'torch'", name="torch")
    monkeypatch.setattr("auxdrive.machine.facts.extras", lambda: [Extra("sim", ("scipy",))])
    assert (
        "extras 'sim' and 'train', which are not installed. Install them: pip install "
        "'auxdrive[sim,train]'" in str(what_lacks("drive", absent))
    )
    monkeypatch.setattr("auxdrive.machine.facts.extras", lambda: [Extra("sim", ())])
    assert "extra 'train', which is not installed" in str(what_lacks("drive", absent))
    assert what_lacks("drive", ModuleNotFoundError("No module named 'mine'", name="mine")) is None


def test_a_module_of_every_extra_is_that_of_the_commands_own() -> None:
    """A command without an extra is told of the one that is needed for what it shows."""
    absent = ModuleNotFoundError("No module named 'jinja2'", name="jinja2")
    assert "pip install 'auxdrive[sim]'" in str(what_lacks("drive", absent))
    assert "pip install 'auxdrive[train]'" in str(what_lacks("inspect", absent))


def test_a_wrong_version_is_not_called_a_missing_extra(tmp_path: Path) -> None:
    """An old onnxscript lacks a part that a new torch asks it for; a name may be lacking too."""
    (tmp_path / "onnxscript").mkdir()
    (tmp_path / "onnxscript" / "__init__.py").write_text("")
    info = tmp_path / "onnxscript-0.5.7.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: onnxscript\nVersion: 0.5.7\n")
    (info / "RECORD").write_text("onnxscript/__init__.py,,\n")
    for lacking in (
        "import onnxscript.framework_apis.torch_2_11",
        "from onnxscript import nothing_of_that_name",
    ):
        code = (
            "import auxdrive.commands.verify as v\n"
            f"def export(bundle: str) -> None:\n    'Late.'\n    {lacking}\n"
            "v.verify = export\nfrom auxdrive.cli import main\nmain()"
        )
        env = {**os.environ, "PYTHONPATH": str(tmp_path)}
        run = subprocess.run(
            [sys.executable, "-c", code, "verify", "x"],
            capture_output=True,
            text=True,
            check=False,
            env=env,
        )
        message = " ".join(refused(run).split())
        assert "`auxdrive verify` cannot use the installed onnxscript 0.5.7: " in message
        assert "pip install --upgrade 'auxdrive[deploy]'" in message
        assert "not installed" not in message


def test_the_extras_of_commands_and_modules_are_those_of_the_distribution() -> None:
    project = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())[
        "project"
    ]
    points = project["entry-points"]["auxdrive.commands"]
    assert set(EXTRA_OF_COMMAND) == {
        name for name, target in points.items() if not target.startswith("auxdrive.")
    }
    extras = project["optional-dependencies"]
    assert {*EXTRA_OF_COMMAND.values(), *EXTRA_OF_MODULE.values()} <= set(extras)
    for name, inner in WITHIN_EXTRA.items():
        named = [
            line.split("[")[1].rstrip("]").split(",")
            for line in extras[name]
            if line.startswith("auxdrive[")
        ]
        assert set(inner) == {extra for group in named for extra in group}


def test_a_command_that_cannot_be_imported_hurts_no_other(
    plugins: Callable[[str, str], dict[str, str]], image: Path, steering_bundle: Path
) -> None:
    env = plugins(
        "early",
        "raise ModuleNotFoundError(\"No module named 'panda3d.core'\", name='panda3d.core')\n",
    )
    assert "'auxdrive[sim]'" in refused(auxdrive("early", "--any", "thing", env=env))
    assert auxdrive("predict", steering_bundle, image, env=env).returncode == 0
    assert "Not available" in auxdrive("--help", env=env).stdout


def test_a_third_partys_mistake_is_not_hidden(
    plugins: Callable[[str, str], dict[str, str]],
) -> None:
    run = auxdrive(
        "broken", env=plugins("broken", "def command() -> None:\n    raise ValueError('a bug')\n")
    )
    assert run.returncode == 3  # 1 is a check that failed, and that alone
    assert "a bug" in run.stderr
    assert "Traceback" in run.stderr


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
