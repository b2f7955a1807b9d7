"""Runs as agents: what is driven is what was evaluated, from the frames that a simulator gives."""

from __future__ import annotations

import json
import math
from importlib.metadata import entry_points
from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.agent import Agent
from auxdrive.data.dataset import Dataset
from auxdrive.errors import DataError, InputError, UsageError
from auxdrive.modalities import MODALITIES, Modality
from auxdrive.types import Flag, Observation
from auxdrive_train.agents.entry import load_agent
from auxdrive_train.data.samples import SampleSet
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.evaluate import predict_roles
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train

RECORDED = (Modality.LIDAR, Modality.SEGMENTATION)


def make_run(out: Path, data: Path, method: str, **changes: object) -> Path:
    values = {
        "preprocessing": {"size": [64, 80]},
        "batch_size": 16,
        "backbone": "pilotnet",
        "threads": 1,
        "epochs": 1,
        "data": str(data),
        "method": method,
    }
    train(parse_config({**values, **changes}), out)
    return out


@pytest.fixture(scope="module")
def agent_runs(stripe_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """SAMD for waypoints with recorded and derived auxiliaries, and a plain student that steers."""
    folder = tmp_path_factory.mktemp("agents")
    options = {"epochs_per_round": 1}
    aux = ["lidar", "edge", "attention"]
    return {
        "samd": make_run(
            folder / "samd", stripe_data, "samd", task="waypoints", aux=aux, options=options
        ),
        "baseline": make_run(folder / "baseline", stripe_data, "baseline"),
    }


def validation(run_path: Path) -> SampleSet:
    run = load_run(run_path)
    dataset = Dataset.open(run.config.data)
    return SampleSet.open(
        dataset, dataset.split("val"), run.task, (*run.method.modalities, *RECORDED)
    )


def observation(samples: SampleSet, index: int) -> tuple[Observation, dict[Modality, np.ndarray]]:
    batch = samples.gather(np.array([index]))
    ego = batch.ego_be[0].tolist()
    frames = {modality: batch.frames[modality][0].numpy() for modality in RECORDED}
    speed, target = (ego[0], (ego[1], ego[2])) if ego else (None, None)
    return Observation(batch.frames[Modality.RGB][0].numpy(), index * 0.25, speed, target), frames


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_an_agent_says_what_evaluation_said(role: str, agent_runs: dict[str, Path]) -> None:
    agent = load_agent(agent_runs["samd"], role)
    assert agent is not None
    run, samples = load_run(agent_runs["samd"]), validation(agent_runs["samd"])
    expected = predict_roles({role: run.roles[role]}, samples, torch.device("cpu"))[role]
    for index in range(0, len(samples), 3):
        seen, frames = observation(samples, index)
        prediction = agent.act(seen, frames if role == "teacher" else {})
        assert prediction.waypoints_ego_m is not None
        np.testing.assert_allclose(prediction.waypoints_ego_m, expected[index], atol=1e-5)
        assert prediction.waypoint_times_s == (0.5, 1.0, 1.5, 2.0)
        assert (prediction.time_s, prediction.steer_rad, prediction.flags) == (
            seen.time_s,
            None,
            frozenset(),
        )
        assert prediction.latency_ms > 0


def test_a_student_needs_the_camera_alone_and_a_teacher_names_what_is_recorded(
    agent_runs: dict[str, Path],
) -> None:
    student, teacher = (
        load_agent(agent_runs["samd"], "student"),
        load_agent(agent_runs["samd"], "teacher"),
    )
    assert student is not None
    assert teacher is not None
    assert student.auxiliaries == ()
    assert teacher.auxiliaries == (Modality.LIDAR, Modality.SEGMENTATION)
    assert all(MODALITIES[modality].derived_from is None for modality in teacher.auxiliaries)
    assert teacher.name == "samd (teacher)"
    assert teacher.vehicle.wheelbase_m == 2.8
    assert teacher.steering == load_run(agent_runs["samd"]).card.steering


def test_a_steering_student_steers_and_torch_keeps_its_threads(agent_runs: dict[str, Path]) -> None:
    agent = load_agent(agent_runs["baseline"], threads=1)
    assert agent is not None
    before = torch.get_num_threads()
    seen, _ = observation(validation(agent_runs["baseline"]), 0)
    torch.set_num_threads(2)
    try:
        first, again = agent.act(seen, {}), agent.act(seen, {})
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert first.steer_rad == again.steer_rad
    assert first.steer_rad is not None
    assert first.waypoints_ego_m is None
    assert first.waypoint_times_s == ()


def test_the_entry_point_leads_here(agent_runs: dict[str, Path]) -> None:
    (point,) = entry_points(group="auxdrive.agents", name="run")
    agent: Agent | None = point.load()(agent_runs["baseline"], "student")
    assert agent is not None
    agent.close()
    agent.close()
    with pytest.raises(UsageError, match="is closed"):
        agent.act(Observation(np.zeros((64, 80, 3), np.uint8), 0.0), {})


def test_what_is_no_run_is_nobodys(tmp_path: Path) -> None:
    assert load_agent(tmp_path, "student") is None
    assert load_agent(tmp_path / "missing", "student") is None
    (tmp_path / "config.yaml").touch()
    assert load_agent(tmp_path / "config.yaml", "student") is None
    assert load_agent(tmp_path, "student") is None


def test_a_damaged_run_is_an_error_and_not_nobodys(
    agent_runs: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "config.yaml").write_text((agent_runs["baseline"] / "config.yaml").read_text())
    with pytest.raises(DataError, match="damaged"):
        load_agent(tmp_path, "student")


def test_a_role_that_the_run_lacks_lists_those_it_has(agent_runs: dict[str, Path]) -> None:
    with pytest.raises(UsageError, match=r"unknown role 'teacher'\. Valid: student"):
        load_agent(agent_runs["baseline"], "teacher")
    with pytest.raises(UsageError, match=r"Did you mean 'teacher'\? Valid: student, teacher"):
        load_agent(agent_runs["samd"], "techer")
    with pytest.raises(UsageError, match="threads must be 1 or more"):
        load_agent(agent_runs["baseline"], "student", threads=0)


GOOD = np.zeros((64, 80, 3), np.uint8)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": GOOD[:32]}, r"the image has the shape \(32, 80, 3\)"),
        ({"image": GOOD.astype(np.float32)}, "the image is float32"),
        ({"image": None}, "the image is None"),
        ({"time_s": math.nan}, "time_s is nan"),
        ({"time_s": 1.8e18}, "no seconds"),
        ({"speed_mps": None}, "speed_mps is None; give the forward speed"),
        ({"speed_mps": "4"}, "speed_mps is '4'"),
        ({"speed_mps": math.inf}, "speed_mps is inf"),
        ({"target_ego_m": None}, "target_ego_m is None; give the target point"),
        ({"target_ego_m": (1.0,)}, "target_ego_m has 1 values"),
        ({"target_ego_m": 5.0}, "target_ego_m is 5.0"),
        ({"target_ego_m": (1.0, math.nan)}, r"target_ego_m\[1\] is nan"),
    ],
)
def test_wrong_observations_are_refused(
    changes: dict[str, object], message: str, agent_runs: dict[str, Path]
) -> None:
    agent = load_agent(agent_runs["samd"])
    assert agent is not None
    values: dict[str, object] = {
        "image": GOOD,
        "time_s": 0.0,
        "speed_mps": 3.0,
        "target_ego_m": (10.0, 0.0),
    }
    agent.act(Observation(**values), {})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=message):
        agent.act(Observation(**{**values, **changes}), {})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({Modality.LIDAR: None}, "needs a frame of lidar in each call"),
        ({Modality.LIDAR: np.zeros((64, 64), np.uint8)}, "lidar frames have the shape"),
        ({Modality.SEGMENTATION: np.zeros((64, 80), np.uint16)}, "segmentation frames are uint8"),
        ({Modality.SEGMENTATION: np.full((64, 80), 99, np.uint8)}, "class id 99"),
    ],
)
def test_wrong_auxiliary_frames_are_refused(
    changes: dict[Modality, object], message: str, agent_runs: dict[str, Path]
) -> None:
    agent = load_agent(agent_runs["samd"], "teacher")
    assert agent is not None
    frames = {
        Modality.LIDAR: np.zeros((64, 64, 2), np.uint8),
        Modality.SEGMENTATION: np.ones((64, 80), np.uint8),
    }
    seen = Observation(GOOD, 0.0, 3.0, (10.0, 0.0))
    agent.act(seen, frames)
    given = {
        modality: frame for modality, frame in {**frames, **changes}.items() if frame is not None
    }
    with pytest.raises(InputError, match=message):
        agent.act(seen, given)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "task"), [("baseline", "steering"), ("samd", "waypoints")])
def test_a_prediction_that_is_not_finite_is_withheld(
    name: str, task: str, agent_runs: dict[str, Path]
) -> None:
    agent = load_agent(agent_runs[name])
    assert agent is not None
    with torch.no_grad():
        next(iter(agent._network.parameters())).fill_(math.nan)  # type: ignore[attr-defined]
    prediction = agent.act(Observation(GOOD, 0.0, 3.0, (10.0, 0.0)), {})
    assert prediction.steer_rad is None
    assert prediction.waypoints_ego_m is None
    assert Flag.NON_FINITE_OUTPUT in prediction.flags
    assert "not finite" in prediction.reason


def test_a_run_is_held_to_the_limits_of_its_bundle(agent_runs: dict[str, Path]) -> None:
    agent = load_agent(agent_runs["samd"])
    assert agent is not None
    inside = agent.act(Observation(GOOD, 0.0, *inputs_of_training(agent_runs["samd"])), {})
    assert not inside.flags
    far = agent.act(Observation(GOOD, 0.0, 60.0, (10.0, 0.0)), {})
    assert Flag.INPUT_OUT_OF_RANGE in far.flags
    assert "speed_mps 60 is outside" in far.reason
    with torch.no_grad():
        for parameter in agent._network.parameters():  # type: ignore[attr-defined]
            parameter.mul_(1e3)
    wild = agent.act(Observation(GOOD, 0.0, *inputs_of_training(agent_runs["samd"])), {})
    assert wild.flags == {Flag.OUTPUT_LIMIT}
    assert wild.waypoints_ego_m is None


def inputs_of_training(run: Path) -> tuple[float, tuple[float, float]]:
    """The middle of what the training samples held."""
    ranges = json.loads((run / "run.json").read_text())["input_ranges"]
    (speed,), target = (
        [
            (low + high) / 2
            for low, high in zip(ranges[name]["low"], ranges[name]["high"], strict=True)
        ]
        for name in ("speed_mps", "target_ego_m")
    )
    return speed, (target[0], target[1])
