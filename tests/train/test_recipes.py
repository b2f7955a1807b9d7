"""The recipe of a task stands where nothing is given: in files, commands, and in benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from auxdrive.cli import run
from auxdrive.errors import ConfigError
from auxdrive.runs import RunResult
from auxdrive_train.engine import train as engine
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import dump_config, load_config, parse_config
from auxdrive_train.engine.recipes import recipe_of
from auxdrive_train.methods import METHODS
from auxdrive_train.tasks import TASKS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
from table7_models import DRIVING, MODELS, Model  # noqa: E402

# What the results in the README were made with, as the runs' config.yaml says.
MEASURED = {
    "task": "waypoints", "options": {}, "main": "rgb", "aux": [], "backbone": "pilotnet_bn",
    "weights": None, "preprocessing": {
        "crop_top": 0.05, "crop_bottom": 0.0, "size": [68, 128], "mean": [0.5] * 3,
        "std": [0.25] * 3,
    },
    "dropout": 0.1, "epochs": 6, "batch_size": 32, "lr": 0.002, "lr_final": 0.01, "warmup": 0.02,
    "weight_decay": 0.0001, "clip_norm": 5.0, "early_stop": 0, "augment": {
        "mirror": 0.0, "brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "gamma": 0.0,
        "noise": 0.0, "speed_noise": 1.0, "speed_dropout": 0.0, "view_shift": 0.0,
        "view_turn": 0.0, "view_recover": 10.0,
    },
    "balance": {"rest_every": 4, "turn_repeat": 3, "slow_repeat": 1, "mistake_repeat": 1},
    "seed": 0, "device": "cpu",
    "precision": "32-true", "processes": 1, "threads": 1, "prefetch": 2, "validation_every": 5,
    "evaluate": ["test"],
}  # fmt: skip
OF_METHOD: dict[str, dict[str, Any]] = {
    "baseline": {},
    "samd": {"aux": ["lidar"], "options": {"epochs_per_round": 2}},
    "teacher": {"aux": ["lidar"]},
}


class _Asked(Exception):
    """Ends a command where it would train."""


def asked_by(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The settings that `auxdrive train` would train with."""
    found: list[TrainConfig] = []

    def train(config: TrainConfig, *_: object, **__: object) -> RunResult:
        found.append(config)
        raise _Asked

    with monkeypatch.context() as patch:
        patch.setattr(engine, "train", train)
        run(["train", "--data", "data", *arguments])
    return found[0].model_dump(mode="json")


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_table_7_trains_as_its_results_were_made(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asked_by(model.training(0), monkeypatch)
    assert {key: asked[key] for key in MEASURED} == {**MEASURED, **OF_METHOD[model.method]}
    assert asked["method"] == model.method
    assert DRIVING == ("--controller", "pure_pursuit", "--creep-after-s", "25")


def test_example_command_line_and_python_take_the_same_recipe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = load_config(ROOT / "examples" / "samd.yaml", {}, []).model_dump(mode="json")
    typed = ["--method", "samd", "--aux", "lidar,depth,segmentation", "--task", "waypoints"]
    assert asked_by([*typed, "--set", "evaluate=[test]"], monkeypatch) == example
    values = {key: example[key] for key in ("data", "method", "task", "aux", "evaluate")}
    assert parse_config(values).model_dump(mode="json") == example
    for key, value in recipe_of("waypoints").items():
        if key != "options":
            inner = isinstance(value, dict)
            assert ({k: example[key][k] for k in value} if inner else example[key]) == value


def test_what_is_given_wins_key_by_key() -> None:
    given = {"data": "d", "task": "waypoints", "augment": {"mirror": 0.5}, "lr": 0.1}
    config = parse_config(given)
    assert (config.lr, config.augment.mirror, config.augment.speed_noise) == (0.1, 0.5, 1.0)
    samd = {**given, "method": "samd", "aux": ["depth"], "options": {"loss": "kd"}}
    assert parse_config(samd).options == {"epochs_per_round": 2, "loss": "kd"}
    umt = {**given, "method": "umt", "aux": ["depth"]}
    assert parse_config(umt).options == {}


def test_a_task_without_a_recipe_takes_the_defaults() -> None:
    assert parse_config({"data": "d"}) == TrainConfig(data=(Path("d"),))
    assert recipe_of("steering") == {}


def test_a_stored_configuration_says_everything_and_is_read_as_it_is(tmp_path: Path) -> None:
    stored = parse_config({"data": "d", "task": "waypoints", "backbone": "resnet18", "epochs": 3})
    (tmp_path / "config.yaml").write_text(dump_config(stored))
    assert load_config(tmp_path / "config.yaml", {}, []) == stored


def test_mistakes_are_told_as_without_a_recipe() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'waypoints'") as caught:
        parse_config({"data": "d", "task": "waypoint", "method": "samdd", "lr": "fast"})
    assert "Did you mean 'samd'" in str(caught.value)
    assert "lr: " in str(caught.value)
    for odd in (["waypoints"], 3, None):
        with pytest.raises(ConfigError, match="task: "):
            parse_config({"data": "d", "task": odd})
    with pytest.raises(ConfigError, match="augment: "):
        parse_config({"data": "d", "task": "waypoints", "augment": 3})


@pytest.mark.parametrize("task", [offer.name for offer in TASKS.builtin])
def test_every_recipe_is_sound_for_every_method(task: str) -> None:
    options = recipe_of(task).get("options", {})
    assert set(options) <= {method.name for method in METHODS.builtin}
    for method in METHODS.builtin:
        aux = ["depth"] if METHODS[method.name].needs_auxiliaries else []
        parse_config({"data": "d", "task": task, "method": method.name, "aux": aux})
