"""A task is named where it lives, and where somebody has to choose one; nothing else branches on
tasks.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "sdk/auxdrive",
    "train/auxdrive_train",
    "deploy/auxdrive_deploy",
    "carla_eval/auxdrive_eval",
)
TASK = re.compile(
    r"""["'](?:classification|steering|waypoints|path_speed)["']"""
    r"""|\b(?:Classification|Steering|Waypoints|PathSpeed)Task\b"""
    r"""|\b(?:CLASSIFICATION|STEERING|WAYPOINTS|PATH_SPEED)\b"""
    r"""|isinstance\([^()]*Task(?:Spec)?\b"""
)
ALLOWED = {
    "sdk/auxdrive/tasks": "the vehicle's half",
    "train/auxdrive_train/tasks": "the training half",
    "sdk/auxdrive/controllers/__init__.py": "the controller of that name",
    "sdk/auxdrive/controllers/pure_pursuit.py": "advice that names that controller",
    "sdk/auxdrive/controllers/path_speed.py": "the form of what it drives by",
    "sdk/auxdrive/__init__.py": "the module of that name",
    "sdk/auxdrive/data/joined.py": "the field of a data set's card",
    "sdk/auxdrive/inspection": "that field, and the recorded angles",
    "sdk/auxdrive/commands/inspecting": "that field",
    "train/auxdrive_train/ingest": "columns of other people's recordings",
    "train/auxdrive_train/engine/config.py": "the default of `task:`",
    "train/auxdrive_train/reproduce": "what the papers' tables are of",
    "train/auxdrive_train/commands/select.py": "the default of `--task`",
    "carla_eval/auxdrive_eval/routes/xml2.py": "an element of CARLA's route files",
}


def test_no_other_module_branches_on_a_task() -> None:
    found = {}
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            name = file.relative_to(ROOT).as_posix()
            if any(name == place or name.startswith(f"{place}/") for place in ALLOWED):
                continue
            if lines := [line for line in code_lines(file) if TASK.search(line)]:
                found[name] = lines
    assert found == {}


def code_lines(file: Path) -> list[str]:
    """The lines of a file without its docstrings, whose examples have to choose a task."""
    text = file.read_text()
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                lines[node.lineno - 1 : node.end_lineno] = [""] * (
                    (node.end_lineno or node.lineno) - node.lineno + 1
                )
    return lines


def test_every_exception_is_one() -> None:
    for place in ALLOWED:
        files = [ROOT / place] if place.endswith(".py") else list((ROOT / place).rglob("*.py"))
        assert any(TASK.search(file.read_text()) for file in files), place
