"""`auxdrive inspect` on finished, unfinished and damaged runs, at every width of the terminal."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from auxdrive import console
from auxdrive.inspection.metric_tables import show_roles
from inspecting import invoke, summary_of


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
    "camera_faults": {"frames": 120, "followed": 119, "repeated": 0, "dark": 0, "saturated": 0},
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
def test_no_name_and_no_number_is_cut_however_many_roles_there_are(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(console.stdout, "width", width)
    roles = {
        f"role_{index}_network": {"rmse_road_wheel_deg": 1.5 + index, "r2": -123.25}
        for index in range(7)
    }
    show_roles(
        "on val", roles, {"constant": {"rmse_road_wheel_deg": 9.5}, "neighbours": {"r2": 0.5}}
    )
    shown = capsys.readouterr().out
    for expected in (
        *roles,
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
        ("result.json", "{}", "result.json: method: is missing (6 mistakes)"),
        (
            "result.json",
            json.dumps({**RESULT, "metrics": {"val": 1}}),
            "result.json: metrics.val: must be",
        ),
        (
            "result.json",
            json.dumps({**RESULT, "phases": [{}]}),
            "result.json: phases, first entry, name: is missing",
        ),
        ("run.json", "no", "run.json: no valid JSON"),
        ("run.json", json.dumps({**RECORD, "aux": 3}), "run.json: aux: must be"),
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
