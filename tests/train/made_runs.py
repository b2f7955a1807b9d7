"""Folders of runs as training writes their records, made at once: what they measured is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auxdrive.runs import MeasuredOn, PhaseResult, RunFolder, RunRecord, RunResult
from auxdrive.strict import dump_json
from auxdrive.strict_yaml import dump_yaml


def make_run(
    path: Path,
    seed: int,
    ade_m: float | None,
    *,
    method: str = "samd",
    data: str = "ab" * 32,
    task: str = "waypoints",
    splits: tuple[str, ...] = ("val", "test"),
    roles: tuple[str, ...] = ("student", "teacher"),
    **settings: Any,
) -> Path:
    """A finished run that measured this ADE on every split."""
    folder = RunFolder(path)
    path.mkdir(parents=True)
    config = {
        "data": str(path), "threads": seed, "method": method, "seed": seed, "lr": 0.001, **settings
    }  # fmt: skip
    folder.config_path.write_text(dump_yaml(config))
    record = RunRecord(
        auxdrive_version="0.1.0", torch="2.11.0", commit="", dataset_sha256=data, seed=seed,
        method=method, task=task, backbone="pilotnet", main="rgb", aux=(),
        measured_on={"val": MeasuredOn(how="the split 'val'", apart_s=None)},
        camera_faults={"frames": 3},
    )  # fmt: skip
    folder.record_path.write_bytes(dump_json(record.model_dump(mode="json")))
    metrics = {"ade_m": ade_m, "steer_macc": 0.5}
    result = RunResult(
        method=method,
        best={"phase": "student", "epoch": 1, "ade_m": ade_m},
        roles={"student": "student"},
        phases=(PhaseResult(name="student", epochs=1, watch="student", best=ade_m, last=ade_m),),
        steps=1,
        trained_s=1.0,
        metrics={split: dict.fromkeys(roles, metrics) for split in splits},
        floor={split: {"constant": {"ade_m": 9.0}} for split in splits},
    )
    folder.result_path.write_bytes(dump_json(result.model_dump(mode="json")))
    return path
