"""A command that lacks an extra says which one, at once, and leaves nothing behind: whatever it
needs late, or in another process, is looked for before anything is written.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive_train.engine.load import Run

BLOCK = """
import sys

class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {modules!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Without())
"""
TRAIN = ("torch", "lightning_fabric", "safetensors", "yaml")
SIM = ("panda3d", "direct")
PAGE = ("jinja2", "markupsafe")
EVERY = (*TRAIN, *SIM, *PAGE, "onnx", "onnxscript", "filelock", "scipy", "matplotlib", "av")
FEW = ("--count", "1", "--traffic", "0")


@pytest.mark.parametrize(
    ("arguments", "absent", "extra"),
    [
        (("train", "--data", "DATA"), EVERY, "train"),
        (("train", "--data", "DATA"), TRAIN, "train"),
        (("sweep", "--data", "DATA", "--methods", "baseline", "--out", "out"), TRAIN, "train"),
        (("select", "--data", "DATA"), EVERY, "train"),
        (("evaluate", "RUN", "--data", "DATA", "--out", "x.json"), EVERY, "train"),
        (("probe", "RUN"), EVERY, "train"),
        (("export", "RUN", "--out", "out"), ("onnxscript",), "deploy"),
        (("collect", "--out", "out", "--frames", "4"), SIM, "sim"),
        (("collect", "--out", "out", "--frames", "4", "--workers", "2"), EVERY, "sim"),
        (("drive", "expert", *FEW, "--out", "out"), SIM, "sim"),
        (("drive", "expert", *FEW, "--out", "out"), PAGE, "sim"),
        (("drive", "RUN", *FEW, "--out", "out"), TRAIN, "train"),
        (("merge", "RUN", "--out", "out"), EVERY, "sim"),
        (("demo", "--out", "out"), ("onnx", "onnxscript"), "all"),
        (("demo", "--out", "out"), ("scipy",), "all"),
    ],
)
def test_a_command_without_its_extra_names_it_and_leaves_nothing(
    arguments: tuple[str, ...], absent: tuple[str, ...], extra: str,
    steering_run: Run, small_data: Path, tmp_path: Path,
) -> None:  # fmt: skip
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(BLOCK.format(modules=absent))
    work = tmp_path / "work"
    work.mkdir()
    given = {"DATA": str(small_data), "RUN": str(steering_run.directory)}
    done = subprocess.run(
        [sys.executable, "-m", "auxdrive", *(given.get(each, each) for each in arguments)],
        capture_output=True, text=True, check=False, cwd=work, timeout=120,
        env={**os.environ, "COLUMNS": "200", "PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip
    message = " ".join(done.stderr.split())
    assert done.returncode == 2, message
    assert f"pip install 'auxdrive[{extra}]'" in message
    assert "Traceback" not in message
    assert list(work.iterdir()) == []
