"""The driving loop's example drives by a folder of images, and ends with a safe stop."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from example_programs import EXAMPLES, run_example
from PIL import Image


def test_it_drives_and_ends_with_a_stop(waypoint_bundle: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(8)
    for number in range(12):
        Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).save(
            tmp_path / f"{number:02}.png"
        )
    *commands, health = run_example("drive_loop.py", waypoint_bundle, tmp_path).splitlines()
    assert json.loads(health)["ended"] == "the camera has ended"
    assert json.loads(health)["predictions"] > 5
    assert len(commands) > 8
    assert commands[-1].endswith(" 0.00, 1.00")
    assert max(float(command.split(", ")[1]) for command in commands) > 0.1


def test_what_is_ones_own_takes_few_lines() -> None:
    source = (EXAMPLES / "drive_loop.py").read_text().split('"""\n', 1)[1]
    code = [line for line in source.splitlines() if line and not line.strip().startswith('"""')]
    assert len(code) <= 12
