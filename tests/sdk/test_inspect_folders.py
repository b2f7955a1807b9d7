"""`auxdrive inspect`: what it says of data sets, bundles and folders that are neither, and the page
that it writes.
"""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import AuxdriveError
from auxdrive.modalities import MODALITIES, SEGMENTATION_CLASSES, Modality
from auxdrive.steering import SteeringSpec
from inspecting import invoke, summary_of

CARD = DatasetCard(
    name="<b>tiny</b>",
    rate_hz=10,
    modalities=tuple(Modality),
    camera=CameraSpec(width=8, height=6),
    steering=SteeringSpec(max_road_wheel_deg=30),
    splits={"train": ("a",), "test": ("b",)},
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    rng = np.random.default_rng(0)
    for episode_id, modalities in {"a": tuple(Modality), "b": (Modality.RGB,)}.items():
        with EpisodeWriter(root, episode_id, modalities) as writer:
            for index in range(4):
                frames = {
                    m: rng.integers(0, 13, MODALITIES[m].array_shape(6, 8)).astype(
                        MODALITIES[m].numpy_dtype
                    )
                    for m in modalities
                }
                frames[Modality.RGB] *= 10  # bright enough to be images
                speed = {"speed_mps": 2.0} if episode_id == "a" else {}
                writer.append(
                    frames,
                    {
                        "time_s": index / 10,
                        "steer_rad": 0.1 * index,
                        "throttle": 0,
                        "brake": 0,
                        **speed,
                    },
                )
    write_card(root, CARD)
    return root


def test_a_data_set(folder: Path) -> None:
    summary = summary_of(folder)
    assert summary["kind"] == "data set"
    assert (summary["episodes"], summary["frames"], summary["broken"]) == (2, 8, [])
    assert summary["modalities"]["depth"] == {
        "episodes": 1,
        "frames": 4,
        "share": 0.5,
        "shapes": [[6, 8]],
    }
    train, test = summary["splits"]["train"], summary["splits"]["test"]
    assert train["duration_s"] == 0.4
    assert train["steer_deg"]["mean"] == pytest.approx(np.degrees(0.15), rel=1e-5)
    assert train["steer_deg"]["straight_share"] == 0.25
    assert train["speed_mps"]["mean"] == 2.0
    assert test["speed_mps"] == {
        "mean": None,
        "std": None,
        "min": None,
        "max": None,
        "standing_share": None,
        "known_share": 0.0,
    }
    shown = invoke(str(folder))
    assert shown.exit_code == 0
    assert "6x8x3" in shown.output
    assert "unknown" in shown.output


def test_what_is_broken_is_listed(folder: Path) -> None:
    (folder / "episodes" / ".partial-x-1").mkdir()
    (folder / "episodes" / "a" / "notes.txt").touch()
    (folder / "episodes" / "b" / "rgb.npy").write_bytes(b"nothing")
    with EpisodeWriter(folder, "c", [Modality.DEPTH]) as writer:
        for time_s in (0, 1, 2):
            writer.append(
                {Modality.DEPTH: np.zeros((6, 8), np.uint16)},
                {"time_s": time_s, "steer_rad": 1.0, "throttle": 0, "brake": 0},
            )
    write_card(
        folder,
        CARD.model_copy(
            update={"camera": CameraSpec(width=9, height=6), "splits": {**CARD.splits, "none": ()}}
        ),
    )
    summary = summary_of(folder)
    for kind, expected in (
        ("broken", "rgb.npy: not a readable .npy file"),
        ("broken", "a: rgb is 8x6, the card's camera is 9x6"),
        ("broken", "c: 2 gaps longer than 5 periods"),
        ("broken", "c: 3 steering labels beyond the maximum steering angle of 30 degrees"),
        ("broken", "c: has no rgb"),
        ("doubts", ".partial-x-1: a recording that was not finished"),
        ("doubts", "a: unknown files, ignored: notes.txt"),
        ("doubts", "the split 'none' is empty"),
    ):
        assert expected in "\n".join(summary[kind])
    assert summary["fingerprint"] is None
    assert summary["splits"]["(no split)"]["episodes"] == 1


def test_episodes_without_a_card_are_told_how_to_get_one(tmp_path: Path) -> None:
    with EpisodeWriter(tmp_path, "e", [Modality.DEPTH]) as writer:
        writer.append(
            {Modality.DEPTH: np.zeros((6, 8), np.uint16)},
            {"time_s": 0, "steer_rad": 0, "throttle": 0, "brake": 0},
        )
    assert "It has episodes; write their card with auxdrive.data.episode_files.write_card" in str(
        invoke(str(tmp_path)).exception
    )


class Page(HTMLParser):
    """Collects tags and sources, so that the test sees what a browser would."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_self_contained_and_shows_every_modality(folder: Path, tmp_path: Path) -> None:
    html = tmp_path / "page.html"
    result = invoke(str(folder), "--html", str(html))
    assert result.exit_code == 0, result.output
    page = Page()
    page.feed(html.read_text())
    assert "<b>tiny</b>" in page.text  # the name is text, not markup
    assert "script" not in page.tags
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert (
        page.tags.count("img") == 4 * len(Modality) + 4
    )  # 8 frames: 4 of episode a with everything, 4 of b with rgb
    assert page.tags.count("svg") == 3  # steering for both splits, speed for one
    for modality in Modality:
        assert modality.value in page.text
    assert all(name.replace("_", " ") in page.text for name in SEGMENTATION_CLASSES)


def test_a_run_is_one_though_it_keeps_its_data_sets_card(folder: Path) -> None:
    (folder / "config.yaml").write_text("method: samd\n")
    assert summary_of(folder)["kind"] == "run"
    (folder / "card.json").write_text("{}")
    assert "card.json" in str(invoke(str(folder)).exception)


def test_folders_that_are_nothing(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "card.json").write_text("{}")
    for arguments, message in [
        ((str(tmp_path / "nowhere"),), "no such directory"),
        ((str(tmp_path / "empty"),), "no bundle (card.json), no run (config.yaml)"),
        ((str(tmp_path / "bundle"),), "card.json"),
        ((str(tmp_path / "bundle"), "--html", "x.html"), "is a bundle, which has no page"),
        ((str(tmp_path / "empty"), "--html", "x.html"), "no run (config.yaml), no data set"),
        ((str(folder), "--html", str(tmp_path / "no" / "x.html")), "there is no directory"),
    ]:
        result = invoke(*arguments)
        assert isinstance(result.exception, AuxdriveError), result.output
        assert message in str(result.exception)


def test_a_bundle_and_a_damaged_one(steering_bundle: Path, copy_of: Callable[[Path], Path]) -> None:
    summary = summary_of(steering_bundle)
    assert (summary["kind"], summary["card"]["task"], summary["broken"]) == (
        "bundle",
        "steering",
        [],
    )
    assert summary["files"]["model.onnx"] == "ok"
    shown = invoke(str(steering_bundle))
    assert shown.exit_code == 0
    assert "model.onnx" in shown.output
    damaged = copy_of(steering_bundle)
    with (damaged / "model.onnx").open("ab") as file:
        file.write(b"x")
    (damaged / "stranger.bin").touch()
    missing = next(name for name in summary["files"] if name != "model.onnx")
    (damaged / missing).unlink()
    files = summary_of(damaged)["files"]
    assert "the file was changed" in files["model.onnx"]
    assert files["stranger.bin"].startswith("extra")
    assert files[missing] == "missing"
