"""The notebooks run from their first cell to their last, one after the other in one folder."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "docs" / "notebooks").glob("*.ipynb"))
FRONTS = ("auxdrive", "auxdrive_train", "auxdrive_deploy", "auxdrive_eval")


def cells(notebook: Path) -> list[dict[str, Any]]:
    """Its cells of code."""
    book = json.loads(notebook.read_text(encoding="utf-8"))
    assert (book["nbformat"], book["nbformat_minor"]) == (4, 5)
    ids = [cell["id"] for cell in book["cells"]]
    assert len(set(ids)) == len(ids)
    return [cell for cell in book["cells"] if cell["cell_type"] == "code"]


def test_they_are_stored_without_outputs_and_import_from_the_fronts() -> None:
    assert len(NOTEBOOKS) == 2
    for notebook in NOTEBOOKS:
        for cell in cells(notebook):
            assert cell["outputs"] == []
            assert cell["execution_count"] is None
            for node in ast.walk(ast.parse("".join(cell["source"]))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("auxdrive"):
                    assert node.module in FRONTS, notebook.name


@pytest.mark.slow
def test_they_run(tmp_path: Path) -> None:
    for notebook in NOTEBOOKS:
        program = "\n\n".join("".join(cell["source"]) for cell in cells(notebook))
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program],
            cwd=tmp_path, capture_output=True, text=True, check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert done.returncode == 0, f"{notebook.name}: {done.stdout}\n{done.stderr}"
    assert "the fallback 'stop' commands" in done.stdout
    assert "old; the limit is 0.5 s" in done.stdout
