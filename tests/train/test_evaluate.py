"""`auxdrive evaluate`: a run measured open loop on recorded data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from auxdrive import cli
from auxdrive.cards import CameraSpec, DatasetCard, VehicleSpec
from auxdrive.data.dataset import Dataset
from auxdrive.data.episode_files import write_card
from auxdrive.errors import DataError, UsageError
from auxdrive.modalities import Modality
from auxdrive.runs import RunFolder
from auxdrive_train.engine.train import train
from auxdrive_train.evaluation.evaluate import Evaluation, evaluate
from auxdrive_train.evaluation.models import open_model
from made_runs import make_run
from small_runs import settings_for


@pytest.fixture(scope="module")
def run(stripe_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher that sees depth and LiDAR too, beside its student."""
    out = tmp_path_factory.mktemp("evaluated") / "samd"
    train(settings_for("samd", stripe_data, epochs=1, evaluate=["test"]), out)
    return out


@pytest.fixture
def other_data(tmp_path: Path, stripe_writer: Callable[..., None]) -> Callable[..., Path]:
    """A data set without splits, with RGB alone."""

    def make(name: str, width: int = 80, **card: object) -> Path:
        root = tmp_path / name
        for seed in (50, 51):
            stripe_writer(root, f"drive-{seed}", seed, 12, (Modality.RGB,))
        camera = CameraSpec(width=width, height=64)
        values = {"rate_hz": 4.0, "camera": camera, **card}
        write_card(root, DatasetCard(name=name, modalities=(Modality.RGB,), **values))
        return root

    return make


@pytest.mark.parametrize(
    ("option", "told"),
    [("spinning=false", "is a run, and only a bundle"), ("spining=false", "mean 'spinning'")],
)
def test_a_run_has_no_runtime_and_so_no_options_of_one(
    option: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", 0, 1.0)
    given = ["--data", str(tmp_path), "--runtime-option", option]
    assert cli.run(["evaluate", str(run), *given]) == 2
    assert told in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("role", ["student", "teacher"])
def test_a_run_has_on_its_own_data_what_its_result_says(
    run: Path, stripe_data: Path, role: str
) -> None:
    found = evaluate(open_model(run, role), [stripe_data], "test")
    result = RunFolder(run).result()
    assert {name: each.value for name, each in found.metrics.items()} == pytest.approx(
        result.metrics["test"][role]
    )
    assert found.floor == result.floor["test"]
    assert found.data.trained is False
    assert found.main_metric == "rmse_road_wheel_deg"


def test_on_data_without_a_training_split_the_constant_is_of_the_measured_frames(
    run: Path, other_data: Callable[..., Path]
) -> None:
    found = evaluate(open_model(run), [other_data("elsewhere")])
    assert found.data.frames == 24
    assert found.data.trained is None
    assert found.floor.keys() == {"constant"}
    assert "measured frames themselves" in found.floor_from
    assert found.metrics["macc"].low is None
    assert "5 are needed" in found.intervals


def test_frames_that_trained_the_model_are_named(run: Path, stripe_data: Path) -> None:
    found = evaluate(open_model(run), [stripe_data], "train")
    assert found.data.trained is True
    assert any("these frames trained the model" in note for note in found.notes)


def test_conditions_divide_the_frames(run: Path, stripe_data: Path) -> None:
    found = evaluate(open_model(run), [stripe_data], "val")
    steering = {k: v for k, v in found.conditions.items() if k.startswith("steering")}
    assert sum(each.frames for each in steering.values()) == found.data.frames
    assert found.conditions["speed 0.1 to 5 m/s"].frames == found.data.frames
    errors = {k: v.metrics["rmse_road_wheel_deg"] for k, v in steering.items()}
    squares = sum(v.frames * errors[k] ** 2 for k, v in steering.items()) / found.data.frames
    assert np.sqrt(squares) == pytest.approx(found.metrics["rmse_road_wheel_deg"].value)


def test_a_frame_of_unknown_speed_is_in_no_band_of_speeds(
    run: Path, other_data: Callable[..., Path]
) -> None:
    root = other_data("unknown-speed")
    state = np.lib.format.open_memmap(root / "episodes" / "drive-50" / "state.npy", mode="r+")
    state["speed_mps"] = np.nan
    state.flush()
    found = evaluate(open_model(run), [root])
    speeds = {k: v for k, v in found.conditions.items() if k.startswith("speed")}
    assert sum(each.frames for each in speeds.values()) == 12


def test_data_that_lack_what_the_model_needs_are_refused(
    run: Path, stripe_data: Path, other_data: Callable[..., Path]
) -> None:
    root = other_data("lacking")
    with pytest.raises(DataError, match=r"has no depth, lidar .*role 'teacher' sees"):
        evaluate(open_model(run, "teacher"), [root])
    card = Dataset.open(root).card
    write_card(root, card.model_copy(update={"camera": CameraSpec(width=90, height=64)}))
    with pytest.raises(DataError, match=r"images are 90x64, the model takes 80x64"):
        evaluate(open_model(run), [root])
    with pytest.raises(UsageError, match=r"unknown split 'tset'\. Did you mean 'test'"):
        evaluate(open_model(run), [stripe_data], "tset")
    with pytest.raises(UsageError, match=r"unknown role 'studnet'\. Did you mean 'student'"):
        open_model(run, "studnet")
    with pytest.raises(UsageError, match=r"no run .* and no bundle"):
        open_model(stripe_data)


def test_another_vehicle_and_camera_are_told(run: Path, other_data: Callable[..., Path]) -> None:
    root = other_data("another-car", rate_hz=4.2, vehicle=VehicleSpec(wheelbase_m=0.3))
    card = Dataset.open(root).card
    camera = card.camera.model_copy(update={"z_m": 0.4})
    write_card(root, card.model_copy(update={"camera": camera}))
    notes = " ".join(evaluate(open_model(run), [root]).notes)
    assert "the camera is another than in training: z_m was 0.0 and is 0.4" in notes
    assert "4.2 Hz, in training at 4" in notes


def test_the_command_prints_and_writes_the_same(
    run: Path, stripe_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "measured.json"
    arguments = ["evaluate", str(run), "--data", str(stripe_data), "--split", "test"]
    assert cli.run([*arguments, "--json", "--out", str(out)]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert json.loads(out.read_text()) == printed
    assert Evaluation.model_validate(printed).data.split == "test"
    assert cli.run(arguments) == 0
    shown = capsys.readouterr()
    assert "(constant)" in shown.out
    assert "fitted to the split 'train' of the same data" in shown.err
    assert cli.run([*arguments, "--out", str(tmp_path / "nowhere" / "a.json")]) == 2
    assert "there is no directory" in capsys.readouterr().err
