"""The settings' page and the example: what they say is what the config holds."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from auxdrive_train.engine.config import TrainConfig
from auxdrive_train.engine.config_files import load_config
from auxdrive_train.methods import METHODS
from pydantic import BaseModel

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "settings.md"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_settings", ROOT / "docs" / "make_settings.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def groups() -> dict[str, type[BaseModel]]:
    """Prefix and model of every group of settings."""
    nested = {f"{key}.": field.annotation for key, field in TrainConfig.model_fields.items()}
    models = {
        key: kind
        for key, kind in nested.items()
        if isinstance(kind, type) and issubclass(kind, BaseModel)
    }
    return {"": TrainConfig, **models}


def test_the_page_is_what_the_script_makes(maker: ModuleType) -> None:
    assert PAGE.read_text(encoding="utf-8") == maker.page(), "run python docs/make_settings.py"


def test_every_setting_stands_there_with_its_meaning() -> None:
    rows = [
        line.strip("| ").split(" | ")
        for line in PAGE.read_text(encoding="utf-8").partition("## Recipes")[0].splitlines()
        if line.startswith("| `")
    ]
    wanted = [prefix + name for prefix, model in groups().items() for name in model.model_fields]
    wanted += [  # several methods may have an option of one name, with another default
        f"options.{name}"
        for method in METHODS.builtin
        for name in method.load().options_type.model_fields
    ]
    assert sorted(row[0].strip("`") for row in rows) == sorted(wanted)
    assert all(len(row) == 4 and len(row[-1]) > 5 for row in rows)


def test_bounds_and_choices_are_told_in_words(maker: ModuleType) -> None:
    told = {
        key: maker.takes(key, TrainConfig.model_fields[key])
        for key in ("dropout", "epochs", "weights", "aux", "device", "task")
    }
    assert told == {
        "dropout": "a number at least 0 and below 1",
        "epochs": "a whole number at least 1",
        "weights": "a path or `null`",
        "aux": "a list, each a modality",
        "device": "`cpu`, `cuda`",
        "task": "`classification`, `path_speed`, `steering`, `waypoints`",
    }


def test_the_example_is_a_sound_configuration() -> None:
    config = load_config(ROOT / "examples" / "samd.yaml", {}, [])
    assert (config.method, config.task, [str(m) for m in config.aux]) == (
        "samd",
        "waypoints",
        ["lidar", "depth", "segmentation"],
    )
