"""Training with vectors: to figures, to a bundle, through a stop; and what is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from auxdrive.bundles import Bundle
from auxdrive.checks.verify import verify_bundle
from auxdrive.cli import build_app
from auxdrive.errors import ConfigError, DataError, UsageError
from auxdrive.predictor import Predictor
from auxdrive.runs import RunFolder
from auxdrive.types import Observation
from auxdrive_deploy.bundle_writer import write_bundle
from auxdrive_train.engine import checkpoint, epoch
from auxdrive_train.engine.config_files import parse_config
from auxdrive_train.engine.load import load_run
from auxdrive_train.engine.train import train
from auxdrive_train.evaluation.evaluate import evaluate
from auxdrive_train.evaluation.models import open_model
from auxdrive_train.evaluation.probe import probe
from typer.testing import CliRunner
from vector_data import write_vector_data
from vector_runs import config_of


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_vector_data(tmp_path_factory.mktemp("vectors") / "data")


def all_with_clues(data: Path, out: Path) -> Path:
    """The same data without the training episode that lacks them."""
    shutil.copytree(data, out)
    card = json.loads((out / "dataset.json").read_text())
    card["splits"]["train"] = ["train-0"]
    (out / "dataset.json").write_text(json.dumps(card))
    return out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "main", "aux"),
    [
        ("baseline", "vector_clues", []),
        ("samd", "vector_noise", ["vector_clues", "rgb"]),
        ("umt", "vector_noise", ["vector_clues"]),
        ("dmcl", "rgb", ["vector_clues"]),
        ("cmcl", "rgb", ["vector_clues"]),
    ],
)
def test_from_vectors_to_figures(
    method: str, main: str, aux: list[str], data: Path, tmp_path: Path
) -> None:
    options = {"probe_epochs": 1} if method == "umt" else {}
    values: dict[str, object] = {"main": main, "aux": aux, "options": options}
    if method == "baseline":
        data = all_with_clues(data, tmp_path / "data")
        values |= {"epochs": 100, "hidden": [32]}
    out = tmp_path / "run"
    result = train(config_of(data, method=method, **values), out)
    assert 0 <= result.metrics["test"]["student"]["acc_top1"] <= 1
    assert {"constant", "neighbours"} <= set(result.floor["test"])
    if method == "baseline":
        assert result.metrics["test"]["student"]["acc_top1"] > 0.85
        assert result.floor["test"]["neighbours"]["acc_top1"] > 0.6
    measured = evaluate(open_model(out), [data], split="test")
    assert measured.metrics["acc_top1"].value == result.metrics["test"]["student"]["acc_top1"]
    assert probe(out).main_metric == "brier_score"
    shown = CliRunner().invoke(
        build_app(), ["inspect", str(out), "--html", str(tmp_path / "p.html")]
    )
    assert shown.exit_code == 0, shown.output
    if main != "rgb":
        with pytest.raises(UsageError, match=f"sees {main}, and a bundle sees the camera's RGB"):
            write_bundle(load_run(out), tmp_path / "bundle")


@pytest.mark.slow
def test_a_student_on_rgb_that_vectors_taught_is_exported_and_names_its_classes(
    data: Path, tmp_path: Path
) -> None:
    config = config_of(
        data,
        method="samd",
        main="rgb",
        aux=["vector_clues", "vector_noise"],
        epochs=6,
        backbone="pilotnet_bn",
    )
    train(config, tmp_path / "run")
    write_bundle(load_run(tmp_path / "run"), tmp_path / "bundle")
    assert verify_bundle(tmp_path / "bundle").passed
    card = Bundle.open(tmp_path / "bundle").card
    assert card.class_names == ("left", "straight", "right")
    assert card.outputs[0].shape == ("batch", 3)
    with Predictor.load(tmp_path / "bundle") as predictor:
        image = np.zeros((card.camera.height, card.camera.width, 3), np.uint8)
        prediction = predictor.predict(Observation(image, 0.0))
    assert prediction.class_names == card.class_names
    assert float(prediction.values["class_probabilities"].sum()) == pytest.approx(1.0, abs=1e-5)
    forged = json.loads((tmp_path / "bundle" / "card.json").read_text())
    forged["class_names"] = ["left", "right"]
    (tmp_path / "bundle" / "card.json").write_text(json.dumps(forged))
    assert not verify_bundle(tmp_path / "bundle").passed


@pytest.mark.slow
def test_a_run_with_sgd_is_cut_off_and_ends_with_the_same_bits(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = config_of(
        data,
        method="samd",
        main="vector_noise",
        aux=["vector_clues"],
        optimizer="sgd",
        momentum=0.9,
        lr=0.05,
        choose="last",
        options={"epochs_per_round": 1},
    )
    train(config, tmp_path / "whole")
    original, cut = epoch._step, set[tuple[int, int]]()

    def failing(*arguments: object) -> object:
        place = arguments[5]
        assert isinstance(place, tuple)
        if place[2] == 1 and place[:2] not in cut:
            cut.add(place[:2])
            raise KeyboardInterrupt
        return original(*arguments)  # type: ignore[arg-type]  # as it was called

    monkeypatch.setattr(epoch, "_step", failing)
    for attempt in range(20):
        try:
            train(config, tmp_path / "cut", resume=attempt > 0)
            break
        except KeyboardInterrupt:
            continue
    assert len(cut) == 4
    for file in ("last_path", "best_path"):
        ours, theirs = (
            checkpoint.load(getattr(RunFolder(tmp_path / run), file)).networks
            for run in ("cut", "whole")
        )
        assert all(torch.equal(tensor, theirs[key]) for key, tensor in ours.items())


def test_the_last_epoch_is_kept_where_that_is_asked_for(data: Path, tmp_path: Path) -> None:
    """With a rate that destroys what was learned, the best epoch is another than the last."""
    values = {
        "main": "vector_noise",
        "lr": 3.0,
        "lr_final": 1.0,
        "warmup": 0.0,
        "clip_norm": 0.0,
        "epochs": 4,
    }
    last = train(config_of(data, **values, choose="last"), tmp_path / "last")
    assert last.best["epoch"] == 4
    stored = checkpoint.load(RunFolder(tmp_path / "last").best_path).networks
    end = checkpoint.load(RunFolder(tmp_path / "last").last_path).networks
    assert all(torch.equal(stored[name], end[name]) for name in stored)
    best = train(config_of(data, **values), tmp_path / "best")
    key = "brier_score"
    assert best.metrics["val"]["student"][key] <= last.metrics["val"]["student"][key]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"main": "vector_clues", "augment": {"mirror": 0.5}}, "augment.mirror: 0.5, and nobody"),
        ({"momentum": 0.9}, "momentum: 0.9 is of sgd"),
        ({"main": "vector_clues", "hidden": [0]}, "hidden"),
    ],
)
def test_settings_that_cannot_be_are_named(
    data: Path, values: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        config_of(data, **values)


def test_a_method_for_probabilities_is_refused_where_there_are_none(
    data: Path, tmp_path: Path
) -> None:
    values = {"method": "cmcl", "task": "steering", "aux": ["vector_clues"]}
    with pytest.raises(ConfigError, match="a steering model predicts none"):
        train(config_of(data, **values), tmp_path / "run")


def test_a_vector_that_the_data_lack_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no vector_imu; vectors that it has: vector_cl"):
        train(config_of(data, main="vector_imu"), tmp_path / "run")


def test_configs_without_vectors_are_written_as_before() -> None:
    written = parse_config({"data": "data"}).model_dump(mode="json")
    assert not {"hidden", "optimizer", "momentum", "choose"} & set(written)
    kept = parse_config({"data": "data", "optimizer": "sgd", "choose": "last"})
    assert {"optimizer", "choose"} <= set(kept.model_dump(mode="json"))
