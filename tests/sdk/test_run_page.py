"""The page of a run, from its files alone: finished, under way, damaged, and by hostile names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.html.document import POLICY
from auxdrive.inspection.painting import jpeg
from auxdrive.modalities import Modality
from inspecting import invoke, summary_of

METRICS = {"ade_m": 0.5, "steer_macc": 0.9}
CONSTANT = {"ade_m": 2.0, "steer_macc": 0.4}
EXAMPLE = {
    "rank": "worst", "error": 61.5, "unit": "cm", "episode": "<e>", "frame": 7,
    "ego": {"speed_mps": [4.0], "target_ego_m": [20.0, 1.0]},
    "shape": [2, 2], "prediction": [2.0, 0.1, 8.0, 0.5], "label": [2.5, 0.0, 9.0, -0.5],
}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    (folder / "examples").mkdir(parents=True)
    card = DatasetCard(
        name="town", rate_hz=10, modalities=(Modality.RGB,),
        camera=CameraSpec(width=128, height=72, fov_deg=100, x_m=1.0, z_m=1.5),
    )  # fmt: skip
    record = {
        "auxdrive_version": "0.1.0", "torch": "2.11", "commit": "abc123",
        "dataset_sha256": "ab" * 32, "seed": 3, "method": "samd", "task": "waypoints",
        "backbone": "pilotnet", "main": "rgb", "aux": ["depth"],
        "measured_on": {"val": {"how": "the split <val>", "apart_s": None}},
        "camera_faults": {},
    }  # fmt: skip
    result = {
        "method": "samd", "best": {"phase": "round 2", "epoch": 1, "ade_m": 0.5},
        "phases": [{"name": "round 1", "epochs": 2, "watch": "student", "best": 1.0, "last": 1.0}],
        "steps": 30, "trained_s": 90.0,
        "metrics": {"val": {"student": METRICS}, "test": {"student": METRICS}},
        "floor": {"val": {"constant": CONSTANT}},
    }  # fmt: skip
    validation = {
        "role": "student", "task": "waypoints", "main_metric": "ade_m",
        "conditions": {
            "speed below 5 m/s": {"frames": 40, "metrics": METRICS, "constant": CONSTANT}
        },
        "examples": [{**EXAMPLE, "name": "worst-1"}, {**EXAMPLE, "name": "worst-2"}],
    }  # fmt: skip
    lines = [
        {
            "phase": f"round {phase + 1}", "phase_index": phase, "epoch": epoch, "step": 10 * epoch,
            "role": "student", "loss/total": 1 / (epoch + phase), "loss/distil<": 0.2,
            "gradient/mean": 1.0, "gradient_of/task": 2.0, "lr": 0.001, "val/ade_m": 0.5 * epoch,
            "val/steer_macc": 0.8, "val/steer_r2": None,
        }
        for phase in (0, 1) for epoch in (1, 2)
    ]  # fmt: skip
    (folder / "config.yaml").write_text("method: samd\nname: <script>alert(1)</script>\n")
    (folder / "dataset.json").write_text(card.model_dump_json())
    (folder / "run.json").write_text(json.dumps(record))
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "validation.json").write_text(json.dumps(validation))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for name in ("worst-1", "worst-2"):
        image = np.full((72, 128, 3), 90, np.uint8)
        (folder / "examples" / f"{name}.jpg").write_bytes(jpeg(image, 90))
    return folder


def page_of(run: Path, code: int = 0) -> str:
    out = run.parent / "page.html"
    result = invoke(str(run), "--html", str(out))
    assert result.exit_code == code, result.output
    return out.read_text()


def test_what_stands_on_a_finished_runs_page(run: Path) -> None:
    page = page_of(run)
    for title in ("Loss, by term", "Validation: errors in metres", "share of frames",
                  "Norm of the gradient", "Learning rate"):  # fmt: skip
        assert title in page
    assert ">25</td>" in page  # 0.5 of the constant's 2.0 m
    assert "speed below 5 m/s" in page
    assert "best epoch" in page
    assert "constant, ade_m" in page
    assert page.count("<img") == 2
    assert "61.5 cm off" in page
    assert "abc123" in page
    assert POLICY in page
    # whole epochs on every axis
    assert set(re.findall(r'text-anchor="middle">([^<]+)<', page)) == {"1", "2", "3", "4", "epoch"}


def test_the_terminal_shows_the_conditions(run: Path) -> None:
    shown = invoke(str(run)).output
    assert "ade_m by what the vehicle did" in shown
    row = next(line for line in shown.splitlines() if "speed below 5 m/s" in line)
    assert [cell.strip() for cell in row.split("│")[2:5]] == ["40", "0.500", "2.000"]


def test_nothing_in_a_runs_files_becomes_markup(run: Path) -> None:
    page = page_of(run)
    assert "<script" not in page
    assert "<e>" not in page
    assert "the split <val>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)


def test_a_run_under_way(run: Path) -> None:
    for name in ("result.json", "validation.json"):
        (run / name).unlink()
    page = page_of(run)
    assert "has not finished" in page
    assert "Loss, by term" in page
    assert "Examples" not in page
    (run / "metrics.jsonl").unlink()
    assert "No curves" in page_of(run)


def changed(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_damage_is_listed_and_the_rest_is_shown(run: Path) -> None:
    (run / "examples" / "worst-2.jpg").unlink()
    assert summary_of(run)["broken"] == ["worst-2.jpg: the image of an example is missing"]
    page = page_of(run, 1)
    assert "the image of an example is missing" in page
    assert page.count("<img") == 1
    (run / "examples" / "worst-1.jpg").write_bytes(b"no image")
    assert "not a readable image" in page_of(run, 1)
    validation = run / "validation.json"
    changed(validation, examples=[{**EXAMPLE, "name": "worst-1", "shape": [4]}])
    (run / "examples" / "worst-1.jpg").write_bytes(jpeg(np.zeros((72, 128, 3), np.uint8), 90))
    assert "no prediction of the task" in page_of(run)
    (run / "dataset.json").write_text('{"name": "town"}')
    assert "Cannot be drawn" in page_of(run)
    changed(validation, examples=[{**EXAMPLE, "name": "worst-1", "label": [1.0]}])
    assert "no rows of the shape (2, 2)" in summary_of(run)["broken"][0]
    changed(validation, examples=[{**EXAMPLE, "name": "../../x-1"}])
    assert "validation" in summary_of(run)["broken"][0]
    assert "Examples" not in page_of(run, 1)
    (run / "metrics.jsonl").write_text("{}\n[1]\n{}\n")
    assert "No curves" in page_of(run, 1)


WITHOUT = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "jinja2", "markupsafe"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Without())
from auxdrive.cli import main
main()
"""


def test_the_page_needs_an_extra_and_the_rest_does_not(run: Path) -> None:
    page = run.parent / "page.html"
    command = [sys.executable, "-c", WITHOUT, "inspect", str(run)]
    plain = subprocess.run(command, capture_output=True, text=True, check=False)
    assert plain.returncode == 0, plain.stderr
    asked = [*command, "--html", str(page)]
    refused = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "pip install 'auxdrive[train]'" in " ".join(refused.stderr.split())
    assert not page.exists()
