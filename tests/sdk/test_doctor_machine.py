"""`auxdrive doctor` on this machine, and on machines made to be broken."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from auxdrive.commands import doctor as command
from auxdrive.machine import capabilities
from auxdrive.machine.facts import (
    conflicting,
    extras,
    installed_version,
    machine_facts,
    outdated,
    probe,
    probe_runtime,
)
from auxdrive.runtimes import RUNTIMES
from foreign_packages import install_package


def doctor(*options: str, path: Path | None = None) -> tuple[int, dict[str, Any], str]:
    env = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(path or ""), os.environ.get("PYTHONPATH", "")])
        ),
    }
    run = subprocess.run(
        [sys.executable, "-c", "from auxdrive.cli import main; main()",
         "doctor", "--json", *options],
        capture_output=True, text=True, env=env, timeout=300, check=False,
    )  # fmt: skip
    assert "Traceback" not in run.stderr
    return run.returncode, json.loads(run.stdout), run.stderr


def pretend(folder: Path, name: str, version: str = "1.0") -> None:
    """A distribution that importlib.metadata finds."""
    info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")


@pytest.mark.slow
def test_this_machine_and_a_conflict_of_runtimes(tmp_path: Path) -> None:
    pretend(tmp_path, "onnxruntime-gpu")
    code, result, _ = doctor(path=tmp_path)
    assert code == 0
    assert result["base_works"] is True
    assert {extra["name"] for extra in result["extras"]} >= {"train", "deploy", "sim", "dev", "all"}
    runs = {entry["what"]: entry for entry in result["capabilities"]}
    assert runs["predict and verify with onnxruntime on cpu"]["available"] is True
    assert "predict and verify with onnxruntime on cuda" in runs
    assert all(entry["available"] or entry["why_not"] for entry in runs.values())
    options = {(each["runtime"], each["name"]): each for each in result["runtime_options"]}
    assert {runtime for runtime, _ in options} == set(RUNTIMES)
    assert options["onnxruntime", "spinning"]["default"] == "true"
    assert "latency" in options["onnxruntime", "spinning"]["meaning"]
    assert options["openvino", "precision"]["default"] == "f32"
    (problem,) = result["problems"]
    assert "onnxruntime and onnxruntime-gpu are installed together" in problem


NEEDS = """
class Engine: extra, package = '', 'engine'
class Lost: extra, package = '', 'no_such_engine'
class Bare: extra, package = '', ''
"""


@pytest.mark.slow
def test_a_simulator_says_which_package_is_asked_for_it(tmp_path: Path) -> None:
    points = {"fast": "mine_module:Engine", "lost": "mine_module:Lost", "bare": "mine_module:Bare",
              "odd": "mine_module:Nothing"}  # fmt: skip
    install_package(tmp_path, "mine", "auxdrive.simulators", points, NEEDS)
    pretend(tmp_path, "engine", "2.5")
    (tmp_path / "engine.py").write_text("")
    code, result, _ = doctor(path=tmp_path)
    assert code == 0
    asked = {package["name"]: package for package in result["packages"]}
    assert (asked["engine"]["version"], asked["engine"]["problem"]) == ("2.5", None)
    assert asked["no_such_engine"]["problem"] == "not installed"
    runs = {entry["what"]: entry["why_not"] for entry in result["capabilities"]}
    drives = {name: runs[f"collect and drive in the simulator '{name}'"] for name in points}
    assert (drives["fast"], drives["lost"], drives["bare"]) == (None, "not installed", None)
    assert "of the package 'mine' cannot be loaded" in drives["odd"]


def test_the_sdk_names_no_simulator() -> None:
    """What a simulator needs stands in its own row, in the package that brings it."""
    for module in (capabilities, command):
        text = Path(str(module.__file__)).read_text(encoding="utf-8").lower()
        assert not [name for name in ("carla", *capabilities.SIMULATORS) if name in text]


@pytest.mark.slow
def test_a_broken_base_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text(
        "raise ImportError('libonnxruntime.so: cannot open shared object file')\n"
    )
    code, result, message = doctor(path=tmp_path)
    assert code == 1
    assert result["base_works"] is False
    assert "libonnxruntime.so" in message


def test_one_runtime_is_no_conflict() -> None:
    assert conflicting(RUNTIMES["onnxruntime"]) == ()


def test_probe() -> None:
    package = probe_runtime(RUNTIMES["onnxruntime"])
    assert package.problem is None
    assert package.version == installed_version("onnxruntime")
    assert "CPUExecutionProvider" in package.facts["providers"]
    assert package.facts["devices"]["cpu"] == ""
    assert package.facts["devices"].keys() == {*RUNTIMES["onnxruntime"].devices}
    assert probe("torch").facts.keys() == {"version", "cuda"}


def test_a_package_that_takes_its_process_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "engine.py").write_text("import os\nos.abort()\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    problem = probe("engine").problem
    assert problem is not None
    assert problem.startswith("does not start")


def test_extras_name_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\nProvides-Extra: a\nProvides-Extra: "
        "b\nProvides-Extra: c\n"
        "Requires-Dist: numpy>=1.0; extra == 'a'\nRequires-Dist: no-such-package>=2; extra == 'b'\n"
        "Requires-Dist: numpy>=999; extra == 'b'\nRequires-Dist: thing[a,b]; extra == "
        "'c'\nRequires-Dist: numpy\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    found = {extra.name: extra for extra in extras("thing")}
    assert found["a"].complete
    assert [name.split()[0] for name in found["b"].missing] == ["no-such-package", "numpy>=999"]
    assert found["c"].missing == found["b"].missing
    assert extras("no-such-distribution") == []
    assert outdated("thing") == []


def test_a_base_package_that_is_too_old_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "thing-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\nProvides-Extra: a\n"
        "Requires-Dist: numpy>=999\nRequires-Dist: pydantic>=1\nRequires-Dist: "
        "no-such-package\nRequires-Dist: pillow>=999; extra == 'a'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert outdated("thing") == [f"numpy>=999 (installed: {installed_version('numpy')})"]
    assert outdated() == []


def test_machine_facts() -> None:
    facts = machine_facts()
    assert facts["cpus"] >= 1
    assert facts["memory_gib"] > 0
    assert facts["processor"]
