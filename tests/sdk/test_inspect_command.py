"""`auxdrive inspect`: what it says of data sets, runs and folders that are neither, and the page
that it writes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from auxdrive import console
from auxdrive.cards import CameraSpec, DatasetCard
from auxdrive.cli import build_app
from auxdrive.data.episode_files import write_card
from auxdrive.data.episode_writer import EpisodeWriter
from auxdrive.errors import AuxdriveError, CheckFailed
from auxdrive.inspection.metric_tables import show_views
from auxdrive.modalities import MODALITIES, SEGMENTATION_CLASSES, Modality
from auxdrive.steering import SteeringSpec
from typer.testing import CliRunner

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
                frames[Modality.RGB] *= 10  # bright enough to be pictures
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


def invoke(*arguments: str) -> Any:
    return CliRunner().invoke(build_app(), ["inspect", *arguments])


def summary_of(path: Path) -> dict[str, Any]:
    """The summary; the exit code is 1 exactly where it lists something that is broken."""
    result = invoke(str(path), "--json")
    document: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (1 if document["broken"] else 0), result.output
    assert isinstance(result.exception, CheckFailed) == bool(document["broken"])
    return document


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
        ("broken", "c: 3 steering labels beyond the full lock of 30 degrees"),
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


def test_a_run(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("method: samd\nsteps: [1]\n")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.safetensors").touch()
    lines = [json.dumps({"epoch": epoch, "loss": 1 / (epoch + 1)}) for epoch in range(9)]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, "[1]", '{"epo']))
    summary = summary_of(tmp_path)
    assert (summary["kind"], summary["records"], summary["checkpoints"]) == (
        "run",
        9,
        ["best.safetensors"],
    )
    assert [record["epoch"] for record in summary["last_metrics"]] == [4, 5, 6, 7, 8]
    assert summary["broken"] == ["metrics.jsonl, line 10: no JSON object"]
    assert summary["doubts"] == [
        "metrics.jsonl, line 11: no JSON object"
    ]  # it has no end: it was being written
    assert (summary["finished"], summary["result"], summary["config"]) == (
        False,
        None,
        "method: samd\nsteps: [1]\n",
    )
    shown = invoke(str(tmp_path))
    assert shown.exit_code == 1
    assert "steps: [1]" not in shown.output
    assert "has not finished: it has no result.json" in shown.output
    assert cells(shown.output, "epochs") == ["9 finished"]
    assert cells(shown.output, "loss") == ["0.2", "0.1667", "0.1429", "0.125", "0.1111"]
    assert cells(shown.output, "") == ["epoch 4", "epoch 5", "epoch 6", "epoch 7", "epoch 8"]
    (tmp_path / "metrics.jsonl").unlink()
    assert "no epoch was finished" in summary_of(tmp_path)["doubts"][0]


def cells(output: str, first: str) -> list[str]:
    """The other cells of the last row of a table that begins with `first`."""
    rows = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in output.splitlines()]
    return [row for row in rows if row and row[0] == first][-1][1:]


RESULT: dict[str, Any] = {
    "method": "dmcl",
    "best": {"phase": "together", "epoch": 2, "rmse_road_wheel_deg": 1.25},
    "phases": [
        {"name": "together", "epochs": 3, "watch": "student", "best": 1.25, "last": 1.5},
        {"name": "after", "epochs": 1, "watch": "ensemble", "best": None, "last": None},
    ],
    "steps": 36,
    "trained_s": 25.4,
    "metrics": {
        "val": {
            "student": {"mae_deg": 1.0, "r2": 0.5},
            "depth_network": {"mae_deg": 2.0, "new": 0.0012},
            "all": {"oracle_loss": 0.125},
        },
        "test": {"student": {"mae_deg": 3.0}},
    },
}


RECORD: dict[str, Any] = {
    "auxdrive_version": "0.1.0",
    "torch": "2.5.0",
    "commit": "",
    "dataset_sha256": "ab" * 32,
    "seed": 3,
    "method": "dmcl",
    "task": "steering",
    "backbone": "pilotnet",
    "main": "rgb",
    "aux": ["depth"],
    "measured_on": {"val": {"how": "the split 'val', in other sessions", "apart_s": None}},
    "pictures": {"frames": 120, "followed": 119, "repeated": 0, "dark": 0, "saturated": 0},
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run as its files tell it."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yaml").write_text("method: dmcl\nlr: 0.25\n")
    (folder / "dataset.json").write_text('{"name": "stripe"}')
    (folder / "run.json").write_text(json.dumps(RECORD))
    (folder / "result.json").write_text(json.dumps(RESULT))
    lines = [
        {"phase": "round 12: student", "epoch": 1, "loss/a": 0.5},
        {"phase": "round 13: teacher", "epoch": 1, "loss/b": 2.0},
    ]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_a_finished_run_shows_facts_phases_and_each_splits_metrics(run: Path) -> None:
    shown = invoke(str(run)).output
    facts = {
        "method": "dmcl", "task": "steering", "backbone": "pilotnet", "modalities": "rgb, depth",
        "data": "stripe abababababab", "seed": "3",
        "val is": "the split 'val', in other sessions",
        "best": "rmse_road_wheel_deg 1.25 in together, epoch 2", "epochs": "4 in 2 phase(s)",
        "steps": "36", "trained": "25 s",
    }  # fmt: skip
    assert {fact: cells(shown, fact) for fact in facts} == {
        fact: [value] for fact, value in facts.items()
    }
    assert cells(shown, "together") == ["3", "student", "1.250", "1.500"]
    assert cells(shown, "after") == ["1", "ensemble", "-", "-"]
    val = shown.split("dmcl on val")[1].split("dmcl on test")[0]
    assert cells(val, "") == ["student", "depth_network", "all"]
    assert cells(val, "mae_deg") == ["1.000", "2.000", "-"]
    assert cells(val, "r2") == ["0.500", "-", "-"]
    assert cells(val, "new") == ["-", "0.0012", "-"]
    assert cells(val, "oracle_loss") == ["-", "-", "0.125"]
    assert cells(shown.split("dmcl on test")[1], "mae_deg") == ["3.000"]
    assert cells(shown, "loss/a") == ["0.5", "-"]
    assert cells(shown, "loss/b") == ["-", "2"]
    assert "lr: 0.25" not in shown
    assert "config.yaml; --json" in shown
    assert "not finished" not in shown
    assert "broken" not in shown
    summary = summary_of(run)
    assert (summary["finished"], summary["config"]) == (True, "method: dmcl\nlr: 0.25\n")
    assert summary["result"]["metrics"] == RESULT["metrics"]


@pytest.mark.parametrize("width", [60, 80, 200])
def test_no_name_and_no_figure_is_cut_however_many_views_there_are(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console.stdout, "width", width)
    views = {
        f"view_{index}_network": {"rmse_road_wheel_deg": 1.5 + index, "r2": -123.25}
        for index in range(7)
    }
    show_views(
        "on val", views, {"constant": {"rmse_road_wheel_deg": 9.5}, "neighbours": {"r2": 0.5}}
    )
    shown = capsys.readouterr().out
    for expected in (
        *views,
        "(constant)",
        "(neighbours)",
        *(f"{1.5 + index:.3f}" for index in range(7)),
        "9.500",
        "-123.250",
    ):
        assert expected in shown
    tables = shown.count("on val")
    assert shown.count("rmse_road_wheel_deg") == shown.count("r2") == tables
    assert (tables > 1) == (width < 200)
    assert max(map(len, shown.splitlines())) <= width


@pytest.mark.parametrize("width", [100, 160])
def test_a_run_fits_the_terminal(run: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console.stdout, "width", width)
    keys = {"loss/distillation": 0.000123456, "val/steer_rmse_road_wheel_deg": -12.3456789}
    lines = [{"phase": f"round {index}: student", "epoch": 1, **keys} for index in range(10, 20)]
    (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shown = invoke(str(run)).output
    assert cells(shown, "val/steer_rmse_road_wheel_deg") == ["-12.35"] * 5
    assert cells(shown, "loss/distillation") == ["0.0001235"] * 5
    assert max(len(line) for line in shown.splitlines() if "┃" in line or "│" in line) <= width


@pytest.mark.parametrize(
    ("name", "text", "broken"),
    [
        ("result.json", "{", "result.json: no valid JSON"),
        ("result.json", "[" * 100_000, "result.json: is nested too deeply"),
        ("result.json", "[]", "result.json: must hold"),
        ("result.json", "{}", "result.json: method: Field required (6 mistakes)"),
        (
            "result.json",
            json.dumps({**RESULT, "metrics": {"val": 1}}),
            "result.json: metrics.val: Input should be",
        ),
        (
            "result.json",
            json.dumps({**RESULT, "phases": [{}]}),
            "result.json: phases.0.name: Field required",
        ),
        ("run.json", "no", "run.json: no valid JSON"),
        ("run.json", json.dumps({**RECORD, "aux": 3}), "run.json: aux: Input should be"),
        ("dataset.json", "1", "dataset.json: must hold"),
    ],
)
def test_a_damaged_file_of_a_run_is_listed_and_the_rest_is_shown(
    run: Path, name: str, text: str, broken: str
) -> None:
    (run / name).write_text(text)
    (line,) = summary_of(run)["broken"]
    assert line.startswith(broken)
    shown = invoke(str(run))
    assert shown.exit_code == 1
    assert f"broken: {broken}" in shown.output
    assert cells(shown.output, "loss/b") == ["-", "2"]
    assert "has not finished" not in shown.output


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
        ((str(tmp_path / "empty"),), "no data set (dataset.json), no bundle"),
        ((str(tmp_path / "bundle"),), "card.json"),
        ((str(tmp_path / "bundle"), "--html", "x.html"), "--html shows data sets"),
        ((str(tmp_path / "empty"), "--html", "x.html"), "no data set (dataset.json), no bundle"),
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
