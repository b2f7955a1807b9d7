"""Networks are measured, stored and driven as they stood at the end of their own phases: the
teacher is the one that taught.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError
from auxdrive.modalities import Modality
from auxdrive.types import Observation
from auxdrive_train.agents.entry import load_agent
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine import checkpoint
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.evaluate import predict_roles
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.loop import Trainer
from auxdrive_train.engine.train import train

METRIC = "rmse_road_wheel_deg"


def config_of(data: Path, method: str, **changes: Any) -> TrainConfig:
    values: dict[str, Any] = {
        "data": str(data), "method": method, "epochs": 3, "batch_size": 16, "threads": 1,
        "lr": 3e-3, "preprocessing": {"size": [64, 80]}, "aux": ["lidar"], "seed": 1,
    }  # fmt: skip
    return parse_config({**values, **changes})


def samd_of(data: Path, patience: int = 0) -> TrainConfig:
    return config_of(
        data, "samd", options={"epochs_per_round": 1, "patience": patience, "loss": "hint"}
    )


@pytest.fixture(scope="module")
def samd_run(stripe_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three rounds in which the shared head is trained on after every phase of the teacher."""
    out = tmp_path_factory.mktemp("roles") / "samd"
    train(samd_of(stripe_data), out)
    return out


def result_of(run: Path) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((run / "result.json").read_text())
    return result


def test_the_teacher_is_reported_as_it_ended_the_phase_before_the_student_that_was_kept(
    samd_run: Path,
) -> None:
    result = result_of(samd_run)
    taught = result["best"]["phase"].replace("student", "teacher")
    (record,) = [phase for phase in result["phases"] if phase["name"] == taught]
    assert result["metrics"]["val"]["teacher"][METRIC] == record["last"]
    assert result["metrics"]["val"]["student"][METRIC] == result["best"][METRIC]
    assert result["roles"] == {"student": result["best"]["phase"], "teacher": taught}


def test_what_is_loaded_and_driven_is_the_teacher_that_was_measured(samd_run: Path) -> None:
    run = load_run(samd_run)
    dataset = Dataset.open(run.config.data)
    samples = SampleSet.open(dataset, dataset.split("val"), run.task, run.method.modalities)
    predictions = predict_roles(run.roles, samples, torch.device("cpu"))
    measured = run.task.metrics(predictions["teacher"], samples.label, dataset.card.steering)
    assert measured[METRIC] == pytest.approx(
        result_of(samd_run)["metrics"]["val"]["teacher"][METRIC], rel=1e-12
    )
    # The networks as they stand beside the best student have a head that learned on.
    later = predict_roles(run.method.roles(run.networks), samples, torch.device("cpu"))
    assert np.abs(later["teacher"] - predictions["teacher"]).max() > 1e-4
    np.testing.assert_array_equal(later["student"], predictions["student"])
    agent = load_agent(samd_run, "teacher")
    assert agent is not None
    batch = samples.gather(np.arange(4))
    for row in range(4):
        frames = {
            modality: batch.frames[modality][row].numpy()
            for modality in (Modality.RGB, Modality.LIDAR)
        }
        driven = agent.act(
            Observation(frames[Modality.RGB], 0.0), {Modality.LIDAR: frames[Modality.LIDAR]}
        )
        assert driven.steer_rad == pytest.approx(float(predictions["teacher"][row, 0]), abs=1e-6)


def test_the_teacher_survives_a_kill_in_any_epoch(
    samd_run: Path, stripe_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted before each save and taken up again: the same teacher, to the last bit, in the
    same small file.
    """
    original, calls = Trainer._save, 0

    def failing(self: Trainer) -> None:
        nonlocal calls
        calls += 1
        if calls % 2 == 1:
            raise KeyboardInterrupt
        original(self)

    monkeypatch.setattr(Trainer, "_save", failing)
    for attempt in range(40):
        try:
            train(samd_of(stripe_data), tmp_path / "cut", resume=attempt > 0)
            break
        except KeyboardInterrupt:
            continue
    assert attempt > 3
    ours, whole = (
        checkpoint.load(run / "checkpoints" / "best.safetensors").roles["teacher"]
        for run in (tmp_path / "cut", samd_run)
    )
    assert ours.keys() == whole.keys()
    assert all(torch.equal(ours[key], whole[key]) for key in whole)
    assert all(
        key.startswith("head.") for key in whole
    )  # what the networks hold already is not stored twice
    cut, uncut = result_of(tmp_path / "cut"), result_of(samd_run)
    assert (cut["metrics"], cut["roles"]) == (uncut["metrics"], uncut["roles"])


def test_unimodal_networks_and_ensembles_are_reported_by_their_phases(
    stripe_data: Path, tmp_path: Path
) -> None:
    train(
        config_of(stripe_data, "umt", epochs=2, options={"probe_epochs": 1, "tune_epochs": 1}),
        tmp_path / "umt",
    )
    result = result_of(tmp_path / "umt")
    best = {phase["name"]: phase["best"] for phase in result["phases"]}
    assert result["roles"]["student"] == result["best"]["phase"]
    for name in ("unimodal_rgb", "unimodal_lidar", "fused"):
        assert result["roles"][name] == name
        assert result["metrics"]["val"][name][METRIC] == best[name]
    train(config_of(stripe_data, "dmcl", epochs=1), tmp_path / "dmcl")
    assert set(result_of(tmp_path / "dmcl")["roles"].values()) == {"together"}


def test_weights_of_a_role_that_is_not_there_are_refused(samd_run: Path, tmp_path: Path) -> None:
    best = samd_run / "checkpoints" / "best.safetensors"
    stored = checkpoint.load(best)
    run = load_run(samd_run)
    from auxdrive_train.engine.ended_roles import roles_at_their_end

    for roles, message in (
        ({"techer": {"head.x": torch.zeros(1)}}, "a role 'techer'"),
        ({"teacher": {"hed": torch.zeros(1)}}, "'hed', which the network lacks"),
        ({"teacher": {"head.layers.1.weight": torch.zeros(1)}}, "its role 'teacher', does not fit"),
    ):
        with pytest.raises(DataError, match=message):
            roles_at_their_end(run.method, run.networks, roles, "best.safetensors")
    stored.roles = {"teacher": {}}
    checkpoint.save(tmp_path / "again.safetensors", stored)
    assert checkpoint.load(tmp_path / "again.safetensors").roles == {"teacher": {}}
