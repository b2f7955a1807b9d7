"""Commands of other packages, and those whose extra is missing or too old: each is told by name and
hurts no other.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from auxdrive.extras import EXTRA_OF_COMMAND, EXTRA_OF_MODULE, WITHIN_EXTRA, what_lacks
from auxdrive.machine.facts import Extra
from cli_processes import auxdrive, refused, write_frame
from foreign_packages import install_package


@pytest.fixture
def plugins(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """Install a distribution with one command into a folder; gives the environment that sees it."""

    def install(name: str, source: str) -> dict[str, str]:
        folder, point = tmp_path / "site", {name: "plugin_module:command"}
        install_package(folder, "plugin", "auxdrive.commands", point, source)
        return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}

    return install


def test_help_is_broken_for_the_terminal_and_not_where_the_source_is(
    plugins: Callable[[str, str], dict[str, str]],
) -> None:
    source = 'def command() -> None:\n    """One sentence that\n    goes on in the next line."""\n'
    assert (
        "One sentence that goes on in the" in auxdrive("--help", env=plugins("long", source)).stdout
    )


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
    assert set(EXTRA_OF_COMMAND) == {"sign"} | {
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
    plugins: Callable[[str, str], dict[str, str]], tmp_path: Path, steering_bundle: Path
) -> None:
    image = write_frame(tmp_path / "frame.png")
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
