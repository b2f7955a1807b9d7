"""The folder of a run, read without torch: its paths, its records, and what is damaged in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from auxdrive.errors import DataError
from auxdrive.runs import MeasuredOn, PhaseResult, RunFolder, RunRecord, RunResult
from auxdrive.strict import dump_json
from pydantic import ValidationError

RECORD = RunRecord(
    auxdrive_version="0.1.0",
    torch="2.5.0",
    commit="",
    dataset_sha256="ab" * 32,
    seed=0,
    method="samd",
    task="steering",
    backbone="pilotnet",
    main="rgb",
    aux=("depth",),
    measured_on={"val": MeasuredOn(how="the split 'val'", apart_s=None)},
    camera_faults={"frames": 3},
)
RESULT = RunResult(
    method="samd",
    best={"phase": "round 1: student", "epoch": 2, "rmse_road_wheel_deg": 1.25},
    roles={"student": "round 1: student"},
    phases=(PhaseResult(name="round 1: student", epochs=2, watch="student", best=1.25, last=1.5),),
    steps=12,
    trained_s=3.0,
    metrics={"val": {"student": {"r2": None, "macc": 0.5}}},
)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    made = RunFolder(tmp_path)
    made.config_path.write_text("method: samd\n")
    made.record_path.write_bytes(dump_json(RECORD.model_dump(mode="json")))
    made.result_path.write_bytes(dump_json(RESULT.model_dump(mode="json")))
    lines = [{"phase": "round 1: student", "epoch": number, "role": "student"} for number in (1, 2)]
    made.metrics_path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return made


def test_records_come_out_as_they_went_in(folder: RunFolder) -> None:
    assert folder.is_run
    assert folder.is_finished
    assert folder.record() == RECORD
    assert folder.result() == RESULT
    assert [epoch["epoch"] for epoch in folder.epochs()] == [1, 2]


def test_a_line_that_is_being_written_is_left_out_and_a_damaged_one_is_not(
    folder: RunFolder,
) -> None:
    with folder.metrics_path.open("a") as file:
        file.write('{"epo')
    assert len(folder.epochs()) == 2
    with folder.metrics_path.open("a") as file:
        file.write("\n")
    with pytest.raises(DataError, match="line 3 is no JSON object"):
        folder.epochs()


def test_a_line_with_a_number_beyond_all_is_damaged(folder: RunFolder) -> None:
    with folder.metrics_path.open("a") as file:
        file.write(f'{{"phase": "student", "epoch": 3, "loss": {10**400}}}\n')
    with pytest.raises(DataError, match="line 3 is no JSON object"):
        folder.epochs()


def test_what_is_missing_or_damaged_is_said(folder: RunFolder) -> None:
    folder.record_path.write_text('{"seed": "0"}')
    with pytest.raises(DataError, match=r"run\.json is damaged(?s:.*)seed: must be"):
        folder.record()
    folder.result_path.write_text("[]")
    with pytest.raises(DataError, match=r"result\.json is damaged(?s:.*)--resume"):
        folder.result()
    folder.result_path.unlink()
    assert not folder.is_finished
    with pytest.raises(DataError, match="has not finished training"):
        folder.result()
    assert not RunFolder(folder.path / "nothing").is_run


def test_a_record_that_training_would_not_write_cannot_be_made() -> None:
    with pytest.raises(ValidationError, match="roles"):
        RESULT.model_validate({**RESULT.model_dump(), "roles": {"student": 1}})


def test_runs_are_read_without_torch_and_yaml() -> None:
    heavy = ("torch", "yaml", "lightning_fabric", "typer", "onnxruntime")
    code = f"import sys, auxdrive.runs; print([m for m in {heavy!r} if m in sys.modules])"
    finished = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert finished.stdout.strip() == "[]"
