"""The settings of a run: every mistake is told at once, and what is read is what was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from auxdrive.errors import ConfigError
from auxdrive_train.engine.config_files import dump_config, load_config
from auxdrive_train.engine.train import train
from small_runs import settings_for


def test_every_mistake_of_a_configuration_is_reported_at_once_with_the_nearest_name(
    tmp_path: Path,
) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "data: x\nmethod: smad\nbackbone: pilotnte\nepochz: 3\naugment: {miror: 1}\naux: [dept]\n"
    )
    with pytest.raises(ConfigError) as caught:
        load_config(file, {}, [])
    for hint in ("'epochs'", "'mirror'", "'depth'"):
        assert hint in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load_config(
            None, {"data": "x", "method": "smad", "backbone": "pilotnte", "task": "stering"}, []
        )
    for hint in ("'samd'", "'pilotnet'", "'steering'"):
        assert hint in str(caught.value)
    # A field that is wrong in itself hides no mistake between others, nor a rule of the method; and
    # invents none about itself.
    wrong = {
        "data": "x",
        "lr": -1,
        "method": "samd",
        "epochs": 7,
        "batch_size": 9,
        "processes": 2,
        "weights": "w.pth",
    }
    with pytest.raises(ConfigError) as caught:
        load_config(None, wrong, [])
    for hint in (
        "lr: ",
        "method 'samd' needs at least one auxiliary modality",
        "batch_size: 9 cannot be shared out",
        "weights: weight files are for backbone mobilenetv4 or resnet18 or resnet34, not pilotnet",
    ):
        assert hint in str(caught.value)
    with pytest.raises(ConfigError) as caught:
        load_config(None, {"data": "x", "method": "dmcl", "aux": ["dept"]}, [])
    assert "'depth'" in str(caught.value)
    assert "at least one auxiliary" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: x\nlr: 0.1\nlr: 0.2\n", "'lr' stands there twice"),
        ("data: x\naugment: {mirror: 1, mirror: 0}\n", "'mirror' stands there twice"),
        ("data: x\nmethod: samd\naux: depth\n", r"aux: must be a list: write \[depth\]"),
        ("data: x\nlr: .inf\n", "no finite number"),
        ("data: x\npreprocessing: {crop_top: 0.5, crop_bottom: 0.5}\n", "leave no row"),
        ("data: x\npreprocessing: {size: [66, 0]}\n", "greater than 0"),
    ],
)
def test_configurations_that_cannot_be(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "config.yaml").write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(tmp_path / "config.yaml", {}, [])


def test_a_crop_that_leaves_no_row_of_this_camera_is_refused_before_anything_is_written(
    stripe_data: Path, tmp_path: Path
) -> None:
    crop = {"size": [64, 80], "crop_top": 0.499, "crop_bottom": 0.499}
    with pytest.raises(ConfigError, match="leave no row of an image with"):
        train(settings_for("baseline", stripe_data, preprocessing=crop), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_set_reaches_nested_keys_and_configurations_survive_a_round_trip(tmp_path: Path) -> None:
    made = load_config(
        None,
        {"data": "x", "aux": ["depth"], "method": "samd"},
        ["augment.mirror=0", "options.loss=hint", "epochs=10"],
    )
    assert made.augment.mirror == 0
    assert made.options == {"loss": "hint"}
    (tmp_path / "config.yaml").write_text(dump_config(made))
    assert load_config(tmp_path / "config.yaml", {}, []) == made
    for bad, message in (
        ("epochs", "path.to.key=value"),
        ("options.loss=hnt", "Did you mean 'hint'"),
        ("lr=[", "no YAML"),
    ):
        with pytest.raises(ConfigError, match=message):
            load_config(None, {"data": "x", "aux": ["depth"], "method": "samd"}, [bad])
