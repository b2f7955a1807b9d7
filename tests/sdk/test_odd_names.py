"""Names that nobody thinks of: 300 characters, bytes that are no UTF-8, copies beside episodes,
folders that may not be entered.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.cli import run
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.html.document import POLICY
from auxdrive.inspection.summary import summarise
from auxdrive.modalities import Modality

NO_UTF8 = os.fsdecode(b"drive-\xff\xfe")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    with EpisodeWriter(root, "s0-00000", [Modality.RGB]) as writer:
        for index in range(3):
            state = {"time_s": index / 10, "steer_rad": 0.0, "throttle": 0.0, "brake": 0.0}
            writer.append({Modality.RGB: np.full((4, 6, 3), 50 * index, np.uint8)}, state)
    card = DatasetCard(
        name="d",
        rate_hz=10,
        modalities=(Modality.RGB,),
        camera=CameraSpec(width=6, height=4),
        splits={"train": ("s0-00000",)},
    )
    write_card(root, card)
    return root


def make(path: Path) -> None:
    try:
        path.mkdir()
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")


def test_a_data_set_with_odd_neighbours_is_shown(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    episodes = data / "episodes"
    shutil.copytree(episodes / "s0-00000", episodes / "s0-00000.bak")
    make(episodes / NO_UTF8)
    make(episodes / "s0-00000" / NO_UTF8)
    (episodes / "notes.txt").touch()
    (episodes / "s0-00000" / "line\nbreak.txt").touch()
    page = tmp_path / "page.html"
    for options in ((), ("--html", str(page)), ("--json",)):
        assert run(["inspect", str(data), *options]) in (
            0,
            1,
            2,
        )  # it says what is broken; how is another test's matter
        told = capsys.readouterr()
        assert "Traceback" not in told.err
    summary = summarise(Dataset.open(data))
    assert any("drive-" in line for line in summary["broken"])
    json.dumps(summary)
    assert "s0-00000.bak" in Dataset.open(data).episode_ids
    assert POLICY in page.read_text(encoding="utf-8")


def test_the_data_page_loads_and_runs_nothing(data: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert run(["inspect", str(data), "--html", str(page)]) in (0, 1)
    text = page.read_text(encoding="utf-8")
    assert text.count('http-equiv="Content-Security-Policy"') == 1
    assert "default-src 'none'" in text
    assert text.index("Content-Security-Policy") < text.index("<style>")
    assert not re.search(r"<script|https?://|javascript:", text)


@pytest.mark.parametrize("name", ["n" * 300, NO_UTF8, "a\nb\x1b[2J", "ü" * 200, " ", "-x"])
@pytest.mark.parametrize(
    "command",
    [
        ("inspect", "{}"),
        ("verify", "{}"),
        ("predict", "{}", "{}"),
        ("inspect", "{data}", "--html", "{}/x"),
    ],
)
def test_a_path_that_is_not_there_is_told(
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    command: tuple[str, ...],
) -> None:
    path = tmp_path / name
    assert run([word.format(path, data=data) for word in command]) == 2
    told = capsys.readouterr()
    assert "Traceback" not in told.err
    assert "error: " in told.err
    assert "\x1b[2J" not in told.err


def test_a_name_that_cannot_be_read_as_text_has_a_fingerprint(data: Path) -> None:
    odd = data / "episodes" / NO_UTF8
    before = Dataset.open(data).fingerprint()
    try:
        shutil.copytree(data / "episodes" / "s0-00000", odd)
    except OSError:
        pytest.skip("this file system takes UTF-8 alone")
    assert Dataset.open(data).fingerprint() != before
    assert len(Dataset.open(data).episode(NO_UTF8)) == 3
