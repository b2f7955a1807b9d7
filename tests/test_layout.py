"""What holds for the whole tree: only the four packages are importable, heavy modules stay out of
the command line, the layers hold.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
import typing
from collections.abc import Iterable
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "panda3d", "scipy", "matplotlib", "lightning_fabric", "onnx", "onnxscript")


@pytest.mark.parametrize("name", ["sdk", "train", "deploy", "carla_eval", "tests", "benchmarks"])
def test_no_other_name_is_importable(name: str, tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", f"import {name}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode != 0
    assert "ModuleNotFoundError" in finished.stderr


def test_loading_every_command_imports_nothing_heavy() -> None:
    code = (
        "import sys, json; from importlib.metadata import entry_points\n"
        "names = sorted(point.load().__name__ for point in "
        "entry_points(group='auxdrive.commands'))\n"
        f"print(json.dumps([names, [m for m in {HEAVY!r} if m in sys.modules]]))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    names, loaded = json.loads(finished.stdout)
    assert loaded == []
    ours = {
        "train",
        "select",
        "evaluate",
        "probe",
        "compare",
        "sweep",
        "ingest",
        "export",
        "collect",
        "drive",
        "merge",
        "score",
        "diagnose",
        "demo",
        "predict",
        "run",
        "verify",
        "bench",
        "inspect",
        "doctor",
    }
    assert ours <= set(names)


def test_every_command_explains_itself_and_prints_json() -> None:
    for point in entry_points(group="auxdrive.commands"):
        finished = subprocess.run(
            [sys.executable, "-c", "from auxdrive.cli import main; main()", point.name, "--help"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert finished.returncode == 0, finished.stderr
        for option in ("--json", "--quiet", "--verbose"):
            assert option in finished.stdout


def test_the_library_imports_console_libraries_only_where_commands_need_them() -> None:
    allowed = {"cli.py", "image_files.py"}
    for file in (ROOT / "sdk" / "auxdrive").rglob("*.py"):
        if file.name in allowed or {"commands", "console", "inspection"} & set(file.parts):
            continue
        assert not re.search(
            r"^(?:import|from) (?:typer|rich|PIL)\b", file.read_text(), re.MULTILINE
        ), file


def test_the_base_install_asks_for_the_vehicles_four_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[]", need)[0] for need in project["dependencies"]}
    assert names == {"numpy", "pydantic", "onnxruntime", "pillow"}


def test_files_stay_small() -> None:
    long = {
        str(f.relative_to(ROOT)): n
        for f in ROOT.rglob("*.py")
        if ".venv" not in f.parts and (n := len(f.read_text().splitlines())) > 360
    }
    assert long == {}


@pytest.mark.parametrize("arguments", [("--help",), ("train", "--help")])
def test_help_imports_nothing_that_takes_time(arguments: tuple[str, ...]) -> None:
    code = (
        "import sys; from auxdrive.cli import run\n"
        f"assert run({list(arguments)!r}) == 0\n"
        f"print([m for m in {(*HEAVY, 'PIL', 'numpy', 'onnxruntime')!r} "
        "if m in sys.modules], file=sys.stderr)"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stderr.strip() == "[]"


def named_choices() -> list[tuple[str, str, Iterable[str]]]:
    """Command, parameter, and the table whose names its help tells."""
    from auxdrive.controllers import CONTROLLERS
    from auxdrive.runtimes import RUNTIMES
    from auxdrive_eval.dagger.budgets import BUDGETS
    from auxdrive_eval.scoring import RULE_SETS
    from auxdrive_eval.simulators import SIMULATORS
    from auxdrive_train.ingest import READERS
    from auxdrive_train.methods import METHODS
    from auxdrive_train.models import BACKBONES
    from auxdrive_train.tasks import TASKS
    from auxdrive_train.trackers import TRACKERS

    return [
        ("train", "method", METHODS),
        ("train", "backbone", BACKBONES),
        ("train", "task", TASKS),
        ("train", "track", TRACKERS),
        ("select", "backbone", BACKBONES),
        ("select", "task", TASKS),
        ("ingest", "source_format", READERS),
        ("drive", "sim", SIMULATORS),
        ("drive", "rules", RULE_SETS),
        ("score", "rules", RULE_SETS),
        ("drive", "controller", CONTROLLERS),
        ("collect", "sim", SIMULATORS),
        ("dagger", "config", BUDGETS),
        ("predict", "runtime", RUNTIMES),
        ("run", "runtime", RUNTIMES),
        ("run", "controller", CONTROLLERS),
        ("verify", "runtime", RUNTIMES),
        ("bench", "runtime", RUNTIMES),
        ("bench", "controller", CONTROLLERS),
    ]


def test_help_of_a_choice_names_all_of_its_table() -> None:
    for command, parameter, table in named_choices():
        (point,) = (
            point for point in entry_points(group="auxdrive.commands") if point.name == command
        )
        hint = typing.get_type_hints(point.load(), include_extras=True)[parameter]
        told = next(part.help for part in hint.__metadata__ if hasattr(part, "help"))
        for name in table:
            assert re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", told), (
                f"{command}, {parameter}: {told}"
            )


def test_no_arrow_runs_upward_by_a_name_in_a_string() -> None:
    """import-linter sees import statements alone; other packages are found by entry points."""
    for path in (ROOT / "sdk").rglob("*.py"):
        assert not re.search(
            r"""(?:import_module|__import__)\(f?["']auxdrive_""",
            path.read_text(encoding="utf-8"),
        ), path


def test_every_model_is_strict_by_one_base() -> None:
    """A model's configuration is made in one place, and so is the text of its mistakes."""
    made = {"strict.py": r'extra="(forbid|allow)"', "mistakes.py": r'\["msg"\]|\[.msg.\]'}
    others = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for package in ("sdk", "train", "deploy", "carla_eval")
        for path in sorted((ROOT / package).rglob("*.py"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if any(name != path.name and re.search(what, line) for name, what in made.items())
    ]
    # what is no model: the pydantic dataclass of a finished phase
    assert [line for line in others if "methods/phases.py" not in line] == []


def test_only_commands_talk() -> None:
    """The library logs, and commands show the log. The tables of metrics are two commands' own."""

    def talks(node: ast.AST) -> bool:
        if isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            return node.module == "auxdrive.console" or "auxdrive.console" in names
        if isinstance(node, ast.Import):
            return "auxdrive.console" in {alias.name for alias in node.names}
        return (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
        )

    talking = {
        str(path.relative_to(ROOT))
        for package in ("sdk", "train", "deploy", "carla_eval")
        for path in (ROOT / package).rglob("*.py")
        if not {"commands", "console"} & set(path.parts) and path.name != "cli.py"
        if any(map(talks, ast.walk(ast.parse(path.read_text(encoding="utf-8")))))
    }
    assert talking == {"sdk/auxdrive/inspection/metric_tables.py"}
